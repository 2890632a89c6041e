"""Policies that have shapes and no numbers: a recipe's own model and adapter on torch's ``meta`` device."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from affectrl.errors import ModelError
from affectrl.models import backbone, quantized, weights
from affectrl.models.features import FeatureExtractor
from affectrl.models.language import Policy, adapted
from affectrl.models.native_model import Chat, architecture_of, bare
from affectrl.models.native_policy import TOWERS, NativePolicy, targets_of
from affectrl.models.offloaded import visiting
from affectrl.models.policy import FusedPolicy
from affectrl.planning import shapes
from affectrl.recipes.schema import ModelSpec, NativeSpec, Stream

ATTENTION = "affectrl_planned"


class Bare(Policy):
    """What the engine's code runs on in place of a policy. It asks for ``config.json`` and for no weights."""

    @property
    def vocabulary(self) -> int:
        """V."""
        return int(self.lm.get_output_embeddings().weight.shape[0])

    @property
    @abstractmethod
    def enters(self) -> tuple[int, torch.dtype]:
        """Width and type of a prefix's columns."""


class Skeleton(FusedPolicy, Bare):
    """Of the fused family.

    Args:
        spec: The recipe's ``model`` section.
        dtype: Of the frozen language model.
        kind: ``cpu`` or ``cuda``: whose attention kernels are meant.
        dims: Feature width of each stream, after the mix of its encoder's layers.
        layers: So many of its layers; all by default.
    """

    def __init__(
        self, spec: ModelSpec, *, dtype: torch.dtype, kind: str, dims: dict[str, int], layers: int | None = None
    ) -> None:
        nn.Module.__init__(self)
        from transformers import AutoModelForCausalLM

        self.spec = spec
        config = planned_config(backbone.place_of(spec.backbone))
        _cut(config, layers)
        with torch.device("meta"), weights.quiet():
            model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
            use_planned_attention(model, kind)
            lora = spec.lora
            self.lm = adapted(
                model, lora, lora.target_modules if lora.target_modules == "all-linear" else list(lora.target_modules)
            )
            self.mix = nn.ModuleDict()  # a weight a layer, which nobody will miss
            self._fuse(dims, self.width, 1.0)
            self.no_words = nn.Parameter(torch.empty(1, self.width))
        self.to("meta")

    @property
    def enters(self) -> tuple[int, torch.dtype]:
        """As wide as the language model; single precision, as projections are."""
        return self.width, self.no_words.dtype


class NativeSkeleton(NativePolicy, Bare):
    """Of the native family: the whole chat model, of which the text layers are walked through.

    What a DeepStack model adds to its first layers is held with the prefix, as it is, and not added.

    Args:
        spec: The recipe's ``model`` section.
        dtype: Of the frozen model.
        kind: ``cpu`` or ``cuda``: whose attention kernels are meant.
        layers: So many of its text layers; all by default.

    Raises:
        ModelError: It is of no architecture that we know; ``plan_experts``: a mixture of experts in single precision.
    """

    def __init__(self, spec: NativeSpec, *, dtype: torch.dtype, kind: str, layers: int | None = None) -> None:
        nn.Module.__init__(self)
        import transformers

        self.spec = spec
        place = backbone.place_of(spec.backbone)
        config = planned_config(place)
        architecture = architecture_of(config, place)
        config = getattr(config, "thinker_config", config)
        if getattr(config.get_text_config(), "num_experts", None) and dtype != torch.bfloat16:
            raise ModelError(
                "is a mixture of experts, which the planner knows in bfloat16 alone.",
                code="plan_experts",
                path=spec.backbone,
                hint="precision=bfloat16",
            )
        _cut(config.get_text_config(), layers)
        model = bare(getattr(transformers, architecture.CLASS), config, dtype=dtype, attn_implementation="sdpa")
        use_planned_attention(model.model.language_model, kind)
        self.chat = Chat(spec, model, None, architecture, "")
        with torch.device("meta"), weights.quiet():
            self.lm = adapted(model, spec.lora, targets_of(self.chat.decoder, spec), outside=TOWERS)
        self.to("meta")

    @property
    def enters(self) -> tuple[int, torch.dtype]:
        """As wide as the language model, once for itself and once for each early layer that is given something."""
        return self.width * (1 + self.chat.deep), self._table.weight.dtype

    def _entering(self, embeds: Tensor) -> dict[str, Any]:
        return {"inputs_embeds": embeds[..., : self.width]}


