"""From a recipe to a plan: where memory goes, how long a step takes, and what to change where it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch

from affectrl.models import backbone
from affectrl.planning import shapes
from affectrl.planning.devices import CONTEXT_BYTES, Device
from affectrl.planning.lengths import Lengths
from affectrl.planning.skeleton import Bare, NativeSkeleton, Parts, Skeleton, depths, planned_config, widths
from affectrl.planning.walk import Phase, Sizes, Walk
from affectrl.recipes.load import check
from affectrl.recipes.schema import ModelSpec, Recipe
from affectrl.rl import algorithm

MOMENTS = 2
"""Numbers that AdamW keeps for each weight that learns."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to change, after those before it."""

    field: str
    value: Any
    saves: int
    """Bytes of the run's peak."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will take."""

    recipe: Recipe
    device: Device
    dtype: str
    lengths: Lengths
    base: int
    """Of the process before any model is loaded. Bytes, like all that follows."""
    static: dict[str, int]
    """What stays from beginning to end."""
    phases: tuple[Phase, ...]

    @property
    def highest(self) -> Phase:
        """The phase with the highest peak."""
        return max(self.phases, key=lambda phase: phase.bytes)

    @property
    def above_base(self) -> int:
        """Peak above the bare process."""
        return sum(self.static.values()) + round(self.highest.bytes)

    @property
    def peak(self) -> int:
        """Peak of the run."""
        return self.base + self.above_base

    @property
    def fits(self) -> bool:
        """Whether the device holds that."""
        return self.peak <= self.device.memory

    def step_seconds(self) -> float:
        """Of a step of reinforcement learning; 0 where the device's rates are not known."""
        return sum(phase.seconds for phase in self.phases if phase.name in ("rollout", "update"))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "recipe": self.recipe.name,
            "device": asdict(self.device),
            "dtype": self.dtype,
            "lengths": asdict(self.lengths),
            "peak_bytes": self.peak,
            "base_bytes": self.base,
            "static_bytes": self.static,
            "fits": self.fits,
            "shapes_from_table": shapes.taken_for_granted(self.recipe.model),
            "step_seconds": self.step_seconds(),
            "phases": [
                {
                    "name": phase.name,
                    "bytes": round(phase.bytes),
                    "parts": {name: round(part) for name, part in phase.parts.items()},
                    "flops": phase.flops,
                    "seconds": phase.seconds,
                    "tokens_per_second": phase.tokens / phase.seconds if phase.seconds else None,
                }
                for phase in self.phases
            ],
        }


def plan(recipe: Recipe, device: Device, *, base: int, lengths: Lengths) -> Plan:
    """Walk through a recipe's phases on a device's kernels.

    Args:
        recipe: What would be run.
        device: Where.
        base: Bytes of the process before any model is loaded.
        lengths: From :func:`lengths_of`, or as the user says.

    Raises:
        ModelError: The backbone cannot be found, has no readable ``config.json``, or is of an unknown architecture.
    """
    name = recipe.precision
    if name == "auto":
        name = "bfloat16" if device.kind == "cuda" else "float32"
    line = depths(planned_config(backbone.place_of(recipe.model.backbone)).get_text_config())
    build = _skeletons(recipe, getattr(torch, name), device.kind)
    walks = []
    for layers in (None,) if line is None else line[:2]:
        policy = build(layers=layers)
        parts = Parts.of(policy, offload=recipe.offload and device.kind != "cpu")
        walks.append((parts, list(_phases(recipe, policy, device, lengths))))
    parts, phases = walks[0]
    if line is not None:
        deep_parts, deep = walks[1]
        parts = parts.deeper(deep_parts, line[2])
        phases = [a.deeper(b, line[2]) for a, b in zip(phases, deep, strict=True)]
    return Plan(recipe, device, name, lengths, base, _static(recipe, parts), tuple(phases))


def _skeletons(recipe: Recipe, dtype: torch.dtype, kind: str) -> Callable[..., Bare]:
    """What builds a policy of so many ``layers``; encoders are asked for their widths once."""
    if not isinstance(recipe.model, ModelSpec):
        return partial(NativeSkeleton, recipe.model, dtype=dtype, kind=kind)
    spec = shapes.gates_here(recipe.model)
    return partial(Skeleton, spec, dtype=dtype, kind=kind, dims=widths(spec))


