"""A run's phases, walked through on shapes: each gives its memory above the weights, its FLOPs and its seconds.

Rollout and update are the engine's own functions (``models/language.py``, ``packed.py``, ``kept.py``, ``roomy.py``,
``scoring.py``). What decides by numbers, such as which completion has ended, is taken at its worst: all completions
are as long as they may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from affectrl.models.decoding import sample
from affectrl.models.kept import Kept
from affectrl.models.packed import Layout, states_of
from affectrl.models.prefix import Prefix
from affectrl.models.roomy import roomy
from affectrl.models.scoring import score_rows
from affectrl.planning.devices import Device
from affectrl.planning.ledger import Ledger
from affectrl.planning.skeleton import Bare

KEYS, PASS, LOGITS, FORWARD, BACKWARD = "keys and values", "kept pass", "logits", "activations", "gradients and scratch"


@dataclass(frozen=True, slots=True)
class Sizes:
    """The shapes of a run."""

    clips: int
    """B."""
    prefix: int
    """P, of the longest prefix."""
    shared: int
    """Leading positions that all clips have in common."""
    group: int
    """G."""
    completion: int
    """R."""
    budget: int
    """``micro_batch_tokens``."""
    keeps: bool = True
    """Whether the update may go on from the rollout's pass over the prefixes, where that fits the budget."""
    copies: int = 0
    """Further copies of what learns: the KL term's reference, a moving average."""
    updates: int = 1
    recompute: bool = False


@dataclass(slots=True)
class Phase:
    """What a part of a run takes."""

    name: str
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)
    """Bytes above the weights and the optimizer's state at the peak of each kind of work, by what they are for."""
    flops: float = 0.0
    seconds: float = 0.0
    tokens: int = 0
    """Completion tokens that are written or learned from."""

    @property
    def parts(self) -> dict[str, float]:
        """Bytes at the highest peak, by what they are for."""
        return max(self.peaks.values(), key=lambda parts: sum(parts.values()), default={})

    @property
    def bytes(self) -> float:
        """Their sum."""
        return sum(self.parts.values())

    def see(self, ledger: Ledger) -> None:
        """Take higher peaks."""
        for label, (size, parts) in ledger.peaks.items():
            if size > sum(self.peaks.get(label, {}).values()):
                self.peaks[label] = {name: float(part) for name, part in parts.items() if part}

    def deeper(self, other: Phase, steps: float) -> Phase:
        """This phase with more layers: on along the line from it to a walk through more of them.

        Layers are alike, so that every figure grows by the same with each. Of the kinds of work each has its own line,
        since another may be highest in a deep model than in a flat one.
        """

        def on(a: float, b: float) -> float:
            return a + (b - a) * steps

        labels = [label for label in self.peaks if label in other.peaks]
        peaks = {label: _on(self.peaks[label], other.peaks[label], steps) for label in labels}
        flops, seconds = on(self.flops, other.flops), on(self.seconds, other.seconds)
        return Phase(self.name, peaks, flops, seconds, self.tokens)


def _on(a: dict[str, float], b: dict[str, float], steps: float) -> dict[str, float]:
    names = a.keys() | b.keys()
    return {name: a.get(name, 0.0) + (b.get(name, 0.0) - a.get(name, 0.0)) * steps for name in names}


