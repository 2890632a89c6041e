"""Completions from vLLM, for machines with a GPU that has room for it beside the policy.

The base weights are loaded into vLLM once. Before a rollout the adapter, if it has learned since, is written as PEFT
writes it and given to vLLM under a new number; clips come as prompt embeddings, made by the policy's own encoders and
projections. Log-probabilities are vLLM's, of the distribution that was sampled from (``processed_logprobs``: after the
temperature); how far the update's own are from them is logged as ``logprob_gap``.

Written against the API of vLLM 0.11 and later as its sources and documentation give it (``EmbedsPrompt``,
``LoRARequest``, ``SamplingParams``; its compatibility matrix allows prompt embeddings together with LoRA and prefix
caching). It has been tested with a stand-in that has this API, and never been run on a GPU.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from affectrl import paths
from affectrl.errors import ModelError, RecipeError
from affectrl.models import checkpoint
from affectrl.models.decoding import Completions, pack
from affectrl.models.language import Policy
from affectrl.models.prefix import Prefix
from affectrl.models.trained import trained
from affectrl.recipes.schema import ModelSpec, NativeSpec
from affectrl.rl import processes

GPU_SHARE = 0.4
"""Of the GPU's memory, for vLLM's weights and cache; the policy needs the rest."""
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Adapter ranks that vLLM has kernels for; an adapter takes the next one that holds it."""


class Vllm:
    """See the module's text.

    Args:
        policy: Its adapter must act on the whole sequence, as vLLM applies it.

    Raises:
        RecipeError: As :func:`check`.
    """

    def __init__(self, policy: Policy) -> None:
        check(policy.spec)
        vllm: Any = importlib.import_module("vllm")
        self.policy = policy
        self._request: Any = importlib.import_module("vllm.lora.request").LoRARequest
        self._params: Any = vllm.SamplingParams
        self._dtype = policy.lm.get_input_embeddings().weight.dtype
        rank = policy.spec.lora.r
        self._engine: Any = vllm.LLM(
            model=policy.lm.get_base_model().name_or_path,
            dtype=str(self._dtype).removeprefix("torch."),
            skip_tokenizer_init=True,
            enable_prompt_embeds=True,
            enable_lora=True,
            max_loras=1,
            max_lora_rank=next((known for known in RANKS if known >= rank), rank),
            logprobs_mode="processed_logprobs",
            gpu_memory_utilization=GPU_SHARE,
        )
        self._folder = tempfile.TemporaryDirectory(prefix="affectrl-vllm-")
        self._synced: dict[str, Tensor] = {}
        self._number = 0

    def sample(
        self,
        prefix: Prefix,
        *,
        group: int,
        max_new_tokens: int,
        temperature: float,
        generator: torch.Generator,
        critic: Callable[[Tensor], Tensor] | None = None,
        keep: bool = False,
    ) -> Completions:
        """See :func:`affectrl.models.decoding.generate`.

        Raises:
            RecipeError: With a critic, whose values need hidden states, which vLLM does not give.
            ModelError: ``diverged``: a log-probability is not finite.
        """
        if critic is not None:
            raise _no_values()
        adapter = self._sync()
        # vLLM gives completion i of a clip the seed plus i.
        device = generator.device
        seeds = torch.randint(2**31 - group, (len(prefix),), generator=generator, device=device).tolist()
        embeds = prefix.embeds.detach().to(self._dtype).cpu()
        real_columns = prefix.keep.cpu()
        outputs = self._engine.generate(
            [{"prompt_embeds": row[real]} for row, real in zip(embeds, real_columns, strict=True)],
            [self._how(group, max_new_tokens, temperature, seed) for seed in seeds],
            use_tqdm=False,
            lora_request=adapter,
        )
        rows = [row for output in outputs for row in sorted(output.outputs, key=lambda row: row.index)]
        return self._packed(rows, group)

    def _how(self, group: int, max_new_tokens: int, temperature: float, seed: int) -> Any:
        return self._params(
            n=group,
            max_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            logprobs=0,  # of the sampled token alone
            # Our own end token and no other: a model's generation_config may name several.
            ignore_eos=True,
            stop_token_ids=[self.policy.eos_id],
            detokenize=False,
        )

    def _packed(self, rows: Sequence[Any], group: int) -> Completions:
        device, eos = self.policy.device, self.policy.eos_id
        ids, keep = pack([list(row.token_ids) for row in rows], eos, device)
        told = [at[token].logprob for row in rows for token, at in zip(row.token_ids, row.logprobs, strict=True)]
        logprobs = torch.zeros(keep.shape, device=device)
        logprobs[keep] = torch.tensor(told, dtype=torch.float32, device=device)
        if not logprobs.isfinite().all():
            raise ModelError(
                "what the model computes is not finite any more.",
                code="diverged",
                hint="Train again with a lower optim.lr or rl.lr.",
            )
        return Completions(ids, keep, logprobs, group)

    def _sync(self) -> Any:
        """The request for the adapter as it is now."""
        now = trained(self.policy.lm)
        if self._synced.keys() != now.keys() or any(not torch.equal(self._synced[name], now[name]) for name in now):
            old, self._number = self._place, self._number + 1
            checkpoint.write_adapter(self.policy, self._place)
            paths.remove(old)
            self._synced = now
        # vLLM keeps adapters by their number, and would answer from an old one under it.
        return self._request(f"affectrl-{self._number}", self._number, str(self._place))

    @property
    def _place(self) -> Path:
        return Path(self._folder.name) / str(self._number)


def check(model: ModelSpec | NativeSpec, *, critic: bool = False) -> None:
    """Refuse what this sampler cannot do, before a run begins.

    Raises:
        RecipeError: ``sampler_missing``: vLLM cannot be imported. ``recipe_invalid``: the adapter acts on completions
            alone, the algorithm has a critic, or there are several processes.
    """
    try:
        importlib.import_module("vllm")
    except ImportError as error:
        raise RecipeError(
            f"rl.sampler: vllm cannot be imported ({error}).",
            code="sampler_missing",
            hint="pip install vllm, on a machine with a GPU, or leave rl.sampler at shared-prefix.",
        ) from error
    if isinstance(model, NativeSpec):
        raise RecipeError(
            "rl.sampler: vllm is given embeddings alone, without the positions that a native model needs.",
            hint="Leave rl.sampler at shared-prefix.",
        )
    if model.lora.where != "everything":
        raise RecipeError(
            f"rl.sampler: vllm lets the adapter act on the prefix as well, and model.lora.where is {model.lora.where}.",
            hint="Give model.lora.where: everything, or leave rl.sampler at shared-prefix.",
        )
    if critic:
        raise _no_values()
    if processes.several():
        raise RecipeError("rl.sampler: vllm samples for one process so far.", hint="Start training without a launcher.")


def _no_values() -> RecipeError:
    return RecipeError(
        "rl.sampler: vllm gives no hidden states, which a critic's values are made from.",
        hint="Leave rl.sampler at shared-prefix, or take an algorithm without a critic.",
    )


def build(policy: Policy) -> Vllm:
    """See :class:`Vllm`."""
    return Vllm(policy)
