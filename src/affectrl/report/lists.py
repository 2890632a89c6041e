"""Before against after where answers are lists of an open vocabulary: EW, and what it must be read with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from affectrl.answers.parser import plain
from affectrl.errors import Note
from affectrl.evaluation import open_vocabulary as open_words
from affectrl.evaluation.open_vocabulary import Scored
from affectrl.metrics.classification import constant_reference
from affectrl.metrics.intervals import clusters
from affectrl.report.load import Prediction
from affectrl.report.scores import MEASURES, Comparison, Score, WordRow, aligned, paired_score, percent, verdict
from affectrl.scoring.baseline import SIX_WORDS

MOST_WORDS = 20
_MEASURES: tuple[tuple[str, str, str], ...] = (
    ("ew", "EW", "agreement of label lists over emotion wheels (F, level 1), so that near words count as the same"),
    ("ew_precision", "EW precision", "share of the emotions named that the reference has; long lists lower it"),
    ("ew_recall", "EW recall", "share of the reference's emotions that were named; long lists raise it"),
    ("ew_level2", "EW level 2", "the same F with finer groups of words"),
)


def compare_lists(
    before: list[Prediction], after: list[Prediction], *, seed: int = 0, algorithm: str = "RL"
) -> Comparison | None:
    """Score both evaluations over the clips that they share; arguments as :func:`affectrl.report.scores.compare`."""
    first, last, notes = aligned(before, after)
    base = last or first
    if not base:
        return None
    references = [p.labels for p in base]
    groups = clusters([p.speaker for p in base])
    old, new = (open_words.score(references, [p.emotions for p in side]) if side else None for side in (first, last))
    one, two = (side.estimates(groups, seed) if side else {} for side in (old, new))
    gain = new.gain(old, groups, seed) if old and new else {}
    scores = [Score(name, told, one.get(key), two.get(key), gain.get(key)) for key, name, told in _MEASURES]
    truth = [p.reference or "" for p in base]
    was, now = ([p.answer for p in side] if side else None for side in (first, last))
    name, meaning, readable = MEASURES[-1]
    scores.append(paired_score(name, meaning, readable, truth, was, now, groups, seed))
    constant = constant_reference([" ".join(sorted(map(plain, labels))) for labels in references])
    if constant:
        told = ", ".join(references[0])
        notes.append(Note("constant_reference", f"Every reference is {told!r}: no score below means anything."))
    return Comparison(
        scores=scores,
        n=len(base),
        speakers=len({p.speaker for p in base if p.speaker}),
        by_speaker=groups is not None,
        beside=_beside(references, old, new),
        test=None,
        verdict=verdict("EW", scores[0], None, constant=constant, algorithm=algorithm),
        notes=tuple(notes),
        words=_words(references, first, last),
    )


def _beside(references: Sequence[Sequence[str]], old: Scored | None, new: Scored | None) -> str:
    sides = [side for side in (old, new) if side]
    told, last = [side.beside() for side in sides], sides[-1].score
    kept = last.n_per_wheel.values()
    named = _before_and_after([f"{side['labels_per_answer']:.1f}" for side in told])
    unknown = _before_and_after([percent(side["unknown_share"]) for side in told])
    return (
        f"For comparison: naming {', '.join(SIX_WORDS)} for every clip gives an EW of "
        f"{percent(open_words.constant(references))}. Emotions in a reference: {told[-1]['reference_labels']:.1f}; in "
        f"an answer: {named}. Of the words in answers {unknown} are on no wheel and do not count. A wheel knows the "
        f"reference of {sides[-1].n_kept} of {last.n} clips ({min(kept)} to {max(kept)} a wheel). Rules: "
        f"{last.rules.name}, which are ours and no challenge's."
    )


def _before_and_after(figures: Sequence[str]) -> str:
    return " before and ".join(figures) + " after" if len(figures) > 1 else figures[0]


def _words(
    references: Sequence[Sequence[str]], first: Sequence[Prediction], last: Sequence[Prediction]
) -> list[WordRow]:
    """The words that stand most often in references and answers."""
    asked = _counted(references)
    sides = [_counted(p.emotions for p in side) if side else None for side in (first, last)]
    total = sum((side for side in sides if side), Counter(asked))
    return [
        WordRow(word, asked[word], *(None if side is None else side[word] for side in sides))
        for word, _ in sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS]
    ]


def _counted(lists: Iterable[Sequence[str]]) -> Counter[str]:
    return Counter(word for words in lists for word in {plain(word) for word in words})
