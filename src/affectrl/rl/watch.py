"""Reward hacking and lost health, seen from the figures of the steps: alarms that name the component concerned.

Nothing here stops or changes a run. A rule compares the mean of the last :data:`WINDOW` steps with that of the first,
or with a level, and speaks up when it begins to hold; it is silent while it goes on holding. A change counts when it is
larger than a least size and than three standard errors of the difference, taken over steps.
"""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from affectrl.answers.parser import parse, plain
from affectrl.rl import health

WINDOW = 5
"""Steps that are looked at together."""
_SURE = 3.0
"""Standard errors."""
_MOVED = 0.05
"""Least change of a reward component or share."""
_BETWEEN = re.compile(r"[,;，；、\n]")
_MARKS = " \t[](){}'\"*.`"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should look at."""

    code: str
    component: str
    """The reward that is being gamed, or the figure that is out of order."""
    message: str


def answer_stats(texts: Sequence[str], references: Sequence[Sequence[str]], group: int) -> dict[str, float]:
    """What completions look like, whatever they earn.

    Args:
        texts: N completions, clip after clip.
        references: Labels of each of the B clips, none where they are not known.
        group: Completions a clip, G; N = B G.

    Returns:
        ``parse_rate``: share of readable answers; ``answer_chars``: mean characters of a completion, reasoning and all;
        ``labels_per_answer``: mean over readable answers (0 when none is); ``duplicate_share``: items of the answers
        that repeat an earlier one of the same answer; ``same_answer_share``: pairs of completions of a clip that answer
        the same labels, in any order; ``top_answer_share``: share of the most frequent answer among all. Over clips
        with labels: ``reference_labels``, their mean number, and ``top_reference_share``. Empty without texts.
    """
    if not texts:
        return {}
    answers = [parse(text) for text in texts]
    readable = [answer for answer in answers if answer.labels]
    items = [_items(text[slice(*a.span)]) for text, a in zip(texts, answers, strict=True) if a.labels]
    given = [frozenset(answer.labels) for answer in answers]
    stats = {
        "parse_rate": len(readable) / len(answers),
        "answer_chars": fmean(map(len, texts)),
        "labels_per_answer": fmean(len(a.labels) for a in readable) if readable else 0.0,
        "duplicate_share": _ratio(sum(len(i) - len(set(i)) for i in items), sum(map(len, items))),
        "same_answer_share": fmean(_pairs_alike(given[i : i + group]) for i in range(0, len(given), group)),
        "top_answer_share": _top(given),
    }
    known = [frozenset(map(plain, labels)) for labels in references if labels]
    if known:
        stats |= {"reference_labels": fmean(map(len, known)), "top_reference_share": _top(known)}
    return stats


def _items(body: str) -> list[str]:
    words = (plain(item).strip(_MARKS) for item in _BETWEEN.split(body))
    return [word for word in words if word]


def _pairs_alike(answers: Sequence[frozenset[str]]) -> float:
    same = sum(n * (n - 1) for answer, n in Counter(answers).items() if answer)
    return _ratio(same, len(answers) * (len(answers) - 1))


def _top(things: Iterable[Hashable]) -> float:
    counts = Counter(things)
    return max(counts.values()) / counts.total()


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class _Move:
    """A figure over the first and the last steps."""

    first: float
    last: float
    noise: float
    """Standard error of the difference."""

    def up(self, least: float = _MOVED) -> bool:
        """Whether it rose by more than chance and by more than ``least``."""
        change = self.last - self.first
        return change > least and change > _SURE * self.noise

    def down(self, least: float = _MOVED) -> bool:
        """Whether it fell so."""
        return _Move(-self.first, -self.last, self.noise).up(least)

    def __str__(self) -> str:
        return f"{self.first:.3g} to {self.last:.3g}"


class Watch:
    """Sees a run's steps one after another.

    Args:
        limit: ``max_completion_length``, to tell when answers come near it; without it only truncation tells.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._forget()

    def _forget(self) -> None:
        self._steps: list[tuple[int, dict[str, float]]] = []
        self._first: dict[str, list[float]] = {}
        self._recent: dict[str, deque[float]] = {}
        self._n: Counter[str] = Counter()
        self._held: dict[tuple[str, str], int] = {}
        """Code and component of a rule that held -> how many steps had been seen when it last did."""

    def see(self, step: int, scalars: Mapping[str, object]) -> list[Alarm]:
        """Take in a step's figures and say what is new.

        Seeing again what was logged brings a watch to where another was; a step that was seen already, as a resumed run
        has it, takes the place of the old one and of all after it.

        Args:
            step: Its number.
            scalars: ``reward``, ``reward/NAME``, ``missing/NAME``, ``entropy``, ``completion_tokens``,
                ``zero_variance_share``, ``truncated_share``, ``logprob_corr``, ``logprob_gap`` and those of
                :func:`answer_stats`. What is absent, or no finite number, is passed over, and so are others.
        """
        if self._steps and step <= self._steps[-1][0]:
            earlier = [seen for seen in self._steps if seen[0] < step]
            self._forget()
            for seen in earlier:
                self.see(*seen)
        numbers = {
            key: float(value)
            for key, value in scalars.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        }
        self._steps.append((step, numbers))
        for key, number in numbers.items():
            self._n[key] += 1
            self._recent.setdefault(key, deque(maxlen=WINDOW)).append(number)
            if self._n[key] <= WINDOW:
                self._first.setdefault(key, []).append(number)
        return [alarm for alarm in self._holding() if self._begins(alarm)]

    def _begins(self, alarm: Alarm) -> bool:
        key, now = (alarm.code, alarm.component), len(self._steps)
        before = self._held.get(key)
        self._held[key] = now
        # A rule that stops holding for a few steps only has not begun anew.
        return before is None or now - before > WINDOW

    def _holding(self) -> Iterator[Alarm]:
        yield from self._health()
        for rule in (self._labels, self._trade, self._levels, self._length, self._entropy):
            yield from rule()

    def _last(self, key: str) -> float | None:
        """Mean over the last steps that have the figure; ``None`` before there are enough, or without it now."""
        return fmean(self._recent[key]) if key in self._steps[-1][1] and self._n[key] >= WINDOW else None

    def _move(self, key: str) -> _Move | None:
        """First against last steps; ``None`` as long as they overlap."""
        if self._n[key] < 2 * WINDOW or key not in self._steps[-1][1]:
            return None
        first, last = self._first[key], self._recent[key]
        return _Move(fmean(first), fmean(last), math.sqrt((variance(first) + variance(last)) / WINDOW))

    def _rewards(self) -> dict[str, _Move]:
        """Rewards by name, without those that look at form or length alone."""
        names = [key for key in self._steps[-1][1] if key.startswith("reward/")]
        moves = {key.removeprefix("reward/"): self._move(key) for key in names}
        return {name: move for name, move in moves.items() if move and not _formal(name)}

    def _health(self) -> Iterator[Alarm]:
        now = self._steps[-1][1]
        wrong = health.alarm(now.get("logprob_corr"), now.get("logprob_gap"))
        if wrong:
            why = "the update's ratios are off; look at positions, pads and precision"
            yield Alarm("logprobs_apart", "logprob_corr", f"{wrong}: {why}.")

    def _labels(self) -> Iterator[Alarm]:
        labels, reference = self._move("labels_per_answer"), self._move("reference_labels")
        if labels is None or not labels.up(max(0.5, 0.25 * labels.first)):
            return
        if reference is not None:
            asked = max(reference.first, reference.last)
            # Naming more because more is asked for, or as much as is asked for, is what should be learned.
            if labels.last < 1.25 * asked or reference.last > 1.25 * reference.first:
                return
        beside = "" if reference is None else f", the references have {reference.last:.1f}"
        for name, move in self._rewards().items():
            if move.up(0.02):
                yield Alarm(
                    "labels_grow",
                    name,
                    f"answers name more emotions ({labels}{beside}) and reward {name} rises with it ({move}): "
                    "long lists may be what earns it; add a length penalty or count unknown words as wrong.",
                )

    def _trade(self) -> Iterator[Alarm]:
        content = self._rewards()
        fallen = [(name, move) for name, move in content.items() if move.down()]
        if not fallen:
            return
        name, move = min(fallen, key=lambda pair: pair[1].last - pair[1].first)
        form = self._move("reward/format")
        if form is not None and form.up():
            yield Alarm(
                "form_only",
                "format",
                f"reward format rises ({form}) while {name} falls ({move}): the form of answers is learned at the "
                "expense of what they say; lower its weight.",
            )
        for other, risen in content.items():
            if risen.up():
                yield Alarm(
                    "traded_off",
                    other,
                    f"reward {other} rises ({risen}) at the expense of {name} ({move}): look at answers that earn much "
                    "of it, and at the weights.",
                )

    def _levels(self) -> Iterator[Alarm]:
        for key, code, most, told in _LEVELS:
            value = self._last(key)
            if value is not None and value >= most:
                yield Alarm(code, key, told.format(share=f"{100 * value:.0f} %"))
        top, asked = self._last("top_answer_share"), self._last("top_reference_share")
        if top is not None and top >= 0.9 and (asked is None or asked < 0.75):
            told = f"{100 * top:.0f} % of all answers are the same, whatever the clip: it is no longer looked at."
            yield Alarm("one_answer", "top_answer_share", told)
        for key in self._steps[-1][1]:
            name = key.removeprefix("missing/")
            share = self._last(key) if name != key else None
            if share is not None and share >= 0.5:
                told = f"reward {name} has no value for {100 * share:.0f} % of the answers: look at its judge."
                yield Alarm("judge_silent", name, told)

    def _length(self) -> Iterator[Alarm]:
        tokens = self._last("completion_tokens")
        if tokens is not None and self._limit is not None and tokens >= 0.9 * self._limit:
            told = f"answers take {tokens:.0f} of {self._limit} tokens: raise max_completion_length or punish length."
            yield Alarm("near_limit", "completion_tokens", told)
        move = self._move("completion_tokens")
        if move is not None and move.up(0.5 * move.first) and not any(m.up() for m in self._rewards().values()):
            told = f"answers grow ({move} tokens) and no reward of their content rises with them."
            yield Alarm("length_grows", "completion_tokens", told)

    def _entropy(self) -> Iterator[Alarm]:
        move = self._move("entropy")
        if move is not None and move.last < 0.2 * move.first and move.down(0.0):
            told = (
                f"entropy fell ({move} nats a token): nothing new is tried any more; lower the learning rate, or raise "
                "temperature, beta or epsilon_high."
            )
            yield Alarm("entropy_collapse", "entropy", told)


def _formal(name: str) -> bool:
    return name in ("format", "overlong")


_LEVELS: tuple[tuple[str, str, float, str], ...] = (
    ("duplicate_share", "repeats", 0.2, "{share} of the labels in answers repeat one before them."),
    ("truncated_share", "near_limit", 0.25, "{share} of the answers are cut off at max_completion_length."),
    ("zero_variance_share", "no_signal", 0.9, "in {share} of the groups all answers earn the same: little is learned."),
)
"""Figure, code, level and words of what is wrong whatever it was at the start."""
