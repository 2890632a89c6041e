"""What a model's score does when its input gets worse: noise over the voice, frames that are missing, wrong words.

Each kind of damage has steps from none to all. Frames are dropped from the features (of 8 frames, those of 2 are left
at 75 %), noise is white and added to the sound before anything hears it, words are replaced one by one by words of
other clips, and at the end the whole sentence is another clip's. The same clips are answered at every step, and the
differences to the clean score are paired.
"""

from __future__ import annotations

import io
import random
import wave
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from affectrl.attribution.contributions import LEVEL, RESAMPLES, answers_of, constant, room
from affectrl.attribution.findings import Curves, Findings, Table
from affectrl.attribution.kept import Bar, Opened, opened
from affectrl.attribution.study import metrics_of
from affectrl.data.clip import Blob, Clip
from affectrl.data.media.audio import SAMPLE_RATE, read_audio
from affectrl.evaluation.columns import Metric, aligned, columns
from affectrl.evaluation.evaluate import Row
from affectrl.metrics.intervals import Estimate, clusters, interval_of, resample_scores
from affectrl.models.features import VIEWS, ClipFeatures, extract_all
from affectrl.models.senses import SENSES, only, senses

CLEAN = "clean"
SNR_DB = (20, 10, 0, -10)
MISSING = (25, 50, 75, 100)
WRONG = (25, 50, 100)
ANOTHER = "another clip's"
Damaged = dict[str, list[ClipFeatures]]


