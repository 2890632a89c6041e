"""The language-model half of a policy: prefixes in, hidden states and logits out, with a LoRA adapter that learns.

Rollout, log-probabilities, training and serving know this half only. What a prefix is made of differs by family:
``models/policy.py`` fuses features of frozen encoders, ``models/native_policy.py`` asks a chat model's own towers.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectrl.models import masks
from affectrl.models.features import ClipFeatures
from affectrl.models.kept import Kept
from affectrl.models.packed import recomputed_layers
from affectrl.models.prefix import Prefix
from affectrl.models.prompt import Ask
from affectrl.recipes.schema import Lora, ModelSpec, NativeSpec


class Policy(nn.Module):
    """See the module's text. What every family sets: ``spec``, ``lm`` and ``tokenizer``."""

    spec: ModelSpec | NativeSpec
    lm: Any
    """A PEFT model over a causal language model."""
    tokenizer: Any
    recompute: bool = False
    """Gradient checkpointing in the update's forward pass."""

    @abstractmethod
    def prefix(self, clips: Sequence[ClipFeatures], question: str, opening: str | Sequence[str] = "") -> Prefix:
        """Everything before the first generated token, of B clips that are asked the same.

        ``opening`` is what has been written of the answers: one text for all, or one a clip.
        """

    @abstractmethod
    def asked(self, questions: Sequence[str], clips: Sequence[ClipFeatures | None]) -> Prefix:
        """Prefixes of free questions, one a row; without a clip it is a question about text alone."""

    @abstractmethod
    def several(self, clip: ClipFeatures, asks: Sequence[Ask]) -> Prefix:
        """Prefixes of one clip that is asked several things, one a row; what they begin with alike runs once."""

    @abstractmethod
    def columns(self, clips: Sequence[ClipFeatures], said: str) -> int:
        """About how many positions the longest of the clips' prefixes has, for sizing batches; ``said`` is in each."""

    @abstractmethod
    def fit_features(self, clips: Sequence[ClipFeatures], prior: int | None = None) -> None:
        """Take what is computed rather than learned from training clips; once, before training.

        With ``prior`` the means and spreads that features are standardized by move towards those of ``clips``, and
        nothing else does: the old ones count as so many clips.
        """

    @abstractmethod
    def align(self, labelled: Sequence[tuple[ClipFeatures, str]]) -> None:
        """Begin with projections that name the label, where the family has such."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._table.weight.device

    @property
    def width(self) -> int:
        """H."""
        return int(self._table.weight.shape[1])

    @property
    def _table(self) -> nn.Embedding:
        return self.lm.get_input_embeddings()

    @property
    def _decoder(self) -> Any:
        """The layers that turn embeddings into hidden states."""
        return self.lm.get_base_model().model

    @property
    def layers(self) -> nn.ModuleList:
        """The language model's layers, without embeddings and head."""
        layers: nn.ModuleList = self._decoder.layers
        return layers

    @property
    def eos_id(self) -> int:
        """The token that ends an answer."""
        return int(self.tokenizer.eos_token_id)

    def fusion_parameters(self) -> list[nn.Parameter]:
        """Trainable weights outside of the language model."""
        return [p for name, p in self.named_parameters() if not name.startswith("lm.") and p.requires_grad]

    @property
    def asks_last(self) -> bool:
        """Whether the question stands behind the clip, so that several questions share all of it."""
        return True

    def learn(self, what: str) -> None:
        """Let ``all`` trainable weights learn, or the ``adapter`` alone."""
        for name, parameter in self.named_parameters():
            if not name.startswith("lm."):
                parameter.requires_grad_(what == "all")

    def recompute_layers(self, *, early_stop: bool = True) -> None:
        """Turn on gradient checkpointing; without ``early_stop`` a layer that is computed again goes on to its end."""
        self.recompute = True
        how = {"use_reentrant": False} | ({} if early_stop else {"early_stop": False})
        self.lm.get_base_model().activation_checkpointing_enable(how)

    def still(self, prefix: Prefix) -> int:
        """Leading columns of a prefix that no learning weight acts on: their keys and values outlive an update."""
        return prefix.embeds.shape[1] - 1 if self._apart and not self.fusion_parameters() else 0

    @property
    def _apart(self) -> bool:
        return self.spec.lora.where == "completion"

    def adapter_parameters(self) -> list[nn.Parameter]:
        """Trainable weights inside the language model."""
        return [p for p in self.lm.parameters() if p.requires_grad]

    def tokens(self, text: str) -> Tensor:
        """Token ids ``(R,)`` of a piece of text, without special tokens added."""
        return torch.tensor(self.tokenizer(text, add_special_tokens=False).input_ids, device=self.device).long()

    def context(self, prefix: Prefix, reuse: Kept | None = None) -> tuple[Any, int, Tensor | None]:
        """What the update need not run in its packed rows, from the rollout (``reuse``) or made now.

        The head that all clips share runs once, and autograd sums its gradients. Where the adapter acts on completions
        alone, all columns but the last run without it.

        Returns:
            A cache (or ``None``), how many columns it holds, and the last column's hidden state ``(B, H)`` where that
            is known already.
        """
        columns = prefix.embeds.shape[1]
        if reuse is not None:
            return reuse.cache(), columns - (reuse.last is None), reuse.last
        if self._apart:
            return self._body(prefix), columns - 1, None
        if prefix.shared and not self.recompute:
            return self._head(prefix), prefix.shared, None
        return None, 0, None

    def prefill(self, prefix: Prefix, *, keep: bool = False) -> tuple[Any, Tensor, Kept | None]:
        """Run the prefix once.

        Args:
            prefix: B clips.
            keep: Record the graph, for an update by the same weights in the same mode.

        Returns:
            The key-value cache, the last position's hidden state ``(B, H)``, and what the update may reuse: what
            ``keep`` asked for, or columns that no learning weight acts on, or ``None``.
        """
        with torch.set_grad_enabled(keep or torch.is_grad_enabled()):
            if self._apart:
                past, start = self._body(prefix), prefix.embeds.shape[1] - 1
                reuse = Kept.of(past) if keep or self.still(prefix) else None
            else:
                past, start, reuse = self._head(prefix), prefix.shared, None
            last = self.run(prefix.embeds[:, start:], prefix.keep, prefix.positions[:, start:], past)[:, -1]
            if keep and not self._apart:
                reuse = Kept.of(past, last)
        return past, last.detach() if keep else last, reuse

    def embed_ids(self, ids: Tensor) -> Tensor:
        """The language model's own embeddings ``(..., H)`` of token ids."""
        return self._table(ids)

    def run(
        self, embeds: Tensor, mask: Tensor, positions: Tensor, past: Any = None, counts: Tensor | None = None
    ) -> Tensor:
        """Hidden states ``(B, Q, H)`` of embeddings ``(B, Q, H)`` after a cache.

        Args:
            embeds: Queries; (B, Q, (1 + layers) H) where the prefix has that.
            mask: (B, K) bool, True at real keys, under causal attention; or (B, 1, Q, K) bool, True where a query may
                look.
            positions: (B, Q) long, or (B, Q, A) of A axes.
            past: Cache, which grows; ``None`` runs without one, and recomputes layers if :attr:`recompute` says so.
            counts: (B, K) long: how many real tokens stand before each key, wanted beside a mask of queries and keys.
        """
        model = self._decoder
        dtype = self._table.weight.dtype
        with recomputed_layers(model, self.recompute and past is None and torch.is_grad_enabled()):
            out = model(
                **self._entering(embeds.to(dtype)),
                attention_mask=masks.ready(model.config, mask, counts, embeds.shape[1], dtype),
                position_ids=positions if positions.ndim == 2 else positions.movedim(-1, 0),
                past_key_values=past,
                use_cache=past is not None,
            )
        return out.last_hidden_state

    def _entering(self, embeds: Tensor) -> dict[str, Any]:
        """How the model takes embeddings."""
        return {"inputs_embeds": embeds}

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits ``(..., V)``, float32."""
        logits = self.lm.get_output_embeddings()(hidden).float()
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)

    @property
    def softcap(self) -> float | None:
        """What logits are held below, in Gemma 2 and its like."""
        return getattr(self.lm.get_base_model().config, "final_logit_softcapping", None)

    def _head(self, prefix: Prefix) -> Any:
        """The cache of the head that all clips share, run once."""
        from transformers import DynamicCache

        past, shared = DynamicCache(), prefix.shared
        if shared:
            self.run(prefix.embeds[:1, :shared], prefix.keep[:1, :shared], prefix.positions[:1, :shared], past)
            past.batch_repeat_interleave(len(prefix))
        return past

    def _body(self, prefix: Prefix) -> Any:
        """The cache of all columns but the last, run without the adapter."""
        with self.lm.disable_adapter():
            past, shared = self._head(prefix), prefix.shared
            self.run(prefix.embeds[:, shared:-1], prefix.keep[:, :-1], prefix.positions[:, shared:-1], past)
        return past

    def _embed(self, text: str) -> Tensor:
        return self._table(self.tokens(text))


def openings_of(opening: str | Sequence[str], clips: Sequence[ClipFeatures]) -> Sequence[str]:
    """One opening a clip."""
    return [opening] * len(clips) if isinstance(opening, str) else opening


def adapted(model: Any, lora: Lora, targets: str | list[str], *, outside: str | None = None) -> Any:
    """A causal LM of transformers under a new LoRA adapter on the modules that ``targets`` names, as PEFT has it.

    What the pattern ``outside`` matches stays as it is.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        use_dora=lora.use_dora,
        exclude_modules=outside,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # PEFT still asks transformers for an attribute under its old name, which is no news to our users.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return get_peft_model(model, config)
