"""The vote head: a judge reads all opinions about a clip and says what it makes of them (Halifa et al., section 3.4).

The paper hands several descriptions of one scene to a language model and asks for the most likely emotion, a situation
and a confidence from 1 to 10 (T^vot). Here the judge is any of ``affectrl.judges``: another model of transformers, or
an OpenAI-compatible endpoint; it is also asked which opinions it followed. Opinions are prediction files, one a prompt
or sample; a file with reasoning is told with it. They stand in the order of the voters' names, so that nothing hangs on
the order of files, though a judge may well mind which comes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from affectrl.answers.formats import vote_head
from affectrl.answers.parser import parse
from affectrl.answers.prediction import failed
from affectrl.emotions.label_set import LabelSet, normalise
from affectrl.ensemble.judged import ballots_of
from affectrl.ensemble.opinions import Opinions
from affectrl.errors import AffectError, DataError
from affectrl.judges import Judge, Question
from affectrl.scoring.files import is_blank, read

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures

NAME = "judge"
MOST_TOKENS = 200
"""Room for the judge's answer."""
MOST_WORDS = 120
"""Words of one opinion that the judge is told."""
AT_ONCE = 256
_NUMBERS = re.compile(r'"followed"\s*:\s*\[(?P<numbers>[\d,\s"]*)\]')
_CONFIDENCE = re.compile(r'"confidence"\s*:\s*"?(?P<points>10|[1-9])\b')


@dataclass(frozen=True)
class Verdict:
    """What a judge made of the opinions about a clip."""

    emotions: tuple[str, ...]
    situation: str | None
    confidence: int | None
    """1 to 10; ``None`` when it said none."""
    followed: tuple[str, ...]
    """Voters whose opinions it says it went by."""


def told_opinions(opinions: Opinions, files: Mapping[str, str]) -> list[dict[str, str]]:
    """For each clip what each voter said: its reasoning where the file has one, and its labels."""
    lists = {name: ballots_of(opinions, m) for m, name in enumerate(opinions.voters)}
    reasons = {name: _reasons(path) for name, path in files.items()}
    return [
        {name: said for name in opinions.voters if (said := _said(reasons[name].get(str(i)), lists[name][n]))}
        for n, i in enumerate(opinions.ids)
    ]


def _reasons(path: str) -> dict[str, str]:
    table = read(path, skip_damaged=True)
    cells = table.columns.get("reasoning", ())
    return {i: " ".join(str(cell).split()[:MOST_WORDS]) for i, cell in zip(table.ids, cells, strict=False)
            if not is_blank(cell)}  # fmt: skip


def _said(reason: str | None, labels: Sequence[str]) -> str:
    parts = [*([reason] if reason else []), *([", ".join(labels)] if labels else [])]
    return " - ".join(parts)


def question(said: Mapping[str, str], labels: Sequence[str] | None, clip: ClipFeatures | None = None) -> Question:
    """The question about one clip; ``labels`` makes it a closed choice, ``clip`` lets a judge that can look at it."""
    listed = "\n".join(f"{number}. {text}" for number, text in enumerate(said.values(), start=1))
    choice = f" one of {', '.join(labels)}" if labels else " one word, or several with commas"
    return Question(
        f"{len(said)} observers saw the same scene. What each of them said:\n{listed}\n\n"
        "Some may be wrong, and one who stands alone may be right. Weigh them, and answer with one JSON object and "
        'nothing else: "situation": what is going on, in one sentence; "confidence": how sure you are, a number from '
        f'{vote_head.LEAST} to {vote_head.MOST}; "emotion": what the person feels,{choice}; "followed": a list of the '
        "numbers of the observers whom you followed.",
        clip=clip,
        choices=None if labels is None else tuple(labels),
        max_new_tokens=MOST_TOKENS,
    )


def verdict(text: str, voters: Sequence[str], label_set: LabelSet | None = None) -> Verdict:
    """A judge's answer, read; without emotions where none can be read, or none is of the set."""
    answer = parse(text)
    canonical = label_set.canonical if label_set else normalise
    emotions = tuple(dict.fromkeys(word for label in answer.labels if (word := canonical(label)) is not None))
    points, numbers = _CONFIDENCE.search(text), _NUMBERS.search(text)
    found = [int(n) for n in re.findall(r"\d{1,6}", numbers["numbers"])] if numbers else []
    followed = tuple(dict.fromkeys(voters[n - 1] for n in found if 1 <= n <= len(voters)))
    return Verdict(emotions, answer.reasoning, int(points["points"]) if points else None, followed)


def hear(
    opinions: Opinions,
    files: Mapping[str, str],
    judge: Judge,
    *,
    label_set: LabelSet | None = None,
    clips: Mapping[str, ClipFeatures] | None = None,
) -> list[dict[str, Any]]:
    """A row a clip, as ``affectrl predict`` writes them, with ``situation``, ``followed`` and the minority.

    A clip of which nobody said anything, and one for which the judge gave no answer or none that can be read, has an
    ``error`` in its row; nothing is put in its place.

    Args:
        opinions: The ballots.
        files: Voter -> its file, which may have reasoning.
        judge: As :func:`affectrl.judges.make` gives it.
        label_set: Closed set that the judge chooses from; ``None`` leaves it free.
        clips: By name, for a judge that shall look at them too.

    Raises:
        AffectError: The judge says that it can never answer.
    """
    said = told_opinions(opinions, files)
    asked = [n for n in range(opinions.n) if said[n]]
    replies: dict[int, str | None] = {}
    seen = [(clips or {}).get(str(name)) for name in opinions.ids]
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        labels = label_set.labels if label_set else None
        replies |= dict(zip(part, judge.answer([question(said[n], labels, seen[n]) for n in part]), strict=True))
    return [_row(opinions, n, said[n], replies.get(n), label_set) for n in range(opinions.n)]


def _row(
    opinions: Opinions, n: int, said: Mapping[str, str], reply: str | None, label_set: LabelSet | None
) -> dict[str, Any]:
    name = str(opinions.ids[n])
    voters = list(said)
    found = verdict(reply or "", voters, label_set)
    if not found.emotions:
        return failed(name, None, _why(name, said, reply)).to_dict() | {"rule": NAME, "text": reply or ""}
    mine = opinions.clip == n
    votes: dict[str, list[str]] = {}
    for voter, label in zip(opinions.voter[mine], opinions.label[mine], strict=True):
        votes.setdefault(opinions.labels[label], []).append(opinions.voters[voter])
    kept = found.emotions if opinions.lists else found.emotions[:1]
    return {
        "id": name,
        "emotions": list(kept),
        "top": kept[0],
        "confidence": None if found.confidence is None else found.confidence / vote_head.MOST,
        "situation": found.situation,
        "followed": list(found.followed),
        "rule": NAME,
        "votes": {label: len(names) for label, names in votes.items()},
        "minority": [
            {"label": label, "value": len(names) / len(voters), "voters": sorted(names)}
            for label, names in votes.items()
            if label not in kept
        ],
        "abstained": [voter for voter in opinions.voters if voter not in said],
        "text": reply,
    }


def _why(name: str, said: Mapping[str, str], reply: str | None) -> AffectError:
    if not said:
        return DataError(f"nobody said anything of {name}.", code="vote_silent")
    if reply is None:
        return DataError(f"the judge gave no answer about {name}.", code="judge_silent")
    return DataError(f"the judge's answer about {name} holds no emotion.", code="answer_unreadable")