def base_of(device: Device) -> int:
    """Bytes of a process before any model is loaded: on a CPU this very process's, which has loaded the same libraries.

    On a GPU an assumption, :data:`affectrl.planning.devices.CONTEXT_BYTES`.
    """
    if device.kind != "cpu":
        return CONTEXT_BYTES
    import accelerate  # noqa: F401
    import peft  # noqa: F401
    import transformers

    assert transformers.AutoModelForCausalLM  # transformers imports its parts when they are first named
    return resident()


def resident() -> int:
    """Bytes of this process that are in memory now; 0 where the system does not tell."""
    import resource
    from pathlib import Path

    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _phases(recipe: Recipe, policy: Bare, device: Device, lengths: Lengths) -> Iterator[Phase]:
    policy.recompute = False
    if recipe.gradient_checkpointing:
        policy.recompute_layers()
    walk = Walk(policy, device if device.full_rate else None)
    rl, cold, longest = recipe.rl, recipe.cold_start, recipe.rl.max_completion_length
    shapes = (lengths.prefix, lengths.shared)
    if cold.steps:
        policy.learn("all")
        yield walk.cold_start(Sizes(cold.batch_size, *shapes, 1, longest, recipe.micro_batch_tokens))
    if rl.steps:
        policy.learn(rl.train)
        keeps = algorithm.resolve(rl)[1].dynamic_sampling is None and not recipe.gradient_checkpointing
        sizes = Sizes(rl.batch_size, *shapes, rl.num_generations, longest, recipe.micro_batch_tokens)
        yield from walk.reinforcement(replace(sizes, keeps=keeps, updates=min(rl.num_iterations, 2)))
    yield walk.evaluation(Sizes(recipe.eval.batch_size, *shapes, 1, longest, recipe.micro_batch_tokens))


def _static(recipe: Recipe, parts: Parts) -> dict[str, int]:
    learns = parts.adapter + parts.fusion
    copies = int(recipe.optim.ema is not None)
    if recipe.rl.steps:
        names = {name.replace("_", "-") for name in recipe.rl.reward_funcs}
        copies += algorithm.resolve(recipe.rl)[1].beta > 0 or "majority-vote" in names
    return {
        "language model": parts.frozen,
        "towers": parts.towers,
        "unpacked from 4 bits": parts.widest,
        "the layer that visits": parts.visiting,
        "adapter": parts.adapter,
        "projections": parts.fusion,
        "AdamW's moments": MOMENTS * learns,
        "copies of what learns": copies * learns,
    }


def advise(first: Plan) -> tuple[list[Change], Plan]:
    """What to change, one after another, until the plan fits; and the plan with all of it, which may still not.

    The order is that of what costs least: first what changes no result, then precision, then the run itself.
    """
    now, changes = first, []
    for field, value in _options(first):
        if now.fits:
            break
        changed = with_field(now.recipe, field, value)
        then = plan(changed, now.device, base=now.base, lengths=now.lengths)
        if then.peak < now.peak * 0.99:
            changes.append(Change(field, value, now.peak - then.peak))
            now = then
    return changes, now


def with_field(recipe: Recipe, field: str, value: Any) -> Recipe:
    """The recipe with one ``dotted.key`` set.

    Raises:
        RecipeError: It then is none any more.
    """
    fields = recipe.model_dump()
    section = fields
    *path, last = field.split(".")
    for key in path:
        section = section[key]
    section[last] = value
    return check(fields, recipe.name)


def _options(first: Plan) -> Iterator[tuple[str, Any]]:
    recipe, rl = first.recipe, first.recipe.rl
    whole = first.lengths.prefix + rl.num_generations * rl.max_completion_length
    if recipe.micro_batch_tokens > whole:
        yield "micro_batch_tokens", whole
    if recipe.eval.batch_size > 8:
        yield "eval.batch_size", 8
    if not recipe.gradient_checkpointing:
        yield "gradient_checkpointing", True
    if recipe.micro_batch_tokens > first.lengths.prefix:
        yield "micro_batch_tokens", first.lengths.prefix
    if first.dtype == "float32":
        yield "precision", "bfloat16"
    if recipe.model.lora.quantize is None and not recipe.offload:
        yield "model.lora.quantize", "nf4"
    if rl.steps:
        if rl.train_generations is None and rl.num_generations > 4:
            yield "rl.num_generations", max(4, rl.num_generations // 2)
        if rl.max_completion_length > 64:
            yield "rl.max_completion_length", rl.max_completion_length // 2
        if rl.batch_size > 1:
            yield "rl.batch_size", max(1, rl.batch_size // 2)
