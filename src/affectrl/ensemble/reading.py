"""Prediction files in, :class:`Opinions` out; what does not fit together is refused, or left out and told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from affectrl.emotions.label_set import LabelSet
from affectrl.ensemble.ballots import Ballots, read_ballots
from affectrl.ensemble.opinions import Opinions
from affectrl.errors import DataError, Note, UsageError

Mismatch = Literal["error", "intersect", "abstain"]
MISMATCH: tuple[Mismatch, ...] = ("error", "intersect", "abstain")
"""What becomes of clips that not all files have, rows that cannot be read, and labels that are none of the set.

``error`` refuses; ``intersect`` keeps the clips that every file has whole; ``abstain`` keeps the clips that any file
has, and a file without one abstains there. A label outside the set abstains in both.
"""
_TOLD = 5


@dataclass(frozen=True)
class Read:
    """What was read."""

    opinions: Opinions
    files: Mapping[str, str]
    """Voter -> its file."""
    notes: tuple[Note, ...]


def name_files(given: Sequence[str]) -> dict[str, Path]:
    """``NAME=FILE`` or ``FILE`` (its stem names it) as voters.

    Raises:
        UsageError: ``vote_names``: two files of one name.
    """
    pairs = [_named(one) for one in given]
    stems = [name or path.stem for name, path in pairs]
    found: dict[str, Path] = {}
    for (told, path), name in zip(pairs, stems, strict=True):
        # checkpoint_30.csv of two folders: the folder tells them apart, where no name was given.
        if told is None and stems.count(name) > 1 and path.parent.name:
            name = f"{path.parent.name}/{name}"
        if name in found:
            raise UsageError(
                f"two files are called {name!r}: {found[name]} and {path}.",
                code="vote_names",
                hint="Name them: one=FILE two=FILE.",
            )
        found[name] = path
    return found


def _named(given: str) -> tuple[str | None, Path]:
    name, equals, path = given.partition("=")
    return (name, Path(path)) if equals and name and not Path(given).exists() else (None, Path(given))


def read_opinions(
    files: Mapping[str, str | Path],
    *,
    lists: bool = False,
    label_set: LabelSet | None = None,
    column: str | None = None,
    on_mismatch: Mismatch = "error",
    least: int = 2,
) -> Read:
    """The opinions in prediction files.

    Files of the same bytes are one voter: an opinion does not weigh more for being copied.

    Args:
        files: Voter -> file.
        lists: Ballots are lists of labels; else each holds one.
        label_set: Set that labels are put into.
        column: Column of the labels, where it is none of the usual.
        on_mismatch: See :data:`MISMATCH`.
        least: Fewest voters.

    Raises:
        UsageError: ``vote_few``: fewer voters than that; ``vote_option``: no such ``on_mismatch``.
        DataError: As :func:`affectrl.ensemble.ballots.read_ballots`; ``vote_clips``: not the same clips, or none in
            common; ``vote_labels``: a label that the set does not have, or files that share no label.
    """
    if on_mismatch not in MISMATCH:
        raise UsageError(
            f"--on-mismatch is {on_mismatch!r}.", code="vote_option", hint=f"It is one of {', '.join(MISMATCH)}."
        )
    unique, notes = _without_copies(files)
    if len(unique) < least:
        raise UsageError(
            f"{len(unique)} different files; this takes {least}.", code="vote_few", hint="Give more prediction files."
        )
    read = {
        name: read_ballots(path, lists=lists, label_set=label_set, column=column, skip_damaged=on_mismatch != "error")
        for name, path in sorted(unique.items())
    }
    return join(read, lists=lists, label_set=label_set, on_mismatch=on_mismatch, notes=notes)


def _without_copies(files: Mapping[str, str | Path]) -> tuple[dict[str, str | Path], list[Note]]:
    first: dict[str, str] = {}
    unique: dict[str, str | Path] = {}
    notes = []
    for name in sorted(files):
        path = Path(files[name])
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else name
        if digest in first:
            notes.append(Note("vote_copy", f"{name} and {first[digest]} are the same file, and vote once."))
        else:
            first[digest] = name
            unique[name] = files[name]
    return unique, notes


def join(
    read: Mapping[str, Ballots],
    *,
    lists: bool = False,
    label_set: LabelSet | None = None,
    on_mismatch: Mismatch = "error",
    notes: Sequence[Note] = (),
) -> Read:
    """Opinions of ballots that are already read; arguments and errors as :func:`read_opinions`."""
    notes = [*notes, *_about_damage(read), *_about_words(read, label_set, on_mismatch)]
    _check_words(read, lists)
    ids, rows, told = _clips(read, on_mismatch)
    names = tuple(sorted(read))
    words = {word for ballots in read.values() for word in (*ballots.words, *ballots.scores)}
    labels = tuple(label_set.labels) if label_set and not lists else tuple(sorted(words))
    index = {word: k for k, word in enumerate(labels)}
    total = sum(len(read[name].row) for name in names)
    clip, label = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int32)
    voter, rank = np.empty(total, dtype=np.int16), np.empty(total, dtype=np.int16)
    confidence = np.full(total, np.nan)
    scores, end = {}, 0
    for m, name in enumerate(names):
        ballots = read[name]
        at = np.full(len(ballots.ids) + 1, -1, dtype=np.int64)
        at[rows[name]] = np.arange(len(ids))
        at[-1] = -1
        where = at[ballots.row]
        keep = where >= 0
        codes = np.array([index[word] for word in ballots.words] or [0], dtype=np.int32)
        mine = slice(end, end + int(keep.sum()))
        end = mine.stop
        clip[mine], voter[mine], rank[mine] = where[keep], m, ballots.rank[keep]
        label[mine] = codes[ballots.word[keep]]
        confidence[mine] = np.where(rank[mine] == 0, ballots.confidence[ballots.row[keep]], np.nan)
        if ballots.scores:
            scores[m] = _table_of_scores(ballots, rows[name], index)
    opinions = Opinions(
        ids, names, labels, clip[:end], voter[:end], label[:end], rank[:end], confidence[:end], lists, scores
    )
    return Read(opinions, {name: read[name].path for name in names}, (*notes, *told))


def _table_of_scores(ballots: Ballots, rows: Any, index: Mapping[str, int]) -> Any:
    table = np.full((len(rows), len(index)), np.nan, dtype=np.float32)
    for word, column in ballots.scores.items():
        table[:, index[word]] = np.append(column, np.float32(np.nan))[rows]
    return table


def _clips(read: Mapping[str, Ballots], on_mismatch: Mismatch) -> tuple[Sequence[str], dict[str, Any], list[Note]]:
    """Names of the clips, each file's row of each (-1 for none), and what was left out."""
    import pandas as pd

    names = sorted(read)
    indexes = {name: _index(read[name].ids) for name in names}
    whole = indexes[names[0]]
    at = {name: _places(indexes[name], whole) for name in names}
    if all(len(indexes[name]) == len(whole) and (at[name] >= 0).all() for name in names):
        return whole, at, []
    # Sorted, so that the order of files cannot be read off the outcome.
    union: Any = pd.Index(sorted(set().union(*(set(index) for index in indexes.values()))))
    at = {name: indexes[name].get_indexer(union) for name in names}
    everywhere = np.all([rows >= 0 for rows in at.values()], axis=0)
    lacking = {name: int((rows < 0).sum()) for name, rows in at.items() if (rows < 0).any()}
    if on_mismatch == "error":
        name = max(lacking, key=lambda one: lacking[one])
        some = [repr(one) for one in union[at[name] < 0][:_TOLD]]
        raise DataError(
            f"lacks {lacking[name]} of {len(union)} clips that other files have: {', '.join(some)}"
            f"{', ...' if lacking[name] > _TOLD else ''}.",
            code="vote_clips",
            path=read[name].path,
            hint="--on-mismatch intersect keeps the clips that all files have, abstain all of them.",
        )
    told = ", ".join(f"{name} {n}" for name, n in lacking.items())
    if on_mismatch == "abstain":
        return union, at, [Note("vote_missing", f"Rows missing of {len(union)} clips, which abstain: {told}.")]
    if not everywhere.any():
        raise DataError(
            f"no clip stands in all {len(names)} files: {read[names[0]].path} has {read[names[0]].ids[0]!s}, "
            f"this {read[names[1]].ids[0]!s}.",
            code="vote_clips",
            path=read[names[1]].path,
            hint="Are these files of the same set?",
        )
    note = Note(
        "vote_intersection",
        f"{int(everywhere.sum())} of {len(union)} clips stand in all files; the others are left out. Missing: {told}.",
    )
    return union[everywhere], {name: rows[everywhere] for name, rows in at.items()}, [note]


