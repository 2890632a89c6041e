"""Whether a model's reasoning is true: its claims about voice, face and words against measures, and against removal.

Two questions. *Is it so?* Every claim is checked against what was measured in the clip
(:mod:`affectrl.cues.verdicts`); the hallucination rate is the share of contradicted ones among those that could be
decided. *Was it perceived?* The model answers again without each modality; a text that goes on making claims about a
voice that was taken away did not get them from hearing. Emotions that a text reads into a channel are checked against
the model's own answer to that channel alone, where it has a closed choice of labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affectrl.attribution.contributions import answers_of, constant, heard
from affectrl.attribution.findings import Bars, Findings, Table
from affectrl.attribution.kept import Bar, Opened, opened
from affectrl.cues.claims import claims
from affectrl.cues.describe import CHANNELS, Channel, usual_by_speaker, voice_of
from affectrl.cues.reference import Reference, reference
from affectrl.cues.verdicts import Checked, Reader, Verdict, check, truth_of
from affectrl.data.clip import Clip
from affectrl.errors import DataError
from affectrl.evaluation.evaluate import Row, row
from affectrl.metrics.comparison import mean_of_sums
from affectrl.metrics.intervals import Estimate, bootstrap_sums, clusters
from affectrl.models.features import ClipFeatures
from affectrl.models.senses import SENSES, only, senses
from affectrl.scoring.files import read

OF_SENSE: dict[str, Channel] = {"audio": "voice", "vision": "face", "text": "words"}
SUFFIXES = (".jsonl", ".csv", ".parquet")
"""Of predictions files."""
EXAMPLES = 12
VERDICTS: tuple[Verdict, ...] = ("supported", "contradicted", "undecided")
SUPPORTED, CONTRADICTED, UNDECIDED = VERDICTS


@dataclass(frozen=True, slots=True)
class Grounded:
    """One answer's reasoning, checked."""

    id: str
    speaker: str | None
    reasoning: str
    checked: tuple[Checked, ...]


def ground(
    rows: Sequence[Row],
    clips: Sequence[Clip],
    *,
    usual: Reference | str = "sandbox",
    readers: Mapping[Channel, Reader] | None = None,
    advance: Callable[[str], object] = lambda _: None,
) -> list[Grounded]:
    """Check the reasoning of answers; those without one are left out.

    Args:
        rows: Of a predictions file.
        clips: Those that they answer, found by id.
        usual: What voices are compared with.
        readers: Who reads emotions of which channel.
        advance: Called after each clip.

    Raises:
        DataError: ``no_clips``: no answer with reasoning belongs to a clip.
        MediaError: A clip's sound cannot be read.
    """
    of_id = {clip.id: clip for clip in clips}
    reasoned = [entry for entry in rows if entry.get("reasoning") and entry["id"] in of_id]
    if not reasoned:
        raise DataError(
            "no answer gives a reasoning for one of the clips.",
            code="no_clips",
            hint="Claims are read from `reasoning`: ask a model that reasons, or check that the ids are the same.",
        )
    against = reference(usual) if isinstance(usual, str) else usual
    some = [of_id[entry["id"]] for entry in reasoned]
    measures = []
    for clip in some:
        measures.append(voice_of(clip))
        advance("")
    own = usual_by_speaker(some, measures)
    found = []
    for entry, clip, measured in zip(reasoned, some, measures, strict=True):
        truth = truth_of(clip, usual=against, own=own.get(clip.speaker or ""), readers=readers, measures=measured)
        checked = tuple(check(entry["reasoning"], truth))
        found.append(Grounded(clip.id, clip.speaker, entry["reasoning"], checked))
    return found


