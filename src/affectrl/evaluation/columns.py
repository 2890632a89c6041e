"""Several sets of answers to the same clips, laid out so that all of them are resampled alike.

What compares answers (seeds of a recipe, variants of a table, a clip with and without its sound) needs each clip's
terms of a score in a row of a table, and the score as a function of the columns' sums: ``metrics/intervals.py`` does
the rest.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, TypeVar

from affectrl.answers.parser import plain
from affectrl.evaluation import open_vocabulary as open_words
from affectrl.evaluation.evaluate import Row, label_lists, unread
from affectrl.metrics import classification
from affectrl.metrics.comparison import mean_of_sums, with_ones
from affectrl.metrics.intervals import OfSums, confusion_columns, of_confusion
from affectrl.metrics.resampling import Floats

Metric = Literal["war", "uar", "macro_f1", "ew", "parse_rate", "labels"]
"""``ew`` is EW F at level 1 by our rules; ``labels`` the number of labels an answer."""
Run = TypeVar("Run", bound=Hashable)


def aligned(answers: Mapping[Run, Sequence[Row]]) -> dict[Run, list[Row]]:
    """The rows of each run on the clips that all of them could read and that have a reference, in one order."""
    usable = {run: {r["id"]: r for r in rows if r["labels"] and not unread(r)} for run, rows in answers.items()}
    shared = set.intersection(*(set(rows) for rows in usable.values())) if usable else set()
    order = [clip for clip in next(iter(usable.values()), {}) if clip in shared]
    return {run: [rows[clip] for clip in order] for run, rows in usable.items()}


def columns(metric: Metric, runs: Sequence[Sequence[Row]]) -> tuple[OfSums, list[Floats]]:
    """The score as a statistic of sums over clips, and the terms of each run to sum, ``(N, C)``.

    Args:
        metric: Which score.
        runs: Rows of the same clips in the same order, as :func:`aligned` gives them.
    """
    if metric == "ew":
        return open_words.f_of_sums, [open_words.score(*label_lists(rows)).columns for rows in runs]
    if metric == "labels":
        return mean_of_sums, [with_ones([float(len(r["emotions"])) for r in rows]) for rows in runs]
    if metric == "parse_rate":
        return mean_of_sums, [with_ones([float(r["top"] is not None) for r in rows]) for rows in runs]
    of_counts = classification.OF_COUNTS[getattr(classification, metric)]
    # Answers are read in lower case with single blanks, so references are compared in that form.
    truth = [plain(r["labels"][0]) for r in runs[0]]
    return of_confusion(of_counts), [confusion_columns(truth, [r["top"] for r in rows]) for rows in runs]
