"""The fused policy: features -> fusion and projection -> prefix -> LoRA-tuned causal language model.

Rollout, log-probabilities, training and serving know prefixes only: :meth:`prefix` and :meth:`asked` make them,
:meth:`prefill`, :meth:`context` and :meth:`run` put them through the language model.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectrl.errors import RecipeError
from affectrl.models import backbone, masks, parts
from affectrl.models.features import ClipFeatures, FeatureExtractor
from affectrl.models.fusion._mix import LayerMix
from affectrl.models.kept import Kept
from affectrl.models.packed import recomputed_layers
from affectrl.models.prefix import Prefix, join
from affectrl.recipes.schema import ModelSpec

STREAM_TAGS = {"voice": "Voice:", "face": " Face:", "frame": " Frame:", "motion": " Motion:"}
TOGETHER_TAG = " Together:"
WORDS_TAG = " Words:"


class FusedPolicy(nn.Module):
    """See the module's text.

    Args:
        spec: The recipe's ``model`` section.
        extractor: Where the widths of the features come from; it is not part of the policy's weights.
        dtype: Of the frozen language model; what is trained stays float32.
    """

    recompute: bool = False
    """Gradient checkpointing in the update's forward pass."""

    def __init__(self, spec: ModelSpec, extractor: FeatureExtractor, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model

        self.spec = spec
        loaded = backbone.load(spec.backbone, system_prompt=spec.system_prompt, dtype=dtype)
        self.tokenizer = loaded.tokenizer
        self._turn_start, self._turn_end = loaded.turn_start, loaded.turn_end
        lora = spec.lora
        targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
        config = LoraConfig(
            r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM"
        )
        with warnings.catch_warnings():
            # PEFT still asks transformers for an attribute under its old name, which is no news to our users.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            self.lm = get_peft_model(loaded.model, config)
        # As the language model sees them: some scale their embeddings.
        first_ids = torch.arange(min(len(self._table.weight), 4096), device=self._table.weight.device)
        words = self._table(first_ids).detach()
        scale, width = float(words.float().pow(2).mean().sqrt()), words.shape[1]
        self.mix, self.fusion, dims = nn.ModuleDict(), nn.ModuleDict(), {}
        for stream, part in spec.streams.items():
            dims[stream] = self._mixed(stream, extractor.encoder(stream))
            self.fusion[stream] = parts.build(
                "affectrl.models.fusion",
                part.fusion,
                f"model.{stream}.fusion_settings",
                part.fusion_settings,
                dims[stream],
                width,
                tokens=part.tokens,
                components=part.components,
                dropout=part.dropout,
                scale=scale,
            )
        if (first := spec.pre_fusion) is not None:
            self.pre_fusion = parts.build(
                "affectrl.models.pre_fusion",
                first.kind,
                "model.pre_fusion.settings",
                first.settings,
                {name: dims[name] for name in spec.fused_first},
                width,
                tokens=first.tokens,
                dropout=first.dropout,
                scale=scale,
            )
        self.no_words = nn.Parameter(torch.randn(1, width) * scale)

    def _mixed(self, stream: str, encoder: Any) -> int:
        """Width of a stream's features, after the learned mix of their layers where the recipe wants one."""
        if not self.spec.streams[stream].mix_layers:
            return int(encoder.dim)
        if (layers := getattr(encoder, "parts", 1)) < 2:
            raise RecipeError(
                f"model.{stream}.mix_layers: the features hold one layer only.",
                hint="Name several in settings.layers of an encoder that has layers.",
            )
        self.mix[stream] = LayerMix(layers)
        return int(encoder.dim) // layers

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.no_words.device

    @property
    def width(self) -> int:
        """H."""
        return int(self._table.weight.shape[1])

    @property
    def _table(self) -> nn.Embedding:
        return self.lm.get_input_embeddings()

    @property
    def eos_id(self) -> int:
        """The token that ends an answer."""
        return int(self.tokenizer.eos_token_id)

    def fusion_parameters(self) -> list[nn.Parameter]:
        """Trainable weights outside of the language model."""
        return [p for name, p in self.named_parameters() if not name.startswith("lm.") and p.requires_grad]

    def learn(self, what: str) -> None:
        """Let ``all`` trainable weights learn, or the ``adapter`` alone."""
        for name, parameter in self.named_parameters():
            if not name.startswith("lm."):
                parameter.requires_grad_(what == "all")

    def recompute_layers(self) -> None:
        """Turn on gradient checkpointing."""
        self.recompute = True
        self.lm.get_base_model().activation_checkpointing_enable({"use_reentrant": False})

    def still(self, prefix: Prefix) -> int:
        """Leading columns of a prefix that no learning weight acts on: their keys and values outlive an update."""
        return prefix.embeds.shape[1] - 1 if self._apart and not self.fusion_parameters() else 0

    @property
    def _apart(self) -> bool:
        return self.spec.lora.where == "completion"

    def adapter_parameters(self) -> list[nn.Parameter]:
        """Trainable weights inside the language model."""
        return [p for p in self.lm.parameters() if p.requires_grad]

    def fit_features(self, clips: Sequence[ClipFeatures]) -> None:
        """Take the features' means and spreads from training clips; once, before training."""
        fusion: Any
        for stream, fusion in self.fusion.items():
            fusion.fit(self._present(clips, stream))
        if self.spec.pre_fusion is not None:
            self.pre_fusion.fit({name: self._present(clips, name) for name in self.spec.fused_first})

    def align(self, labelled: Sequence[tuple[ClipFeatures, str]]) -> None:
        """Let each stream's projection begin by naming the label; see :meth:`SegmentFusion.align`.

        Fusions that have no ``align`` are left as they are.
        """
        names = sorted({label for _, label in labelled})
        words = torch.stack([self._embed(f" {name}").float().mean(0) for name in names]).detach()
        fusion: Any
        for stream, fusion in self.fusion.items():
            found = [(self._feature(clip, stream), names.index(label)) for clip, label in labelled]
            pairs = [(feature.detach(), name) for feature, name in found if feature is not None]
            if pairs and hasattr(fusion, "align"):
                features, classes = zip(*pairs, strict=True)
                fusion.align(list(features), list(classes), words)

    def tokens(self, text: str) -> Tensor:
        """Token ids ``(R,)`` of a piece of text, without special tokens added."""
        return torch.tensor(self.tokenizer(text, add_special_tokens=False).input_ids, device=self.device).long()

    def prefix(self, clips: Sequence[ClipFeatures], question: str, opening: str = "") -> Prefix:
        """Everything before the first generated token: question, streams, words, the opening of the answer."""
        head = self._embed(f"{self._turn_start}{question}\n")
        tail = self._embed(f"{self._turn_end}{opening}")
        rows = [torch.cat([*told, tail]) for told in self._told(clips)]
        return join(head, rows)

    def columns(self, clips: Sequence[ClipFeatures], said: str) -> int:
        """About how many positions the longest of the clips' prefixes has, for sizing batches; ``said`` is in each."""
        words = max((len(self.tokens(clip.text or "")) for clip in clips), default=0) if self.spec.words else 0
        streams = sum(part.tokens + len(self.tokens(STREAM_TAGS[name])) for name, part in self.spec.streams.items())
        if (first := self.spec.pre_fusion) is not None:
            streams += first.tokens + len(self.tokens(TOGETHER_TAG))
        return len(self.tokens(f"{self._turn_start}{said}{self._turn_end}")) + streams + words + 4

    def asked(self, questions: Sequence[str], clips: Sequence[ClipFeatures | None]) -> Prefix:
        """Prefixes of free questions, one a row; without a clip it is a question about text alone."""
        rows = []
        for question, clip in zip(questions, clips, strict=True):
            said = [self._embed(f"{self._turn_start}{question}\n")]
            if clip is not None:
                said += self._told([clip])[0]
            rows.append(torch.cat([*said, self._embed(self._turn_end)]))
        return join(rows[0][:0], rows)

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
        self, embeds: Tensor, mask: Tensor, positions: Tensor, past: Any = None, places: Tensor | None = None
    ) -> Tensor:
        """Hidden states ``(B, Q, H)`` of embeddings ``(B, Q, H)`` after a cache.

        Args:
            embeds: Queries.
            mask: (B, K) bool, True at real keys, under causal attention; or (B, 1, Q, K) bool, True where a query may
                look.
            positions: (B, Q) long.
            past: Cache, which grows; ``None`` runs without one, and recomputes layers if :attr:`recompute` says so.
            places: (B, K) long: positions of the keys, wanted beside a mask of queries and keys.
        """
        model = self.lm.get_base_model().model
        with recomputed_layers(model, self.recompute and past is None and torch.is_grad_enabled()):
            out = model(
                inputs_embeds=embeds.to(self._table.weight.dtype),
                attention_mask=masks.ready(model.config, mask, positions, places, self._table.weight.dtype),
                position_ids=positions,
                past_key_values=past,
                use_cache=past is not None,
            )
        return out.last_hidden_state

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

    def _told(self, clips: Sequence[ClipFeatures]) -> list[list[Tensor]]:
        """What stands for each clip between the question and the end of the turn, in pieces ``(P_i, H)``."""
        features = {name: [self._feature(c, name) for c in clips] for name in self.fusion}
        told = [(self._embed(STREAM_TAGS[name]), fusion(features[name])) for name, fusion in self.fusion.items()]
        if self.spec.pre_fusion is not None:
            fused = self.pre_fusion({name: features[name] for name in self.spec.fused_first})
            told.append((self._embed(TOGETHER_TAG), fused))
        rows = [[piece for tag, embeds in told for piece in (tag, embeds[i])] for i in range(len(clips))]
        if self.spec.words:
            rows = [[*row, self._words(clip.text)] for row, clip in zip(rows, clips, strict=True)]
        return rows

    def _feature(self, clip: ClipFeatures, stream: str) -> Tensor | None:
        if (feature := clip.streams.get(stream)) is None:
            return None
        feature = feature.to(self.device).float()
        return self.mix[stream](feature) if stream in self.mix else feature

    def _present(self, clips: Sequence[ClipFeatures], stream: str) -> list[Tensor]:
        return [f.detach() for c in clips if (f := self._feature(c, stream)) is not None]

    def _words(self, text: str | None) -> Tensor:
        if text is None:
            return torch.cat([self._embed(WORDS_TAG), self.no_words])
        return self._embed(f'{WORDS_TAG} "{text}"')