def rate(found: Sequence[Grounded], channel: Channel | None = None) -> Estimate:
    """Share of the decided claims that are contradicted, with its interval; NaN where none was decided."""
    table = np.array(
        [
            [sum(c.verdict == CONTRADICTED for c in own), sum(c.verdict != UNDECIDED for c in own)]
            for each in found
            for own in [[c for c in each.checked if channel in (None, c.claim.channel)]]
        ],
        float,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        told = bootstrap_sums(table, mean_of_sums, groups=clusters([each.speaker for each in found]))
    assert isinstance(told, Estimate)
    return told


def grounding(
    place: str | Path,
    clips: Sequence[Clip],
    folder: Path,
    bar: Bar,
    *,
    usual: Reference | str = "sandbox",
    fresh: bool = False,
    batch_size: int = 16,
) -> Findings:
    """The study: of a model, with removal; or of a predictions file, with measures alone.

    Args:
        place: A model, or a file of predictions (``.jsonl``, ``.csv``, ``.parquet``).
        clips: With labels.
        folder: Where the study is kept.
        bar: Shows progress.
        usual: What voices are compared with.
        fresh: Begin anew where another study is.
        batch_size: Clips in one forward pass.

    Raises:
        DataError: ``no_clips``: nothing to check; as :func:`affectrl.scoring.files.read`.
        UsageError: ``attribution_differs``; ``package_missing``.
        ModelError: The model cannot be loaded.
    """
    if is_predictions(place):
        rows, persisting, readers, skipped = _told_by(place), {}, None, 0
    else:
        here = opened(place, clips, folder, bar, fresh=fresh, settings={"study": "grounding"})
        rows, persisting, skipped = _answers(here, batch_size), _persisting(here, batch_size), here.skipped
        readers = _readers(here, batch_size)
    with bar("measuring", len(rows), 0) as advance:
        found = ground(rows, clips, usual=usual, readers=readers, advance=advance)
    return told(found, persisting, skipped)


def is_predictions(place: str | Path) -> bool:
    """Whether what is studied is a file of predictions, and no model."""
    return Path(place).suffix in SUFFIXES


def _told_by(place: str | Path) -> list[Row]:
    """The reasoning in a predictions file; cells that hold no text are none."""
    table = read(place)
    cells = table.columns.get("reasoning", [None] * len(table))
    return [
        {"id": name, "reasoning": cell if isinstance(cell, str) else None}
        for name, cell in zip(table.ids, cells, strict=True)
    ]


def told(found: Sequence[Grounded], persisting: Mapping[str, Estimate], skipped: int = 0) -> Findings:
    """The findings of checked answers.

    Args:
        found: Of :func:`ground`.
        persisting: By sense: share of the texts that go on making claims about it when it is taken away.
        skipped: Clips that could not be read.
    """
    rates = {"all": rate(found)} | {channel: rate(found, channel) for channel in CHANNELS}
    rates = {name: each for name, each in rates.items() if np.isfinite(each.value)}
    counts = Counter((c.claim.channel, c.claim.cue, c.verdict) for each in found for c in each.checked)
    kinds = sorted({(channel, cue) for channel, cue, _ in counts}, key=lambda kind: (CHANNELS.index(kind[0]), kind[1]))
    examples = [
        {"id": each.id, "claim": c.claim.word, "channel": c.claim.channel, "why": c.why, "reasoning": each.reasoning}
        for each in found
        for c in each.checked
        if c.verdict == CONTRADICTED
    ]
    shown = examples[:: max(1, len(examples) // EXAMPLES)][:EXAMPLES]
    values: dict[str, Any] = {
        "n": len(found),
        "claims": sum(counts.values()),
        "hallucination_rate": rates,
        "persists_without": dict(persisting),
        "kinds": [
            {"channel": channel, "cue": cue} | {verdict: counts[(channel, cue, verdict)] for verdict in VERDICTS}
            for channel, cue in kinds
        ],
        "examples": shown,
        "checked": [
            {"id": each.id, "claims": [asdict(c.claim) | {"verdict": c.verdict, "why": c.why} for c in each.checked]}
            for each in found
        ],
    }
    tables = [
        Table(
            "Claims by kind",
            ("channel", "claim", *VERDICTS),
            [[kind[0], kind[1], *(str(counts[(kind[0], kind[1], verdict)]) for verdict in VERDICTS)] for kind in kinds],
        ),
        Table(
            "Contradicted claims",
            ("clip", "said", "measured", "reasoning"),
            [[e["id"], f"{e['channel']}: {e['claim']}", e["why"], e["reasoning"]] for e in shown],
            note=f"{len(shown)} of {len(examples)}",
        ),
    ]
    charts = [Bars("Contradicted share of the claims", rates, "Among claims that could be decided.")]
    if persisting:
        remark = "Texts that go on making claims about a modality that was taken away: those were not perceived."
        charts.append(Bars("Claims about what is not there", persisting, remark))
    lead = (
        "Claims of the reasoning about voice, face and words were compared with what was measured in the clips. "
        f"{len(found)} answers give a reasoning; they make {sum(counts.values())} claims."
    )
    return Findings("grounding", "Is the reasoning true?", lead, values, tables, charts, skipped)


def _answers(here: Opened, batch_size: int) -> list[Row]:
    return _without(here, None, batch_size)


def _without(here: Opened, sense: str | None, batch_size: int) -> list[Row]:
    """Answers to the clips without one sense, or to whole ones."""
    model = here.model
    nothing = constant([clip.clip for clip in here.features], open_vocabulary=model.task.labels is None)
    kept = frozenset(SENSES) - {sense}

    def ask(part: Sequence[ClipFeatures], advance: Callable[[str], None]) -> list[Row]:
        return answers_of(
            model.policy, part, model.task, kept, nothing, batch_size=batch_size, reasons=True, advance=advance
        )

    return here.rows("all" if sense is None else f"without-{sense}", here.features, ask)


def _persisting(here: Opened, batch_size: int) -> dict[str, Estimate]:
    found = {}
    for sense in heard(here.features):
        rows = _without(here, sense, batch_size)
        had = {clip.id for clip in here.features if sense in senses(clip) and len(senses(clip)) > 1}
        texts = [entry for entry in rows if entry["id"] in had and entry.get("reasoning")]
        if texts:
            still = [float(any(c.channel == OF_SENSE[sense] for c in claims(entry["reasoning"]))) for entry in texts]
            groups = clusters([entry["speaker"] for entry in texts])
            share = bootstrap_sums(np.c_[still, np.ones(len(still))], mean_of_sums, groups=groups)
            assert isinstance(share, Estimate)
            found[sense] = share
    return found


def _readers(here: Opened, batch_size: int) -> dict[Channel, Reader] | None:
    """The model's own answers to each sense alone, where it has a closed choice."""
    from affectrl.inference.answering import choose

    model = here.model
    if model.task.labels is None:
        return None
    readers: dict[Channel, Reader] = {}
    for sense in heard(here.features):
        alone = [clip for clip in here.features if sense in senses(clip)]

        def ask(part: Sequence[ClipFeatures], advance: Callable[[str], None], sense: str = sense) -> list[Row]:
            rows: list[Row] = []
            for start in range(0, len(part), batch_size):
                batch = [only(clip, {sense}) for clip in part[start : start + batch_size]]
                said = choose(model.policy, batch, model.task)
                for each, clip in zip(said, batch, strict=True):
                    rows.append(row(each, clip.clip))
                    advance("")
            return rows

        scores = {entry["id"]: entry["scores"] for entry in here.rows(f"only-{sense}", alone, ask)}
        readers[OF_SENSE[sense]] = lambda clip, scores=scores: scores.get(clip.id)  # type: ignore[misc]
    return readers