class Walk:
    """Walks phases of one run; see the module's text."""

    def __init__(self, policy: Bare, device: Device | None) -> None:
        self.policy, self.device = policy, device
        self.known = [*policy.parameters(), *policy.buffers()]

    def cold_start(self, sizes: Sizes) -> Phase:
        """Supervised steps on ``clips`` answers of ``completion`` tokens."""
        policy, phase = self.policy.train(), Phase("cold start", tokens=sizes.clips * sizes.completion)
        rows = max(1, min(sizes.clips, sizes.budget // (sizes.prefix + sizes.completion)))
        with self._ledger() as ledger:
            self._micro(ledger, _prefix(policy, sizes, rows), sizes, rows, 1, None, phase)
        _add(phase, (0.0, 0.0), ledger, sizes.clips / rows)
        policy.zero_grad(set_to_none=True)
        return phase

    def reinforcement(self, sizes: Sizes) -> tuple[Phase, Phase]:
        """A rollout and its update."""
        policy = self.policy.eval()
        tokens = sizes.clips * sizes.group * sizes.completion
        rollout, update = Phase("rollout", tokens=tokens), Phase("update", tokens=tokens)
        kept = None
        with self._ledger() as ledger:
            prefix = _prefix(policy, sizes, sizes.clips)
            keep = sizes.keeps and sizes.clips * sizes.prefix <= sizes.budget
            with torch.no_grad():
                kept = self._sample(ledger, prefix if keep else prefix.bare(), sizes, rollout, keep=keep)
            _add(rollout, (0.0, 0.0), ledger, 1)
            for _ in range(sizes.updates):
                self._update(ledger, prefix.bare(), sizes, kept, update)
                kept = kept if kept is not None and not kept.graph else None
        return rollout, update

    def evaluation(self, sizes: Sizes) -> Phase:
        """Greedy answers of a batch."""
        policy, phase = self.policy.eval(), Phase("evaluation", tokens=sizes.clips * sizes.completion)
        with self._ledger() as ledger, torch.no_grad():
            self._sample(ledger, _prefix(policy, sizes, sizes.clips).bare(), sizes, phase, keep=False)
        _add(phase, (0.0, 0.0), ledger, 1)
        return phase

    def _ledger(self) -> Ledger:
        return Ledger(self.device, self.known)

    def _sample(self, ledger: Ledger, prefix: Prefix, sizes: Sizes, phase: Phase, *, keep: bool) -> Kept | None:
        """As ``generate`` does; of the steps of decoding the first and the last are walked."""
        policy, room = self.policy, sizes.group * (sizes.completion - 1)
        with ledger.label(PASS if keep else KEYS):
            past, last, reuse = policy.prefill(prefix, keep=keep)
        with ledger.label(KEYS):
            past = roomy(past, room)
        states = last.repeat_interleave(sizes.group, 0)
        self._draw(ledger, states)
        if sizes.completion > 1:
            self._decode(ledger, prefix, sizes, past)
            first = _costs(ledger)
            if sizes.completion > 2:
                more = room - 2 * sizes.group
                for layer in past.layers:
                    shape = (*layer.keys.shape[:2], more, layer.keys.shape[-1])
                    layer.update(layer.keys.new_empty(shape), layer.keys.new_empty(shape))
                self._decode(ledger, prefix, sizes, past)
                last_flops, last_seconds = (b - a for a, b in zip(first, _costs(ledger), strict=True))
                ledger.flops += last_flops * (sizes.completion - 3)
                ledger.seconds += last_seconds * (sizes.completion - 3)
        phase.see(ledger)
        return reuse

    def _decode(self, ledger: Ledger, prefix: Prefix, sizes: Sizes, past: object) -> None:
        policy, b, g = self.policy, len(prefix), sizes.group
        held = past.layers[0].keys.shape[-2]  # type: ignore[attr-defined]
        fed = torch.zeros(b, g, dtype=torch.long, device="meta")
        mask = torch.zeros(b, 1, g, held + g, dtype=torch.bool, device="meta")
        with ledger.label(FORWARD):
            states = policy.run(policy.embed_ids(fed), mask, fed, past).flatten(0, 1)
        self._draw(ledger, states)

    def _draw(self, ledger: Ledger, states: Tensor) -> None:
        with ledger.label(LOGITS):
            logprobs = torch.log_softmax(self.policy.logits(states) / 1.0, dim=-1)
            sample(logprobs.exp(), None)

    def _update(self, ledger: Ledger, prefix: Prefix, sizes: Sizes, reuse: Kept | None, phase: Phase) -> None:
        """As ``rl.steps`` does: micro-batches of whole clips, and then the prefixes that were kept."""
        kept, finish = (None, None) if reuse is None else reuse.cut()
        columns = 0 if kept is not None and kept.graph else sizes.prefix
        size = columns + sizes.group * sizes.completion
        rows = max(1, min(sizes.clips, sizes.budget // size))
        before = _costs(ledger)
        ledger.fresh()
        pick = torch.zeros(rows, dtype=torch.long, device="meta")
        part = prefix.rows(pick) if kept is not None else _prefix(self.policy, sizes, rows)
        self._micro(ledger, part, sizes, rows, sizes.group, None if kept is None else kept.rows(pick), phase)
        _add(phase, before, ledger, sizes.clips / rows)
        before = _costs(ledger)
        if finish is not None:
            with ledger.label(BACKWARD):
                finish()
            phase.see(ledger)
            _add(phase, before, ledger, 1)
        self.policy.zero_grad(set_to_none=True)

    def _micro(
        self,
        ledger: Ledger,
        prefix: Prefix,
        sizes: Sizes,
        rows: int,
        group: int,
        reuse: Kept | None,
        phase: Phase,
    ) -> None:
        policy, n, r = self.policy, rows * group, sizes.completion
        with ledger.label(FORWARD):
            packed = _layout(rows, group, r)
            states = states_of(policy, prefix, packed, (n, r), group=group, reuse=reuse)
            each = states.flatten(0, 1)[torch.zeros(n * r, dtype=torch.long, device="meta")]
        with ledger.label(LOGITS):
            logprobs, _ = score_rows(policy, each, torch.zeros(n * r, dtype=torch.long, device="meta"), 1.0)
        del states, each
        with ledger.label(BACKWARD):
            logprobs.sum().backward()
        phase.see(ledger)


def _prefix(policy: Bare, sizes: Sizes, rows: int) -> Prefix:
    """Embeddings that gradients go through where what makes them learns."""
    width, dtype = policy.enters
    learns = bool(policy.fusion_parameters())
    embeds = torch.empty(rows, sizes.prefix, width, dtype=dtype, device="meta", requires_grad=learns)
    return Prefix(embeds, torch.ones(rows, sizes.prefix, dtype=torch.bool, device="meta"), sizes.shared)


def _layout(rows: int, group: int, r: int) -> Layout:
    fed = torch.zeros(rows, group * (r - 1), dtype=torch.long, device="meta")
    real = torch.ones_like(fed, dtype=torch.bool)
    return Layout(fed, real, fed, fed, torch.zeros(rows * group, r - 1, dtype=torch.long, device="meta"))


def _costs(ledger: Ledger) -> tuple[float, float]:
    return ledger.flops, ledger.seconds


def _add(phase: Phase, before: tuple[float, float], ledger: Ledger, times: float) -> None:
    flops, seconds = (now - then for then, now in zip(before, _costs(ledger), strict=True))
    phase.flops += flops * times
    phase.seconds += seconds * times
