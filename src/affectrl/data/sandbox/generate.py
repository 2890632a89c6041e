"""Make a sandbox set: real media files and the manifest that lists them. Synthetic, and never evidence about people.

from affectrl.data.sandbox.generate import generate
clips = generate(Path("data/sandbox"), 300, seed=0)
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy import signal

from affectrl import paths
from affectrl.data.clip import Clip
from affectrl.data.sandbox import encode, expressions
from affectrl.data.sandbox.acoustics import say
from affectrl.data.sandbox.cues import cues_of
from affectrl.data.sandbox.face import Artist
from affectrl.data.sandbox.identity import Domain
from affectrl.data.sandbox.plan import SPLITS, Plan, Settings, check, plan, usual_mix
from affectrl.data.sandbox.speech import SPEECH_RATE_HZ
from affectrl.data.sandbox.utterances import names_of
from affectrl.errors import DataError, ModelError, UsageError
from affectrl.progress import Advance

VERSION = 2
"""Raised whenever the same seed gives other files than before."""

MANIFEST = "manifest.jsonl"
_SETTINGS_FILE = "sandbox.json"
_SHORTEST_S, _LONGEST_S = 1.5, 4.0


def generate(
    out: Path,
    n: int,
    *,
    seed: int = 0,
    domain: Domain = "source",
    disagree: float = 0.0,
    splits: Mapping[str, float] = SPLITS,
    modalities: Mapping[str, float] | None = None,
    speakers: int = 40,
    weak: float = 0.13,
    open_vocabulary: bool = False,
    workers: int = 2,
    progress: Advance | None = None,
) -> list[Clip]:
    """Write ``n`` labelled clips into a folder; clips that are already there are kept.

    Args:
        out: The folder: ``media/`` and ``manifest.jsonl`` go there.
        n: How many clips. Clip i is the same whatever ``n`` and ``workers`` are.
        seed: Same seed, same people, sentences and files.
        domain: ``source``, or ``shifted``: other voices, faces and light, noise, harder compression, smaller pictures.
        disagree: Share of clips one of whose channels shows another emotion than the label, on purpose.
        splits: Share of each split. Neither speakers nor sentences cross splits.
        modalities: Share of each modality subset, by the names of :data:`~affectrl.data.sandbox.plan.PARTS`;
            by default 70 % have moving face, voice and words, and the other subsets share the rest.
        speakers: How many invented people there are.
        weak: Chance that a channel shows next to nothing.
        open_vocabulary: Label clips with one to four open-vocabulary words, the closest first; the class is in extras.
        workers: Processes. With more than one, a script needs the usual ``if __name__ == "__main__":`` guard.
        progress: Called after each clip with its name, such as what :func:`affectrl.progress.bar` gives.

    Returns:
        The clips, in order, paths inside ``out``.

    Raises:
        UsageError: A setting is out of its range, or ``out`` cannot be a folder.
        DataError: The folder holds a set that was made with other settings.
        ModelError: ``espeakng-loader`` is not installed, or a worker process died.
        MediaError: A file could not be written.
    """
    if n < 1 or workers < 1:
        raise UsageError(f"ask for at least one clip and one worker, not {n} and {workers}.", code="sandbox_count")
    mix = dict(modalities or usual_mix())
    settings = Settings(seed, domain, disagree, dict(splits), mix, speakers, weak, open_vocabulary)
    check(settings)
    out = Path(out)
    _claim(out, settings)
    clips: list[Clip] = []
    for clip in _run(partial(make_clip, out=out, settings=settings), range(n), workers):
        clips.append(clip)
        if progress is not None:
            progress(clip.id)
    _list(clips, out / MANIFEST)
    return clips


def _list(clips: list[Clip], manifest: Path) -> None:
    from affectrl.data.manifest import write_manifest  # pyarrow and datasets take seconds to import in each worker

    write_manifest(clips, manifest)


def _run(work: Callable[[int], Clip], numbers: Iterable[int], workers: int) -> Iterator[Clip]:
    if workers == 1:
        yield from map(work, numbers)
        return
    spawn = multiprocessing.get_context("spawn")  # threads of OpenCV or torch in the parent do not survive a fork
    try:
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=spawn, initializer=_one_thread) as pool:
            yield from pool.map(work, numbers, chunksize=4)
    except BrokenProcessPool as error:
        raise ModelError(
            "a worker process of the sandbox died.",
            code="sandbox_worker",
            hint='Call generate() under `if __name__ == "__main__":`, or with workers=1.',
        ) from error


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _claim(out: Path, settings: Settings) -> None:
    """Mark the folder as holding these settings, or refuse one that holds others."""
    ours = {"version": VERSION, "synthetic": True, **asdict(settings)}
    mark = out / _SETTINGS_FILE
    try:
        (out / "media").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"no folder can be made here ({error.strerror}).", code="sandbox_folder", path=out) from error
    if mark.exists():
        theirs = _read_mark(mark)
        before = {"open_vocabulary": False} | theirs  # sets made when there was no such setting
        changed = sorted(k for k in ours if before.get(k) != ours[k])
        if changed:
            raise DataError(
                f"this folder holds a sandbox that was made with another {', '.join(changed)}.",
                code="sandbox_differs",
                path=mark,
                hint="Use an empty folder, or delete this one.",
            )
        return
    with paths.atomic(mark) as part:
        part.write_text(json.dumps(ours, indent=2) + "\n", "utf-8")


def _read_mark(mark: Path) -> dict[str, Any]:
    try:
        found = json.loads(mark.read_text("utf-8"))
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def make_clip(index: int, *, out: Path, settings: Settings) -> Clip:
    """Write the media files of one clip unless they are there, and describe it."""
    decided = plan(index, settings)
    files = _files(decided, out / "media")
    missing = {kind: path for kind, path in files.items() if not path.exists()}
    if missing:
        _write(decided, missing)
    return _describe(decided, files)


def _quality(decided: Plan) -> encode.Quality:
    return encode.GOOD if decided.settings.domain == "source" else encode.POOR


def _files(decided: Plan, folder: Path) -> dict[str, Path]:
    """Files of a clip by the :class:`~affectrl.data.clip.Clip` field that they fill."""
    parts, files = decided.parts, {}
    if "face" in parts:
        files["video"] = folder / f"{decided.id}.mp4"
    elif "voice" in parts:
        files["audio"] = folder / f"{decided.id}{_quality(decided).audio_suffix}"
    if "photo" in parts:
        files["image"] = folder / f"{decided.id}.jpg"
    return files


def _write(decided: Plan, files: Mapping[str, Path]) -> None:
    quality = _quality(decided)
    if "image" in files:
        units, pose = expressions.apex(decided.expression)
        artist = Artist(decided.speaker.face, decided.camera)
        encode.write_image(files["image"], artist.draw(units, pose, _noise(decided, 0)), quality)
    if "audio" in files or "video" in files:
        samples = sound_track(decided, _noise(decided, 1))
        if "audio" in files:
            encode.write_audio(files["audio"], samples, SPEECH_RATE_HZ, quality)
        if "video" in files:
            frames = film(decided, samples, _noise(decided, 2))
            track = samples if "voice" in decided.parts else None
            encode.write_video(files["video"], frames, track, SPEECH_RATE_HZ, quality)


def _noise(decided: Plan, medium: int) -> np.random.Generator:
    # one generator a medium: a file that is made again after an interruption must not depend on which others were left
    return np.random.default_rng([decided.settings.seed, 505, decided.index, medium])


def sound_track(decided: Plan, rng: np.random.Generator) -> np.ndarray:
    """The clip's sound: silence, voice, silence, and the room's noise. float32 (N,) at 22.05 kHz, 1.5 to 4 s."""
    voice = say(decided.utterance.text, decided.speaker.voice, decided.voice, rng)
    lead, tail = (int(seconds * SPEECH_RATE_HZ) for seconds in (decided.sound.lead_s, decided.sound.tail_s))
    tail = max(tail, int(_SHORTEST_S * SPEECH_RATE_HZ) - lead - len(voice))
    samples = np.concatenate([np.zeros(lead, np.float32), voice, np.zeros(tail, np.float32)])
    samples = samples[: int(_LONGEST_S * SPEECH_RATE_HZ)]
    hiss = signal.lfilter([0.2], [1.0, -0.8], rng.standard_normal(len(samples)))
    hiss *= 10.0 ** (decided.sound.noise_db / 20) / float(np.std(hiss))
    return np.clip(samples + hiss, -1, 1).astype(np.float32)


def film(decided: Plan, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The clip's pictures, uint8 (F, H, W, 3) at 12.5 a second, lips moving with the sound's level."""
    duration = len(samples) / SPEECH_RATE_HZ
    count = max(2, round(duration * float(encode.FPS)))
    window = SPEECH_RATE_HZ // 16
    level = np.sqrt(np.convolve(samples**2, np.ones(window) / window, mode="same"))
    level = level / (np.percentile(level, 97) + 1e-6)
    artist = Artist(decided.speaker.face, decided.camera)
    frames = []
    for second in np.arange(count) / float(encode.FPS):
        loudness = float(np.clip(level[min(int(second * SPEECH_RATE_HZ), len(level) - 1)] - 0.15, 0, 1))
        units, pose = expressions.moment(decided.expression, float(second), duration, loudness)
        frames.append(artist.draw(units, pose, rng))
    return np.stack(frames)