def noisy(clip: Clip, snr_db: float) -> Clip:
    """The clip with white noise over its sound; the same noise for the same clip.

    Args:
        clip: With sound; its window of it is cut out.
        snr_db: Power of the whole sound against that of the noise, dB.

    Raises:
        MediaError: Its sound cannot be read.
    """
    source = clip.audio or clip.video
    assert source is not None
    sound = read_audio(source, start=clip.start, end=clip.end).samples.astype(np.float64)
    noise = np.random.default_rng(zlib.crc32(clip.id.encode())).standard_normal(len(sound))
    noise *= np.sqrt(np.mean(sound**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    mixed = sound + noise
    # Together they may not fit; the ratio stays when both are made quieter.
    mixed /= max(1.0, float(np.abs(mixed).max()))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((mixed * 32767).astype("<i2").tobytes())
    blob = Blob(buffer.getvalue(), f"{clip.id}-{snr_db}dB.wav")
    return clip.model_copy(update={"audio": blob, "use_video_audio": False, "start": None, "end": None})


def fewer_frames(clip: ClipFeatures, missing: int) -> ClipFeatures:
    """The clip with a share of its frames gone, drawn by its id; at 100 % without any picture.

    Args:
        clip: Of the fused family.
        missing: Percent.
    """
    if missing >= 100:
        return only(clip, [sense for sense in SENSES if sense != "vision"])
    streams = dict(clip.streams)
    for view in VIEWS:
        if view in streams:
            rows = len(streams[view])
            left = max(1, round(rows * (1 - missing / 100)))
            places = sorted(random.Random(f"{clip.id} {missing}").sample(range(rows), left))
            streams[view] = streams[view][places]
    return replace(clip, streams=streams)


def wrong_words(clip: ClipFeatures, share: int | str, others: Sequence[str]) -> ClipFeatures:
    """The clip with some of its words replaced by words of other clips, drawn by its id.

    Args:
        clip: With words.
        share: Percent of the words, or :data:`ANOTHER` for a whole sentence of another clip.
        others: Sentences of other clips.
    """
    assert clip.text is not None
    draw = random.Random(f"{clip.id} {share}")
    if share == ANOTHER:
        return replace(clip, text=draw.choice(others))
    words = clip.text.split()
    count = round(len(words) * int(share) / 100)
    pool = [word for text in others for word in text.split()]
    for place in draw.sample(range(len(words)), count):
        words[place] = draw.choice(pool)
    return replace(clip, text=" ".join(words))


def sensitivity(
    place: str | Path, clips: Sequence[Clip], folder: Path, bar: Bar, *, fresh: bool = False, batch_size: int = 16
) -> Findings:
    """The study.

    Args:
        place: The model.
        clips: With labels.
        folder: Where the study is kept.
        bar: Shows progress.
        fresh: Begin anew where another study is.
        batch_size: Clips in one forward pass.

    Raises:
        DataError: ``no_clips``.
        UsageError: ``attribution_differs``.
        ModelError: The model cannot be loaded.
    """
    here = opened(place, clips, folder, bar, fresh=fresh, settings={"study": "sensitivity"})
    is_open = here.model.task.labels is None
    nothing = constant([clip.clip for clip in here.features], open_vocabulary=is_open)
    metric = metrics_of(open_vocabulary=is_open)[0]

    def ask(part: Sequence[ClipFeatures], advance: Callable[[str], None]) -> list[Row]:
        model = here.model
        most, kept = room(model.policy, model.task), frozenset(SENSES)
        return answers_of(
            model.policy, part, model.task, kept, nothing,
            batch_size=batch_size, max_new_tokens=most, advance=advance,
        )  # fmt: skip

    found: dict[str, dict[str, tuple[Estimate, Estimate]]] = {}
    notes: list[str] = []
    for sense, damage in (("audio", _noise), ("vision", _frames), ("text", _words)):
        some = [clip for clip in here.features if sense in senses(clip)]
        if not some:
            notes.append(f"No clip has {sense}; its damage was left out.")
            continue
        if sense == "vision" and any(clip.layout for clip in some):
            notes.append("Frames of native models cannot be dropped; missing frames were left out.")
            continue
        steps = damage(here, some)
        rows = {name: here.rows(f"{sense}-{name}".replace(" ", "-"), part, ask) for name, part in steps.items()}
        found[sense] = paired(rows, metric)
    return told(found, metric, here.skipped, notes)


def paired(rows: dict[str, list[Row]], metric: Metric) -> dict[str, tuple[Estimate, Estimate]]:
    """Each step's score and its difference to the clean one, over the same clips in each resample.

    Args:
        rows: Step to answers; the first step is clean.
        metric: Which score.
    """
    same = aligned(rows)
    clips = next(iter(same.values()))
    groups = clusters([entry["speaker"] for entry in clips])
    statistic, tables = columns(metric, list(same.values()))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [float(np.asarray(statistic(table.sum(0, keepdims=True)))[0]) for table in tables]
    drawn = resample_scores(tables, statistic, groups, RESAMPLES, 0)
    return {
        step: (
            interval_of(value, again, len(clips), groups, LEVEL),
            interval_of(value - values[0], again - drawn[0], len(clips), groups, LEVEL),
        )
        for step, value, again in zip(same, values, drawn, strict=True)
    }


NAMES = {
    "audio": ("Noise over the voice", "noise, dB above the sound (left: none)"),
    "vision": ("Missing frames", "frames missing, percent"),
    "text": ("Wrong words", "words replaced, percent (right: another clip's sentence)"),
}


def told(
    found: dict[str, dict[str, tuple[Estimate, Estimate]]], metric: Metric, skipped: int, notes: Sequence[str] = ()
) -> Findings:
    """The findings of scored steps."""
    charts = []
    for sense, steps in found.items():
        title, scale = NAMES[sense]
        points = [(_place(sense, step), score) for step, (score, _) in steps.items()]
        charts.append(Curves(title, scale, {metric.upper(): points}, "Wherever the curve falls, the model listened."))
    tables = [
        Table(
            NAMES[sense][0],
            ("step", metric.upper(), "difference to clean"),
            [[step, str(score), "" if step == CLEAN else less.signed] for step, (score, less) in steps.items()],
            note=f"{next(iter(steps.values()))[0].n} clips",
        )
        for sense, steps in found.items()
    ]
    values: dict[str, Any] = {
        "metric": metric,
        "curves": {
            sense: [{"step": step, "score": score, "difference": less} for step, (score, less) in steps.items()]
            for sense, steps in found.items()
        },
    }
    lead = "The same clips were answered with more and more of one modality damaged, the others left as they are."
    return Findings("sensitivity", "How much damage does it bear?", lead, values, tables, charts, skipped, list(notes))


def _place(sense: str, step: str) -> float:
    """Where a step stands on the scale of its chart."""
    if sense == "audio":
        return -30.0 if step == CLEAN else -float(step.removesuffix(" dB"))
    return 0.0 if step == CLEAN else 125.0 if step == ANOTHER else float(step.removesuffix(" %"))


def _noise(here: Opened, clips: list[ClipFeatures]) -> Damaged:
    steps: Damaged = {CLEAN: clips}
    for snr in SNR_DB:
        loud: list[ClipFeatures] = []
        with here.bar(f"noise {snr} dB", len(clips), 0) as advance:
            for clip in clips:
                loud += extract_all(here.model.extractor, [noisy(clip.clip, snr)], lambda *_: None)
                advance("")
        steps[f"{snr} dB"] = loud
    return steps


def _frames(here: Opened, clips: list[ClipFeatures]) -> Damaged:
    return {CLEAN: clips} | {f"{share} %": [fewer_frames(clip, share) for clip in clips] for share in MISSING}


def _words(here: Opened, clips: list[ClipFeatures]) -> Damaged:
    texts = [clip.text or "" for clip in clips]

    def others(at: int) -> list[str]:
        mine = clips[at].clip.labels[0]
        strange = [t for t, clip in zip(texts, clips, strict=True) if clip.clip.labels[0] != mine]
        return strange or texts

    steps: Damaged = {CLEAN: clips}
    for share in (*WRONG, ANOTHER):
        name = share if isinstance(share, str) else f"{share} %"
        steps[name] = [wrong_words(clip, share, others(i)) for i, clip in enumerate(clips)]
    return steps
