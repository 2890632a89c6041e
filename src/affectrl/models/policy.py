"""The fused policy: features -> fusion and projection -> prefix -> LoRA-tuned causal language model.

Rollout, log-probabilities, training and serving know prefixes only: :meth:`prefix` and :meth:`asked` make them here,
and ``models/language.py`` puts them through the language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectrl import shelves
from affectrl.models import backbone
from affectrl.models.features import ClipFeatures, FeatureExtractor
from affectrl.models.language import Policy, adapted
from affectrl.models.prefix import Prefix, join
from affectrl.recipes.schema import ModelSpec

STREAM_TAGS = {"voice": "Voice:", "face": " Face:"}
WORDS_TAG = " Words:"


class FusedPolicy(Policy):
    """See the module's text.

    Args:
        spec: The recipe's ``model`` section.
        extractor: Where the widths of the features come from; it is not part of the policy's weights.
        dtype: Of the frozen language model; what is trained stays float32.
    """

    spec: ModelSpec

    def __init__(self, spec: ModelSpec, extractor: FeatureExtractor, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.spec = spec
        loaded = backbone.load(spec.backbone, system_prompt=spec.system_prompt, dtype=dtype)
        self.tokenizer = loaded.tokenizer
        self._turn_start, self._turn_end = loaded.turn_start, loaded.turn_end
        lora = spec.lora
        targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
        self.lm = adapted(loaded.model, lora, targets)
        table = self._table.weight
        scale = float(table[: min(len(table), 4096)].detach().float().pow(2).mean().sqrt())
        self.fusion = nn.ModuleDict()
        for stream, part in spec.streams.items():
            fusion = shelves.load("affectrl.models.fusion", part.fusion)
            self.fusion[stream] = fusion.build(
                extractor.encoder(stream).dim,
                table.shape[1],
                tokens=part.tokens,
                components=part.components,
                dropout=part.dropout,
                scale=scale,
            )
        self.no_words = nn.Parameter(torch.randn(1, table.shape[1]) * scale)

    def fit_features(self, clips: Sequence[ClipFeatures]) -> None:
        """Take the features' means and spreads from training clips; once, before training."""
        fusion: Any
        for stream, fusion in self.fusion.items():
            fusion.fit([f for c in clips if (f := self._feature(c, stream)) is not None])

    def align(self, labelled: Sequence[tuple[ClipFeatures, str]]) -> None:
        """Let each stream's projection begin by naming the label; see :meth:`SegmentFusion.align`.

        Fusions that have no ``align`` are left as they are.
        """
        names = sorted({label for _, label in labelled})
        words = torch.stack([self._embed(f" {name}").float().mean(0) for name in names]).detach()
        fusion: Any
        for stream, fusion in self.fusion.items():
            found = [(self._feature(clip, stream), names.index(label)) for clip, label in labelled]
            pairs = [(feature, name) for feature, name in found if feature is not None]
            if pairs and hasattr(fusion, "align"):
                features, classes = zip(*pairs, strict=True)
                fusion.align(list(features), list(classes), words)

    def prefix(self, clips: Sequence[ClipFeatures], question: str, opening: str = "") -> Prefix:
        """Everything before the first generated token: question, streams, words, the opening of the answer."""
        streams = {
            name: fusion([self._feature(c, name) for c in clips])  # lists of (tokens, H)
            for name, fusion in self.fusion.items()
        }
        head = self._embed(f"{self._turn_start}{question}\n")
        tail = self._embed(f"{self._turn_end}{opening}")
        tags = {name: self._embed(tag) for name, tag in STREAM_TAGS.items()}
        rows = []
        for i, clip in enumerate(clips):
            parts = [part for name, embeds in streams.items() for part in (tags[name], embeds[i])]
            if self.spec.words:
                parts.append(self._words(clip.text))
            rows.append(torch.cat([*parts, tail]))
        return join(head, rows)

    def columns(self, clips: Sequence[ClipFeatures], said: str) -> int:
        """About how many positions the longest of the clips' prefixes has, for sizing batches; ``said`` is in each."""
        words = max((len(self.tokens(clip.text or "")) for clip in clips), default=0) if self.spec.words else 0
        streams = sum(part.tokens + len(self.tokens(STREAM_TAGS[name])) for name, part in self.spec.streams.items())
        return len(self.tokens(f"{self._turn_start}{said}{self._turn_end}")) + streams + words + 4

    def asked(self, questions: Sequence[str], clips: Sequence[ClipFeatures | None]) -> Prefix:
        """Prefixes of free questions, one a row; without a clip it is a question about text alone."""
        rows = []
        for question, clip in zip(questions, clips, strict=True):
            parts = [self._embed(f"{self._turn_start}{question}\n")]
            if clip is not None:
                told = {name: fusion([self._feature(clip, name)])[0] for name, fusion in self.fusion.items()}
                parts += [part for name, embeds in told.items() for part in (self._embed(STREAM_TAGS[name]), embeds)]
                parts += [self._words(clip.text)] if self.spec.words else []
            rows.append(torch.cat([*parts, self._embed(self._turn_end)]))
        return join(rows[0][:0], rows)

    def _feature(self, clip: ClipFeatures, stream: str) -> Tensor | None:
        feature = clip.streams.get(stream)
        return None if feature is None else feature.to(self.device).float()

    def _words(self, text: str | None) -> Tensor:
        if text is None:
            return torch.cat([self._embed(WORDS_TAG), self.no_words])
        return self._embed(f'{WORDS_TAG} "{text}"')