def _cut(config: Any, layers: int | None) -> None:
    """Let a language model's configuration say so many layers."""
    if layers is None:
        return
    config.num_hidden_layers = layers
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layers]


@dataclass(frozen=True, slots=True)
class Parts:
    """Bytes of a policy's weights."""

    frozen: int
    """The language model, and what the fusion computes rather than learns."""
    towers: int
    """A native model's own encoders, which stay on the device."""
    adapter: int
    fusion: int
    widest: int
    """Of the largest matrix of a layer, in the type of computation: what 4 bits are unpacked into."""
    visiting: int
    """Of the frozen weights of the largest layer, where layers are offloaded."""

    def deeper(self, other: Parts, steps: float) -> Parts:
        """With more layers; see :meth:`affectrl.planning.walk.Phase.deeper`."""
        frozen, adapter = (
            round(a + (b - a) * steps) for a, b in ((self.frozen, other.frozen), (self.adapter, other.adapter))
        )
        return Parts(frozen, self.towers, adapter, self.fusion, self.widest, self.visiting)

    @classmethod
    def of(cls, policy: Bare, *, offload: bool = False) -> Parts:
        """Counted from shapes; with ``lora.quantize`` the layers' matrices at 4 bits, with ``offload`` none of them."""
        head = policy.lm.get_output_embeddings()
        table = policy.lm.get_input_embeddings()
        small = {id(p) for m in (head, table) for p in m.parameters()}
        visitors = [[p for m in visiting(layer) for p in m.parameters(recurse=False)] for layer in policy.layers]
        away = {id(p) for layer in visitors for p in layer} if offload else set()
        visit = max(sum(p.numel() * p.element_size() for p in layer) for layer in visitors) if offload else 0
        text = (policy.chat.decoder, head, table) if isinstance(policy, NativePolicy) else (policy.lm,)
        inside = {id(p) for m in text for p in (*m.parameters(), *m.buffers())}
        frozen = learns = widest = fusion = towers = 0
        for name, weight in [*policy.named_parameters(), *policy.named_buffers()]:
            size = weight.numel() * weight.element_size()
            if not name.startswith("lm."):
                fusion += size if isinstance(weight, nn.Parameter) else 0
                frozen += 0 if isinstance(weight, nn.Parameter) else size
            elif weight.requires_grad:
                learns += size
            elif id(weight) in away:
                continue
            elif id(weight) not in inside:
                towers += size
            elif policy.spec.lora.quantize and weight.ndim == 2 and id(weight) not in small:
                frozen += int(weight.numel() * quantized.BYTES_A_WEIGHT)
                widest = max(widest, size)
            else:
                frozen += size
        return cls(frozen, towers, learns, fusion, widest, visit)


def planned_config(place: str) -> Any:
    """As :func:`config_of`, or that of a published model whose shapes we know.

    Raises:
        ModelError: As :func:`config_of`.
    """
    from transformers import AutoConfig

    fields = shapes.known(place)
    return config_of(place) if fields is None else AutoConfig.for_model(**fields)


def config_of(place: str) -> Any:
    """The configuration of transformers at a place.

    Raises:
        ModelError: There is none, or it is of no kind that transformers knows.
    """
    from transformers import AutoConfig

    try:
        with weights.quiet():
            return AutoConfig.from_pretrained(place)
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"has no config.json that transformers can read: {reason}", path=place, hint=weights.elsewhere(place)
        ) from error


