"""The fused policy: features -> fusion and projection -> prefix -> LoRA-tuned causal language model.

Rollout, log-probabilities, training and serving know prefixes only: :meth:`prefix` and :meth:`asked` make them here,
and ``models/language.py`` puts them through the language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectrl.errors import RecipeError
from affectrl.models import backbone, parts
from affectrl.models.features import ClipFeatures, FeatureExtractor
from affectrl.models.fusion._mix import LayerMix
from affectrl.models.language import Policy, adapted, openings_of
from affectrl.models.prefix import Prefix, fan, join
from affectrl.models.prompt import NO_WORDS, Ask, laid_out, literal
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import Prompt

STREAM_TAGS = {"voice": "Voice:", "face": " Face:", "frame": " Frame:", "motion": " Motion:"}
TOGETHER_TAG = " Together:"
WORDS_TAG = " Words:"
TAGS = STREAM_TAGS | {"together": TOGETHER_TAG}


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
        loaded = backbone.load(
            spec.backbone, system_prompt=spec.system_prompt, dtype=dtype, quantize=spec.lora.quantize
        )
        self.tokenizer = loaded.tokenizer
        self._turn_start, self._turn_end = loaded.turn_start, loaded.turn_end
        lora = spec.lora
        targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
        self.lm = adapted(loaded.model, lora, targets)
        # As the language model sees them: some scale their embeddings.
        first_ids = torch.arange(min(len(self._table.weight), 4096), device=self._table.weight.device)
        words = self._table(first_ids).detach()
        scale, width = float(words.float().pow(2).mean().sqrt()), words.shape[1]
        self.mix = nn.ModuleDict()
        self._fuse({stream: self._mixed(stream, extractor.encoder(stream)) for stream in spec.streams}, width, scale)
        self.no_words = nn.Parameter(torch.randn(1, width) * scale)

    def _fuse(self, dims: dict[str, int], width: int, scale: float) -> None:
        """Make what projects features ``(T, dims[stream])`` to embeddings ``(tokens, width)``."""
        self.fusion = nn.ModuleDict()
        for stream, part in self.spec.streams.items():
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
        if (first := self.spec.pre_fusion) is not None:
            self.pre_fusion = parts.build(
                "affectrl.models.pre_fusion",
                first.kind,
                "model.pre_fusion.settings",
                first.settings,
                {name: dims[name] for name in self.spec.fused_first},
                width,
                tokens=first.tokens,
                dropout=first.dropout,
                scale=scale,
            )

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

    def fit_features(self, clips: Sequence[ClipFeatures], prior: int | None = None) -> None:
        """Take the features' means and spreads from training clips; see :meth:`Policy.fit_features`."""
        fusion: Any
        for stream, fusion in self.fusion.items():
            fusion.fit(self._present(clips, stream), prior)
        if self.spec.pre_fusion is not None:
            self.pre_fusion.fit({name: self._present(clips, name) for name in self.spec.fused_first}, prior)

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

    def prefix(self, clips: Sequence[ClipFeatures], question: str, opening: str | Sequence[str] = "") -> Prefix:
        """Everything before the first generated token: question, streams, words, the opening of the answer."""
        openings = openings_of(opening, clips)
        if self.spec.prompt is not None:
            rows = self._worded(self.spec.prompt, clips, [question] * len(clips), openings)
            whole = [torch.cat([self._embed(head), *rest]) for head, rest in rows]
            shared = 0 if any(head != rows[0][0] for head, _ in rows) else len(self.tokens(rows[0][0]))
            shared = min(shared, *(len(row) - 1 for row in whole))  # the last position is each clip's own
            return join(whole[0][:shared], [row[shared:] for row in whole])
        head = self._embed(f"{self._turn_start}{question}\n")
        tails = {said: self._embed(f"{self._turn_end}{said}") for said in openings}
        told = self._told(clips, [question] * len(clips))
        return join(head, [torch.cat([*row, tails[said]]) for row, said in zip(told, openings, strict=True)])

    def columns(self, clips: Sequence[ClipFeatures], said: str) -> int:
        """About how many positions the longest of the clips' prefixes has, for sizing batches; ``said`` is in each."""
        words = max((len(self.tokens(clip.text or "")) for clip in clips), default=0) if self.spec.words else 0
        streams = sum(part.tokens + len(self.tokens(STREAM_TAGS[name])) for name, part in self.spec.streams.items())
        if (first := self.spec.pre_fusion) is not None:
            streams += first.tokens + len(self.tokens(TOGETHER_TAG))
        around = "" if self.spec.prompt is None else self.spec.prompt.text
        return len(self.tokens(f"{self._turn_start}{around}{said}{self._turn_end}")) + streams + words + 4

    def asked(self, questions: Sequence[str], clips: Sequence[ClipFeatures | None]) -> Prefix:
        """Prefixes of free questions, one a row; without a clip it is a question about text alone."""
        rows = []
        for question, clip in zip(questions, clips, strict=True):
            if clip is not None and self.spec.prompt is not None and "question" in self.spec.prompt.places:
                ((head, rest),) = self._worded(self.spec.prompt, [clip], [question], [""])
                rows.append(torch.cat([self._embed(head), *rest]))
                continue
            said = [self._embed(f"{self._turn_start}{question}\n")]
            if clip is not None:
                said += self._told([clip], [question])[0]
            rows.append(torch.cat([*said, self._embed(self._turn_end)]))
        return join(rows[0][:0], rows)

    def several(self, clip: ClipFeatures, asks: Sequence[Ask]) -> Prefix:
        """Prefixes of one clip that is asked several things, one a row; what they begin with alike runs once.

        Where a recipe's own prompt has no place for a question, ``Ask.then`` is the only one that is heard.
        """
        return fan([self._whole(clip, ask) for ask in asks])

    @property
    def asks_last(self) -> bool:
        """Whether the question stands behind the clip, so that several questions share all of it."""
        return self.spec.prompt is not None and self.spec.prompt.places[-1:] == ("question",)

    def _whole(self, clip: ClipFeatures, ask: Ask) -> Tensor:
        if (prompt := self.spec.prompt) is not None:
            ((head, rest),) = self._worded(prompt, [clip], [ask.question], [ask.opening], ask.then)
            return torch.cat([self._embed(head), *rest])
        told = self._told([clip], [ask.question])[0]
        end = self._embed(f"{ask.then}{self._turn_end}{ask.opening}")
        return torch.cat([self._embed(f"{self._turn_start}{ask.question}\n"), *told, end])

    def _worded(
        self,
        prompt: Prompt,
        clips: Sequence[ClipFeatures],
        questions: Sequence[str],
        openings: Sequence[str],
        then: str = "",
    ) -> list[tuple[str, list[Tensor]]]:
        """Of each clip, the recipe's own prompt: the text that it begins with, and embeddings of what follows."""
        start, end = (self._turn_start, self._turn_end) if prompt.chat else ("", "")
        embeds = self.streamed(clips, questions) | {NO_WORDS: [self.no_words for _ in clips]}
        rows = []
        for i, (clip, question, said) in enumerate(zip(clips, questions, openings, strict=True)):
            pieces = laid_out(f"{literal(start)}{prompt.text}{literal(then + end + said)}", question, clip.text)
            rest = [embeds[pieces[0][1]][i]] if pieces[0][1] is not None else []
            for text, name in pieces[1:]:
                rest.append(self._embed(text))
                rest += [] if name is None else [embeds[name][i]]
            rows.append((pieces[0][0], rest))
        return rows

    def streamed(self, clips: Sequence[ClipFeatures], questions: Sequence[str]) -> dict[str, list[Tensor]]:
        """Embeddings of each stream, and of the pre-fusion as ``together``, one ``(positions, H)`` a clip."""
        features = {name: [self._feature(c, name) for c in clips] for name in self.fusion}
        embeds = {}
        for name, fusion in self.fusion.items():
            asks = getattr(fusion, "asks", False)
            embeds[name] = fusion(features[name], questions) if asks else fusion(features[name])
        if self.spec.pre_fusion is not None:
            embeds["together"] = self.pre_fusion({name: features[name] for name in self.spec.fused_first})
        return embeds

    def _told(self, clips: Sequence[ClipFeatures], questions: Sequence[str]) -> list[list[Tensor]]:
        """What stands for each clip between the question and the end of the turn, in pieces ``(P_i, H)``."""
        embeds = self.streamed(clips, questions)
        told = [(self._embed(TAGS[name]), found) for name, found in embeds.items()]
        rows = [[piece for tag, found in told for piece in (tag, found[i])] for i in range(len(clips))]
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
