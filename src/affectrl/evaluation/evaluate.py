"""Answers to held-out clips, as rows, and what they score.

A clip whose media could not be read is skipped and counted as such. An answer that could not be read is wrong. Answers
of an open vocabulary are scored as lists over emotion wheels (EW), those of a closed choice as classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from affectrl.answers.parser import plain
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.evaluation import open_vocabulary as open_words
from affectrl.metrics import classification
from affectrl.metrics.intervals import Estimate, bootstrap, clusters

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures
    from affectrl.models.language import Policy
    from affectrl.models.task import Task

Row = dict[str, Any]
SCORES: dict[str, Callable[[Sequence[str], Sequence[str | None]], float]] = {
    "war": classification.war,
    "uar": classification.uar,
    "macro_f1": classification.macro_f1,
}
"""What :func:`summary` gives, and :func:`estimates` for a closed choice."""


def evaluate(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    task: Task,
    *,
    batch_size: int,
    max_new_tokens: int,
    advance: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Greedy answers to clips, as rows of ``predictions.jsonl`` with the reference beside them.

    Args:
        policy: Is put in evaluation mode.
        clips: With labels.
        task: How they are asked.
        batch_size: Clips in one forward pass.
        max_new_tokens: Longest answer.
        advance: Called after each clip.
    """
    from affectrl.inference.answering import answer

    policy.eval()
    rows: list[Row] = []
    for start in range(0, len(clips), batch_size):
        batch = clips[start : start + batch_size]
        for clip, prediction in zip(batch, answer(policy, batch, task, max_new_tokens=max_new_tokens), strict=True):
            rows.append(row(prediction, clip.clip))
            advance("")
    return rows


def row(prediction: Prediction, clip: Clip) -> Row:
    """A prediction with what is known about its clip."""
    known = {"labels": list(clip.labels), "speaker": clip.speaker, "group": clip.group, "input_text": clip.text}
    return prediction.to_dict() | known


def unread(entry: Row) -> bool:
    """Whether a row is of a clip that could not be read; an answer that could not be is the model's fault."""
    error = entry["error"]
    return error is not None and not error["code"].startswith("answer_")


def scored(rows: Sequence[Row]) -> Iterator[tuple[str, str | None, str | None]]:
    """(reference, answer or ``None``, speaker) of every row that has a reference and readable media."""
    for entry in rows:
        if entry["labels"] and not unread(entry):
            # Answers are read in lower case with single blanks, so references are compared in that form.
            yield plain(entry["labels"][0]), entry["top"], entry["speaker"]


def names_lists(rows: Sequence[Row]) -> bool:
    """Whether references are lists, some of several labels: rows do not say what was asked, but this tells most."""
    return any(len({plain(label) for label in entry["labels"]}) > 1 for entry in rows)


def answered(entry: Row) -> list[str]:
    """The labels that a row's answer gives; of probabilities for all labels of a choice, the best one."""
    given = entry.get("emotions")
    if given and not entry.get("scores"):
        return list(given)
    return [entry["top"]] if entry["top"] else []


def label_lists(rows: Sequence[Row]) -> tuple[list[list[str]], list[list[str]]]:
    """References and answers of the rows that :func:`scored` gives, as lists."""
    kept = [entry for entry in rows if entry["labels"] and not unread(entry)]
    return [list(entry["labels"]) for entry in kept], [answered(entry) for entry in kept]


def summary(rows: Sequence[Row], *, open_vocabulary: bool | None = None) -> dict[str, float]:
    """Scores of a set of answers.

    Args:
        rows: Of one evaluation.
        open_vocabulary: Whether the task has no closed choice; by default :func:`names_lists` decides.

    Returns:
        ``war``, ``uar`` and ``macro_f1`` against the first reference label, ``parse_rate``, and ``n``. With an open
        vocabulary also ``ew``, ``ew_precision``, ``ew_recall``, ``ew_level2``, and beside them ``n_kept``,
        ``labels_per_answer``, ``reference_labels`` and ``unknown_share``.
    """
    truth, pred, _ = _columns(rows)
    scores = {name: score(truth, pred) for name, score in SCORES.items()}
    if names_lists(rows) if open_vocabulary is None else open_vocabulary:
        found = open_words.score(*label_lists(rows))
        scores = found.values() | scores | found.beside()
    return scores | {"parse_rate": classification.parse_rate(pred), "n": len(truth)}


def estimates(rows: Sequence[Row], *, seed: int = 0, open_vocabulary: bool | None = None) -> dict[str, Estimate]:
    """The scores with 95 % bootstrap intervals; whole speakers are resampled when there are enough of them.

    Args:
        rows: Of one evaluation.
        seed: Of the bootstrap.
        open_vocabulary: As in :func:`summary`. EW takes the place of the scores of classes, of which an open vocabulary
            has too many for a mean over them to say anything.
    """
    truth, pred, speakers = _columns(rows)
    groups = clusters(speakers)
    if names_lists(rows) if open_vocabulary is None else open_vocabulary:
        return open_words.score(*label_lists(rows)).estimates(groups, seed)
    return {name: bootstrap(score, truth, pred, groups=groups, seed=seed) for name, score in SCORES.items()}


def _columns(rows: Sequence[Row]) -> tuple[list[str], list[str | None], list[str | None]]:
    table = list(scored(rows))
    return [t for t, _, _ in table], [p for _, p, _ in table], [s for _, _, s in table]