def depths(config: Any) -> tuple[int, int, float] | None:
    """Two small numbers of layers to walk through, and how far along the line between them all layers lie.

    Gives ``None`` for a model that is hardly deeper: it is walked through as a whole. Where kinds of layers take turns,
    both numbers hold whole turns of them.
    """
    layers, kinds = int(config.num_hidden_layers), list(getattr(config, "layer_types", None) or [])
    turn = next((n for n in range(1, len(kinds)) if kinds == (kinds[:n] * len(kinds))[: len(kinds)]), 1)
    few = -(-SHALLOW // turn) * turn
    return None if layers < 3 * few else (few, 2 * few, (layers - few) / few)


SHALLOW = 2


def widths(spec: ModelSpec) -> dict[str, int]:
    """Feature width of each stream: from its encoder where that is on this machine, else from its ``config.json``.

    An encoder that would have to be downloaded is taken to give its hidden width, for each layer that is asked for.
    """
    extractor = FeatureExtractor(spec)
    return {stream: _width(extractor, stream, part) for stream, part in spec.streams.items()}


def _width(extractor: FeatureExtractor, stream: str, part: Stream) -> int:
    name = part.settings.get("weights_name")
    if name is None or weights.resolve(name).origin != "hub":
        encoder = extractor.encoder(stream)
        return encoder.dim // (getattr(encoder, "parts", 1) if part.mix_layers else 1)
    config = planned_config(name)
    config = getattr(config, "vision_config", None) or config
    width = int(getattr(config, "hidden_size", None) or config.d_model) * int(part.settings.get("states_a_row", 1))
    apart = not (part.mix_layers or part.settings.get("average"))
    return width * (len(part.settings.get("layers") or (-1,)) if apart else 1)


def use_planned_attention(model: Any, kind: str) -> None:
    """Let attention on ``meta`` tensors take the kernels that a CPU or a GPU would: by default it takes neither's."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION, _on_cpu if kind == "cpu" else _on_gpu)
    AttentionMaskInterface.register(ATTENTION, _mask)
    model.set_attn_implementation(ATTENTION)


def _mask(*args: Any, **kwargs: Any) -> Tensor | None:
    """A mask is always made: whether none is needed, since nothing is padded, only numbers can tell."""
    from transformers.masking_utils import sdpa_mask

    return sdpa_mask(*args, **kwargs | {"allow_is_causal_skip": False})


def _on_cpu(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rest: Any
) -> tuple[Tensor, None]:
    """As ``models/attention.py`` has it: grouped heads as they are, and one mask in numbers a layer."""
    causal = attention_mask is None and query.shape[2] > 1
    out, _ = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, causal, attn_mask=_in_numbers(attention_mask, query), scale=rest.get("scaling")
    )
    return out.transpose(1, 2).contiguous(), None


def _on_gpu(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rest: Any
) -> tuple[Tensor, None]:
    """As transformers has it where there is a mask: keys and values copied for each query head, then one kernel."""
    from transformers.integrations.sdpa_attention import repeat_kv

    shares = query.shape[1] // key.shape[1]
    if shares > 1:
        key, value = repeat_kv(key, shares), repeat_kv(value, shares)
    bias = _in_numbers(attention_mask, query)
    if bias is not None:
        bias = bias.expand(-1, query.shape[1], -1, -1)
    out, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
        query,
        key,
        value,
        bias,
        torch.is_grad_enabled(),
        0.0,
        attention_mask is None and query.shape[2] > 1,
        scale=rest.get("scaling"),
    )
    return out.transpose(1, 2).contiguous(), None


def _in_numbers(mask: Tensor | None, like: Tensor) -> Tensor | None:
    if mask is None or mask.dtype != torch.bool:
        return mask
    nothing, never = (torch.full((), v, dtype=like.dtype, device=like.device) for v in (0.0, -torch.inf))
    return torch.where(mask, nothing, never)
