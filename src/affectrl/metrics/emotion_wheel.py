"""EW: precision, recall and F of open-vocabulary label lists over emotion wheels, as MER2025 and MER2026 score them.

For wheel k, labels become sets of clusters G (reference) and P (prediction). A sample whose G is empty is not kept on
that wheel. Precision |G & P| / |P| and recall |G & P| / |G| (both 0 when P is empty) are averaged over the kept
samples, F_k is the harmonic mean of the two averages, and EW is the plain mean of F_k over the wheels (AffectGPT-R1,
appendix D, eq. 17 to 20; level 1 is the main metric). Rules say how the corners are treated; ``docs/metric-audit.md``
shows what each does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from affectrl.emotions.space import FIELD, WheelSpace
from affectrl.emotions.wheel import LEVELS
from affectrl.errors import UsageError
from affectrl.metrics.label_masks import Array, Labels, Masked, Side, divide, masked, union
from affectrl.metrics.wheel_rules import RULES, Rules


@dataclass(frozen=True, slots=True)
class Triple:
    """F, precision and recall, each in [0, 1]. The F of a mean over wheels is the mean of F, not the F of means."""

    f1: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class WheelScore:
    """One wheel."""

    name: str
    level1: Triple
    level2: Triple
    n: int
    """Samples kept: those whose reference maps on this wheel."""


@dataclass(frozen=True)
class OnWheels:
    """What every score over wheels has: which samples each wheel keeps, and what stood on both sides."""

    rules: Rules
    wheels: tuple[str, ...]
    kept: NDArray[np.bool_]
    """Shape ``(N, W)``: whether the sample's reference has a cluster on the wheel."""
    reference: Side
    prediction: Side

    @property
    def n(self) -> int:
        """Samples, kept or not."""
        return len(self.kept)

    @property
    def n_skipped(self) -> int:
        """Samples that no wheel keeps: nothing in their reference is known."""
        return int((~self.kept.any(axis=1)).sum())

    @property
    def n_per_wheel(self) -> dict[str, int]:
        """Samples kept by each wheel."""
        return {name: int(n) for name, n in zip(self.wheels, self.kept.sum(0), strict=True)}


@dataclass(frozen=True)
class EWScore(OnWheels):
    """The score of a set, and the parts that it is made of."""

    precision: Array
    """Shape ``(N, W, 2)``: per sample, wheel and level; 0 where the sample is not kept."""
    recall: Array
    """Likewise."""

    @cached_property
    def columns(self) -> Array:
        """Per-sample terms ``(N, 5 W)`` whose sums :func:`ew_of_sums` takes, as the bootstrap wants them."""
        n = self.n
        parts = [self.kept.astype(float), self.precision.reshape(n, -1), self.recall.reshape(n, -1)]
        return np.concatenate(parts, axis=1)

    @cached_property
    def _scores(self) -> Array:
        return ew_of_sums(self.columns.sum(0), len(self.wheels), self.rules)

    @property
    def f1(self) -> float:
        """EW F at level 1: the main metric."""
        return float(self._scores[0])

    @property
    def level1(self) -> Triple:
        """Level 1, all wheels."""
        return Triple(*map(float, self._scores[:3]))

    @property
    def level2(self) -> Triple:
        """Level 2, all wheels."""
        return Triple(*map(float, self._scores[3:]))

    @property
    def per_wheel(self) -> list[WheelScore]:
        """Each wheel apart."""
        table = wheels_of_sums(self.columns.sum(0), len(self.wheels), self.rules)
        return [
            WheelScore(name, Triple(*map(float, level1)), Triple(*map(float, level2)), self.n_per_wheel[name])
            for name, (level1, level2) in zip(self.wheels, table, strict=True)
        ]

    def of_samples(self, level: int = 1) -> Array:
        """Each sample's own EW F ``(N,)``, mean over the wheels that keep it: its reward; else NaN."""
        p, r = self.precision[..., level - 1], self.recall[..., level - 1]
        f = divide(2 * p * r, p + r, 0.0)
        return divide((f * self.kept).sum(-1), self.kept.sum(-1).astype(float), float("nan"))


def wheels_of_sums(sums: Array, n_wheels: int, rules: Rules) -> Array:
    """Each wheel's F, precision and recall at both levels from sums of ``EWScore.columns``.

    Shapes ``(..., 5 W)`` to ``(..., W, 2, 3)``, so that any resample of the clips can be scored.
    """
    kept = sums[..., :n_wheels]
    parts = sums[..., n_wheels:].reshape(*sums.shape[:-1], 2, n_wheels, len(LEVELS))
    nothing = float("nan") if rules.zero_overlap == "nan" else 0.0
    p, r = (divide(parts[..., i, :, :], kept[..., None], nothing) for i in (0, 1))
    return np.stack([divide(2 * p * r, p + r, nothing), p, r], axis=-1)