def _describe(decided: Plan, files: Mapping[str, Path]) -> Clip:
    found = cues_of(decided)
    carried = decided.utterance.emotion == decided.label and "words" in decided.emotions
    words = decided.utterance.labels if carried else names_of(decided.label)
    is_open = decided.settings.open_vocabulary
    return Clip(
        id=decided.id,
        **files,
        text=decided.utterance.text if "words" in decided.parts else None,
        use_video_audio="video" not in files or "voice" in decided.parts,
        labels=words if is_open else (decided.label,),
        reasoning=found.sentence({decided.label: words} if is_open else {}),
        speaker=decided.speaker.name,
        group=decided.settings.domain,
        split=decided.split,
        extras={
            "synthetic": True,
            "kind": decided.kind,
            "open_labels": list(words),
            **({"label": decided.label} if is_open else {}),
            "cues": {channel: list(words) for channel, words in found.by_channel.items()},
            "modality_emotions": _shown(decided),
            "strengths": decided.strengths,
            "congruent": decided.odd is None,
            **({"disagrees": decided.odd} if decided.odd else {}),
        },
    )


def _shown(decided: Plan) -> dict[str, str]:
    """What each channel shows; words without a cue are a neutral sentence whatever the label is."""
    said = {"words": decided.utterance.emotion} if "words" in decided.emotions else {}
    return {**decided.emotions, **said}
