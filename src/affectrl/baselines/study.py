"""Every feature by itself, or all together, in each mode and seed: prediction files, scores, and how stable they are.

Stability is what the voting-head paper claims of unified settings (Halifa et al., section 4.5, tables 3 and 4): runs
that agree more often. Here it is measured between seeds of one feature, and between features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from affectrl import jsonl
from affectrl.answers.parser import plain
from affectrl.answers.prediction import Prediction, failed
from affectrl.baselines.crossval import Mode, Run, folds_of, run, settings_of
from affectrl.baselines.features import Feature, Rows
from affectrl.data.clip import Clip
from affectrl.errors import AffectError, DataError, MediaError
from affectrl.evaluation.evaluate import Row, row
from affectrl.metrics.agreement import Votes, agreement_table, krippendorff_alpha, majority
from affectrl.metrics.classification import uar_of_counts, war_of_counts, weighted_f1_of_counts
from affectrl.metrics.comparison import Comparison, compare_scores
from affectrl.metrics.intervals import Estimate, bootstrap_sums, clusters, confusion_columns, of_confusion
from affectrl.metrics.resampling import Floats

SCORES = {"war": war_of_counts, "uar": uar_of_counts, "weighted_f1": weighted_f1_of_counts}
"""Weighted F1 is what MER2025's track 1 is ranked by."""
HELD_OUT, TEST = "cv", "test"
MODALITY = {"voice": "A", "words": "T"} | dict.fromkeys(("face", "frame", "motion"), "V")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run on a set of clips."""

    head: str = "attention"
    modes: tuple[Mode, ...] = ("fixed",)
    seeds: tuple[int, ...] = (0, 1, 2)
    folds: int = 5
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the head, in place of its own and of drawn ones."""
    together: bool = False
    """One head on all features, beside those on each."""
    top_n: tuple[int, ...] = ()
    """One head on the first so many features of each modality, for every combination of modalities: ``AV.top2``. Where
    two of these are the same features, the first stands for both."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One system (a feature, or all) on one set in one mode, over all seeds."""

    system: str
    mode: Mode
    part: str
    """``cv``: the training clips, each by heads that did not see it; ``test``."""
    rows: tuple[list[Row], ...]
    """Rows of predictions, seed by seed."""
    runs: tuple[Run, ...]
    speakers_apart: bool

    @property
    def columns(self) -> tuple[list[str], list[list[str | None]], list[str] | None]:
        """References, answers seed by seed, and speakers to resample, of the clips that have a reference."""
        kept = [at for at, entry in enumerate(self.rows[0]) if entry["labels"] and entry["error"] is None]
        truth = [plain(self.rows[0][at]["labels"][0]) for at in kept]
        groups = clusters([self.rows[0][at]["speaker"] for at in kept])
        return truth, [[rows[at]["top"] for at in kept] for rows in self.rows], groups

    @property
    def votes(self) -> Votes:
        """For each clip that was answered the seeds' labels."""
        return [
            [rows[at]["top"] for rows in self.rows] for at, entry in enumerate(self.rows[0]) if entry["error"] is None
        ]

    def scores(self) -> dict[str, tuple[Estimate, list[float]]]:
        """Mean over seeds with its interval, and each seed's score; empty without references."""
        truth, answers, groups = self.columns
        if not truth:
            return {}
        labels = sorted(set(truth))
        table = np.hstack([confusion_columns(truth, seed, labels) for seed in answers])
        found = {}
        for name, of_counts in SCORES.items():
            one = of_confusion(of_counts)

            def mean(sums: Floats, one: Callable[[Floats], Any] = one) -> Any:
                return np.mean([one(part) for part in np.split(sums, len(answers), axis=1)], axis=0)

            estimate = bootstrap_sums(table, mean, groups=groups)
            assert isinstance(estimate, Estimate)
            each = [float(one(part[None])[0]) for part in np.split(table.sum(0), len(answers))]
            found[name] = (estimate, each)
        return found


