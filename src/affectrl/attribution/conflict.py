"""Which modality a model believes when voice, face and words show different emotions.

Clips are recombined (:mod:`affectrl.data.composed`). A channel wins when the answer is its emotion. Its *use* is how
far the answers follow it beyond accident: ``(w - c) / (1 - c)``, where ``w`` is the share of clips that it wins and
``c`` the share that it would win with the emotions that the channel shows in the other clips. 0 is an answer that knows
nothing of the channel, 1 one that always follows it; ours, in the manner of Cohen's kappa. That of the voice is the
audio-use index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affectrl import jsonl
from affectrl.attribution.contributions import answers_of, room
from affectrl.attribution.findings import Bars, Findings, Table
from affectrl.attribution.kept import Bar, opened
from affectrl.cues.verdicts import alike
from affectrl.data.clip import Clip
from affectrl.data.composed import CHANNELS, Channel, recombine
from affectrl.evaluation.evaluate import Row, unread
from affectrl.inference.model import EmotionModel
from affectrl.metrics.comparison import mean_of_sums
from affectrl.metrics.intervals import Estimate, bootstrap_sums, clusters
from affectrl.metrics.resampling import Floats
from affectrl.models.features import ClipFeatures
from affectrl.models.senses import SENSES

NEITHER = "none of them"


def conflict(
    place: str | Path,
    clips: Sequence[Clip],
    folder: Path,
    bar: Bar,
    *,
    faces: Sequence[Clip] | None = None,
    n: int = 200,
    seed: int = 0,
    fresh: bool = False,
    batch_size: int = 16,
) -> Findings:
    """The study.

    Args:
        place: The model.
        clips: With labels, to take voices, faces and words from.
        folder: Where the study is kept; ``composed.jsonl`` there says what was put together.
        bar: Shows progress.
        faces: Other clips to take the faces from.
        n: Clips that are composed.
        seed: Of the draw.
        fresh: Begin anew where another study is.
        batch_size: Clips in one forward pass.

    Raises:
        DataError: ``composed_few``; ``no_clips``.
        UsageError: ``attribution_differs``.
        ModelError: The model cannot be loaded.
    """
    choice = EmotionModel.from_pretrained(place).task.labels
    sources: dict[Channel, Sequence[Clip]] = {"voice": clips, "face": faces or clips, "words": clips}
    if faces is not None and len({clip.text for clip in clips}) < 20:
        # A few sentences that everybody says, as in RAVDESS, carry no emotion.
        del sources["words"]
    made = recombine(sources, n, seed=seed, name=lambda emotion: _called(emotion, choice))
    folder.mkdir(parents=True, exist_ok=True)
    jsonl.write_rows(folder / "composed.jsonl", [{"id": c.id, "labels": list(c.labels), **c.extras} for c in made])
    here = opened(place, made, folder, bar, fresh=fresh, settings={"study": "conflict"})

    def ask(part: Sequence[ClipFeatures], advance: Callable[[str], None]) -> list[Row]:
        model, kept = here.model, frozenset(SENSES)
        most = room(model.policy, model.task)
        return answers_of(
            model.policy, part, model.task, kept, ("",), batch_size=batch_size, max_new_tokens=most, advance=advance
        )

    rows = here.rows("composed", here.features, ask)
    shown = {clip.id: clip.extras["modality_emotions"] for clip in made}
    return told(rows, shown, skipped=here.skipped)


def told(rows: Sequence[Row], shown: Mapping[str, Mapping[str, str]], *, skipped: int = 0) -> Findings:
    """The findings of answers to composed clips.

    Args:
        rows: Of a predictions file.
        shown: By clip, what each channel shows.
        skipped: Clips that could not be read.
    """
    kept = [entry for entry in rows if entry["id"] in shown and not unread(entry)]
    there = [channel for channel in CHANNELS if any(channel in shown[entry["id"]] for entry in kept)]
    groups = clusters([entry["speaker"] for entry in kept])
    said = [_meant(entry, shown[entry["id"]]) for entry in kept]
    wins: dict[str, Estimate] = {}
    use: dict[str, Estimate] = {}
    for channel in there:
        emotions = [shown[entry["id"]].get(channel) for entry in kept]
        hits = [float(a is not None and a == e) for a, e in zip(said, emotions, strict=True)]
        luck = [
            (sum(a == e for e in emotions) - hit) / max(1, len(kept) - 1) for a, hit in zip(said, hits, strict=True)
        ]
        wins[channel] = _share(hits, groups)
        use[channel] = _of(np.c_[hits, luck, np.ones(len(kept))], _beyond, groups)
    other = [float(a not in shown[entry["id"]].values()) for entry, a in zip(kept, said, strict=True)]
    wins[NEITHER] = _share(other, groups)
    by_emotion = [
        [channel, emotion, str(len(of)), f"{sum(of) / len(of):.2f}"]
        for channel in there
        for emotion in sorted({shown[entry["id"]][channel] for entry in kept})
        if (of := [a == emotion for entry, a in zip(kept, said, strict=True) if shown[entry["id"]][channel] == emotion])
    ]
    values: dict[str, Any] = {"n": len(kept), "wins": wins, "use": use, "audio_use_index": use.get("voice")}
    lead = (
        f"{len(kept)} clips were composed of channels that all show different emotions ({', '.join(there)}). A channel "
        "wins when the answer is its emotion."
    )
    tables = [
        Table(
            "Who wins",
            ("channel", "share of answers", "use beyond accident"),
            [[name, str(each), str(use.get(name, ""))] for name, each in wins.items()],
            note="Use is 0 for answers that know nothing of the channel, 1 for ones that always follow it.",
        ),
        Table("Wins by emotion", ("channel", "it shows", "clips", "wins"), by_emotion),
    ]
    remark = "Share of the answers that are the emotion of each channel."
    return Findings("conflict", "Which modality wins?", lead, values, tables, [Bars("Who wins", wins, remark)], skipped)


def _called(emotion: str, choice: Sequence[str] | None) -> str | None:
    """The model's label for an emotion; ``None`` where no single one stands for it."""
    if choice is None:
        return emotion
    found = alike(emotion, choice)
    return found[0] if len(found) == 1 else None


def _meant(entry: Row, shown: Mapping[str, str]) -> str | None:
    """The answer's best label in the words of the channels, where it is like one of them."""
    if entry["top"] is None:
        return None
    found = alike(entry["top"], dict.fromkeys(shown.values()))
    return found[0] if len(found) == 1 else entry["top"]


def _beyond(sums: Floats) -> Floats:
    return (sums[:, 0] - sums[:, 1]) / (sums[:, 2] - sums[:, 1])


def _share(hits: Sequence[float], groups: Sequence[str] | None) -> Estimate:
    return _of(np.c_[hits, np.ones(len(hits))], mean_of_sums, groups)


def _of(table: Floats, statistic: Callable[[Floats], Floats], groups: Sequence[str] | None) -> Estimate:
    found = bootstrap_sums(table, statistic, groups=groups)
    assert isinstance(found, Estimate)
    return found