def ew_of_sums(sums: Array, n_wheels: int, rules: Rules) -> Array:
    """F, precision and recall at level 1, then at level 2, over all wheels: ``(..., 5 W)`` to ``(..., 6)``."""
    table = wheels_of_sums(sums, n_wheels, rules)
    over = sums[..., :n_wheels] > 0
    if rules.over == "all":
        over = np.ones_like(over)
    total = np.where(over[..., None, None], table, 0.0).sum(-3)
    mean = divide(total, over.sum(-1)[..., None, None].astype(float), float("nan"))
    return mean.reshape(*mean.shape[:-2], 6)


def ew(
    reference: Sequence[Labels] | Masked,
    prediction: Sequence[Labels] | Masked,
    space: WheelSpace,
    rules: Rules = RULES["affectrl"],
) -> EWScore:
    """Score label lists against reference lists, sample by sample.

    Args:
        reference: One list of labels a sample, or a string that holds a list; or lists that :func:`masked` has read.
        prediction: Likewise, in the same order.
        space: Wheels and words.
        rules: How corners are treated.

    Raises:
        UsageError: ``metric_lengths``: the two differ in length.
    """
    if len(reference) != len(prediction):
        raise UsageError(
            f"{len(reference)} references but {len(prediction)} predictions.",
            code="metric_lengths",
            hint="Give one list (it may be empty) for each reference.",
        )
    truth, answers = masked(reference, space, rules), masked(prediction, space, rules)
    shared = np.bitwise_count(truth.fields & answers.fields).astype(float)
    in_g, in_p = (np.bitwise_count(side.fields).astype(float) for side in (truth, answers))
    if rules.unknown == "wrong":
        in_p += answers.strange[:, None]
    shape = (len(reference), len(LEVELS), len(space.wheels))
    precision, recall = (
        divide(shared, whole, 0.0).reshape(shape).swapaxes(1, 2) for whole in (np.where(in_g > 0, in_p, 0.0), in_g)
    )
    kept = in_g.reshape(shape)[:, 0] > 0
    wheels = tuple(wheel.name for wheel in space.wheels)
    return EWScore(rules, wheels, kept, truth.side, answers.side, precision=precision, recall=recall)


def one(
    reference: Sequence[str], prediction: Sequence[str], space: WheelSpace, rules: Rules = RULES["affectrl"]
) -> float | None:
    """EW F at level 1 of one sample, for rewards: in [0, 1], made for single calls.

    Equal to :func:`ew` of a set of one, to the bit of its corners: with the official rules a wheel without overlap is
    NaN (``mer2025``) or 0 (``mer2026``), also where the reference is not on that wheel at all.

    Args:
        reference: Labels as they are, not a string that holds a list; :func:`ew` reads ``touch and go`` as two labels,
            and here it is one.
        prediction: Likewise.

    Returns:
        ``None`` when our rules find nothing in the reference that any wheel knows: there is no answer to compare with.
    """
    masks = space.masks(rules.reading)
    g, _ = union(reference, masks)
    p, unknown = union(prediction, masks)
    strange = unknown if rules.unknown == "wrong" else 0
    nothing = float("nan") if rules.zero_overlap == "nan" else 0.0
    every = rules.over == "all"
    if not g & p and not nothing:
        return 0.0 if g or every else None
    total, n = 0.0, 0
    for ones in _level1(len(space.wheels)):
        of_g = g & ones
        if of_g or every:
            n += 1
            shared = (of_g & p).bit_count()
            # 2PR / (P + R) with P = shared / in P and R = shared / in G
            total += 2 * shared / ((p & ones).bit_count() + strange + of_g.bit_count()) if shared else nothing
    return total / n if n else None


def jaccard(a: Sequence[str], b: Sequence[str], space: WheelSpace, rules: Rules = RULES["affectrl"]) -> float | None:
    """Jaccard similarity of two label lists, mean over the wheels (``is_similar``, AffectGPT-R1, eq. 21 and 22).

    Symmetric, in [0, 1]. A wheel on which neither list maps says nothing and is left out, or counts 0 with rules whose
    mean runs over all wheels. ``None`` when no wheel is left.
    """
    masks = space.masks(rules.reading)
    (left, _), (right, _) = union(a, masks), union(b, masks)
    total, n = 0.0, 0
    for ones in _level1(len(space.wheels)):
        both = ((left | right) & ones).bit_count()
        if both or rules.over == "all":
            n += 1
            total += (left & right & ones).bit_count() / both if both else 0.0
    return total / n if n else None


@cache
def _level1(n_wheels: int) -> tuple[int, ...]:
    """The field of each wheel at level 1."""
    return tuple(((1 << FIELD) - 1) << FIELD * k for k in range(n_wheels))