def study(
    clips: Sequence[Clip],
    rows: Mapping[Feature, Rows],
    plan: Plan,
    *,
    test: Sequence[Clip] = (),
    test_rows: Mapping[Feature, Rows] | None = None,
    advance: Callable[[str], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Run every system in every mode and with every seed.

    Args:
        clips: With labels; their first one is what is learned.
        rows: Features of them.
        plan: What is run.
        test: Another set, with labels or without.
        test_rows: Features of that.
        advance: Called after each cross-validation.

    Raises:
        DataError: ``baseline_classes``: too few classes or clips for the folds; ``no_clips``: no clip has the feature.
        UsageError: The head or a setting of it is unknown.
    """
    for name, features in systems_of(list(rows), plan).items():
        here = _there([rows[feature] for feature in features])
        if not here.any():
            raise DataError(
                f"no clip has the feature {name}.", code="no_clips", hint="Name features of what they hold."
            )
        learn = [clip for clip, there in zip(clips, here, strict=True) if there]
        labels = sorted({plain(clip.labels[0]) for clip in learn})
        y = np.array([labels.index(plain(clip.labels[0])) for clip in learn])
        speakers = [clip.speaker for clip in learn]
        blocks = [rows[feature].values[here] for feature in features]
        seen = _there([test_rows[feature] for feature in features]) if test_rows else np.zeros(0, bool)
        others = [test_rows[feature].values[seen] for feature in features] if test_rows and seen.any() else None
        apart = folds_of(y, speakers, plan.folds, plan.seeds[0])[1]
        for mode in plan.modes:
            runs = []
            for seed in plan.seeds:
                settings = settings_of(plan.head, mode, seed, plan.settings)
                done = run(plan.head, blocks, y, speakers, others, folds=plan.folds, seed=seed, settings=settings)
                runs.append(done)
                advance(f"{name} {mode} {seed}")
            told = [_errors([rows[f] for f in features], i) for i in range(len(clips))]
            held = tuple(_predictions(clips, here, told, r.held_out, labels, features) for r in runs)
            yield Outcome(name, mode, HELD_OUT, held, tuple(runs), apart)
            if test_rows:
                told = [_errors([test_rows[f] for f in features], i) for i in range(len(test))]
                empty = np.zeros((0, len(labels)))
                tested = tuple(
                    _predictions(test, seen, told, empty if r.test is None else r.test, labels, features) for r in runs
                )
                yield Outcome(name, mode, TEST, tested, tuple(runs), apart)


def systems_of(features: Sequence[Feature], plan: Plan) -> dict[str, tuple[Feature, ...]]:
    """Name of each system -> its features.

    The MER2025 baseline ranks the features of a modality by hand and takes the first ``fusion_topn`` of each of
    ``fusion_modality``; here their order is the ranking, so that nothing is chosen on the clips that are scored.
    """
    found: dict[str, tuple[Feature, ...]] = {feature.name: (feature,) for feature in features}
    if plan.together and len(features) > 1:
        found["together"] = tuple(features)
    of = {letter: [f for f in features if MODALITY[f.stream] == letter] for letter in "AVT"}
    present = [letter for letter, own in of.items() if own]
    taken = set(found.values()) - {found.get("together")}
    for size in range(1, len(present) + 1):
        for letters in combinations(present, size):
            for n in plan.top_n:
                chosen = tuple(feature for letter in letters for feature in of[letter][:n])
                if chosen not in taken:
                    taken.add(chosen)
                    found[f"{''.join(letters)}.top{n}"] = chosen
    return found


def _there(rows: Sequence[Rows]) -> np.ndarray:
    """Which clips have at least one of the features."""
    found: np.ndarray = np.any([[error is None for error in part.errors] for part in rows], axis=0)
    return found


def _errors(rows: Sequence[Rows], at: int) -> AffectError:
    found = [part.errors[at] for part in rows]
    return next((error for error in found if error is not None), MediaError("", code="nothing_to_read"))


def _predictions(
    clips: Sequence[Clip],
    there: np.ndarray,
    errors: Sequence[AffectError],
    probabilities: np.ndarray,
    labels: Sequence[str],
    features: Sequence[Feature],
) -> list[Row]:
    given = iter(probabilities)
    out = []
    for clip, known, error in zip(clips, there, errors, strict=True):
        if not known:
            out.append(row(failed(clip.id, clip.path, error), clip))
            continue
        ranked = sorted(zip(labels, next(given).tolist(), strict=True), key=lambda pair: -pair[1])
        answer = Prediction(
            id=clip.id,
            path=clip.path,
            emotions=tuple(label for label, _ in ranked),
            top=ranked[0][0],
            confidence=ranked[0][1],
            modalities=_used(clip, features),
            scores=dict(ranked),
        )
        out.append(row(answer, clip))
    return out


def _used(clip: Clip, features: Sequence[Feature]) -> tuple[str, ...]:
    picture = "video" if clip.video is not None else "image"
    streams = {feature.stream for feature in features}
    sound = clip.audio is not None or (clip.video is not None and clip.use_video_audio)
    used = {
        "video": picture == "video" and bool(streams - {"voice", "words"}),
        "audio": "voice" in streams and sound,
        "image": picture == "image" and clip.image is not None and bool(streams - {"voice", "words"}),
        "text": "words" in streams and clip.text is not None,
    }
    return tuple(name for name, is_used in used.items() if is_used)


def agreement(votes: Votes) -> dict[str, Any]:
    """How often voters agree: counts for k of n, the share on which all do, the mean majority share, and alpha."""
    table = agreement_table(votes)
    return {
        "voters": table.n_voters,
        "counts": [entry.count for entry in table.rows],
        "unanimous": table.unanimous,
        "majority": float(np.mean([majority(vote).ratio for vote in votes])),
        "alpha": krippendorff_alpha(votes),
    }


def steadier(fixed: Outcome, drawn: Outcome) -> Comparison:
    """Mean share of the seeds that give a clip's most frequent label: fixed settings minus drawn ones, paired."""
    groups = clusters([entry["speaker"] for entry in fixed.rows[0] if entry["error"] is None])
    a, b = ([majority(vote).ratio for vote in outcome.votes] for outcome in (drawn, fixed))
    return compare_scores(a, b, groups=groups)


def summary(outcomes: Sequence[Outcome], plan: Plan, about: Mapping[str, Any]) -> dict[str, Any]:
    """All of it as one JSON value; see ``docs/baselines.md``."""
    found: list[dict[str, Any]] = []
    for outcome in outcomes:
        scores = {
            name: {
                "mean": mean.value,
                "low": mean.low,
                "high": mean.high,
                "sd": float(np.std(each, ddof=1)) if len(each) > 1 else None,
                "seeds": each,
            }
            for name, (mean, each) in outcome.scores().items()
        }
        found.append(
            {
                "system": outcome.system,
                "mode": outcome.mode,
                "part": outcome.part,
                "clips": len(outcome.votes),
                "failed": len(outcome.rows[0]) - len(outcome.votes),
                "speakers_apart": outcome.speakers_apart,
                "settings": {str(r.seed): r.settings for r in outcome.runs},
                "scores": scores,
                "between_seeds": agreement(outcome.votes) if len(plan.seeds) > 1 and outcome.votes else None,
            }
        )
    between = [
        {"mode": mode, "part": part, "systems": [o.system for o in group], **agreement(votes)}
        for mode in plan.modes
        for part in (HELD_OUT, TEST)
        for only in (False, *([True] if plan.top_n else []))
        if len(group := [o for o in outcomes if (o.mode, o.part) == (mode, part) and (not only or _combined(o.system))])
        > 1
        and (votes := _across(group))
    ]
    modes = {(o.system, o.part, o.mode): o for o in outcomes}
    steady = [
        {
            "system": o.system,
            "part": o.part,
            "fixed_minus_random": compared.difference.value,
            "low": compared.difference.low,
            "high": compared.difference.high,
            "p_value": compared.p_value,
        }
        for o in outcomes
        if o.mode == "fixed"
        and len(plan.seeds) > 1
        and o.votes
        and (other := modes.get((o.system, o.part, "random"))) is not None
        and (compared := steadier(o, other))
    ]
    told = {"head": plan.head, "seeds": list(plan.seeds), "folds": plan.folds, "set": dict(plan.settings)}
    return dict(about) | told | {"systems": found, "between_systems": between, "steadiness": steady}


def _combined(system: str) -> bool:
    """Whether a system is a combination of modalities: the ones that the voting-head paper's tables count."""
    letters, dot, _ = system.partition(".top")
    return bool(dot) and len(letters) > 1 and set(letters) <= set("AVT")


def _across(group: Sequence[Outcome]) -> Votes:
    """Labels of all systems, of the first seed, for the clips that all of them answered."""
    columns = [outcome.rows[0] for outcome in group]
    return [
        [e["top"] for e in entries] for entries in zip(*columns, strict=True) if not any(e["error"] for e in entries)
    ]


def write(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """A prediction file for each system, mode and seed: ``PART/SYSTEM-MODE-seedN.jsonl``."""
    files = []
    for outcome in outcomes:
        for done, rows in zip(outcome.runs, outcome.rows, strict=True):
            file = folder / outcome.part / f"{outcome.system}-{outcome.mode}-seed{done.seed}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            jsonl.write_rows(file, rows)
            files.append(file)
    return files