def _places(index: Any, clips: Any) -> Any:
    return np.arange(len(clips)) if index.equals(clips) else index.get_indexer(clips)


def _index(ids: Any) -> Any:
    import pandas as pd

    return ids if isinstance(ids, pd.Index) else pd.Index(ids, dtype="str")


def _about_damage(read: Mapping[str, Ballots]) -> list[Note]:
    return [
        Note("vote_damaged", f"{name}: {len(ballots.damaged)} rows are left out: {'; '.join(ballots.damaged[:_TOLD])}.")
        for name, ballots in sorted(read.items())
        if ballots.damaged
    ]


def _about_words(read: Mapping[str, Ballots], label_set: LabelSet | None, on_mismatch: Mismatch) -> list[Note]:
    notes = []
    for name, ballots in sorted(read.items()):
        if not ballots.strange:
            continue
        most = sorted(ballots.strange, key=lambda word: (-ballots.strange[word], word))
        told = ", ".join(repr(word) for word in most[:_TOLD]) + (", ..." if len(most) > _TOLD else "")
        n = sum(ballots.strange.values())
        set_name = label_set.name if label_set else ""
        if on_mismatch == "error":
            raise DataError(
                f"{n} labels are none of the set {set_name}: {told}.",
                code="vote_labels",
                path=ballots.path,
                hint="Choose another --label-set, or let such answers abstain with --on-mismatch abstain.",
            )
        notes.append(Note("vote_strange", f"{name}: {n} labels are none of the set {set_name} and abstain: {told}."))
    return notes


def _check_words(read: Mapping[str, Ballots], lists: bool) -> None:
    """Files of closed sets that have no word in common are of different sets."""
    if lists:
        return
    names = [name for name in sorted(read) if read[name].words]
    for name in names:
        others = {word for other in names if other != name for word in read[other].words}
        if others and not others & set(read[name].words):
            raise DataError(
                f"has the labels {', '.join(read[name].words[:_TOLD])}; the other files have none of them, but "
                f"{', '.join(sorted(others)[:_TOLD])}.",
                code="vote_labels",
                path=read[name].path,
                hint="Put all into one set with --label-set.",
            )
