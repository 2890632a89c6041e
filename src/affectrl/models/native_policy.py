"""The native policy: a chat model that takes media itself, behind the same prefix as the fused one.

Its own chat template, processor and towers say what comes before the first generated token, and its own rule where each
token stands in time, height and width; from there on it is a language model like any other. The adapter is on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectrl.errors import ModelError, RecipeError
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy, adapted, openings_of
from affectrl.models.native_features import NativeExtractor
from affectrl.models.prefix import Prefix, fan, join
from affectrl.models.prompt import Ask
from affectrl.recipes.schema import NativeSpec
from affectrl.shelves import nearest

TOWERS = r"(?!.*language_model\.).*"
"""Modules that no adapter acts on: all that are not in the language model."""
WORDS = 'Words: "{}"\n'


class NativePolicy(Policy):
    """See the module's text.

    Args:
        spec: The recipe's ``model`` section.
        extractor: Holds the model, whose towers it goes on using.

    Raises:
        RecipeError: ``lora.target_modules`` names no linear map of the language model.
    """

    def __init__(self, spec: NativeSpec, extractor: NativeExtractor) -> None:
        super().__init__()
        self.spec = spec
        self.chat = extractor.chat
        self.tokenizer = self.chat.processor.tokenizer
        self.lm = adapted(self.chat.model, spec.lora, targets_of(self.chat.decoder, spec), outside=TOWERS)

    @property
    def _decoder(self) -> Any:
        return self.chat.decoder

    def fit_features(self, clips: Sequence[ClipFeatures], prior: int | None = None) -> None:
        """Nothing: the towers come trained."""

    def align(self, labelled: Sequence[tuple[ClipFeatures, str]]) -> None:
        """Nothing, likewise."""

    def prefix(self, clips: Sequence[ClipFeatures], question: str, opening: str | Sequence[str] = "") -> Prefix:
        """Everything before the first generated token: the chat template's turns, media, words, question, opening."""
        pairs = zip(clips, openings_of(opening, clips), strict=True)
        return self._joined([self._row(clip, question, said) for clip, said in pairs])

    def asked(self, questions: Sequence[str], clips: Sequence[ClipFeatures | None]) -> Prefix:
        """Prefixes of free questions, one a row; without a clip it is a question about text alone."""
        return self._joined([self._row(clip, question) for question, clip in zip(questions, clips, strict=True)])

    def several(self, clip: ClipFeatures, asks: Sequence[Ask]) -> Prefix:
        """Prefixes of one clip that is asked several things, one a row; its media and words run once."""
        rows = [self._row(clip, f"{ask.question}{ask.then}", ask.opening) for ask in asks]
        places = [row[2] for row in rows if row[2] is not None]
        return fan([row[1] for row in rows], places or None)

    def columns(self, clips: Sequence[ClipFeatures], said: str) -> int:
        """Positions of the longest of the clips' prefixes."""
        return max((self._ids(clip, said)[0].shape[1] for clip in clips), default=0)

    def embed_ids(self, ids: Tensor) -> Tensor:
        """The language model's own embeddings of token ids, and nothing for its early layers."""
        embeds = super().embed_ids(ids)
        return nn.functional.pad(embeds, (0, self.chat.deep * embeds.shape[-1]))

    def _entering(self, embeds: Tensor) -> dict[str, Any]:
        if not self.chat.deep:
            return {"inputs_embeds": embeds}
        first, *deep = embeds.split(self.width, -1)
        seen = torch.stack([layer.any(-1) for layer in deep]).any(0)  # (B, Q)
        return {
            "inputs_embeds": first,
            "visual_pos_masks": seen,
            "deepstack_visual_embeds": [layer[seen] for layer in deep],
        }

    def _joined(self, rows: list[tuple[Tensor, Tensor, Tensor | None]]) -> Prefix:
        """Rows of ids ``(P_i,)``, embeddings ``(P_i, W)`` and positions ``(P_i, A)``, with the head they share."""
        ids = [row[0] for row in rows]
        text = self.chat.kinds(ids[0][None])[0] == 0
        shortest = min(len(row) for row in ids)
        same = text[:shortest].to(ids[0].device)
        for row in ids[1:]:
            same = same & (row[:shortest] == ids[0][:shortest])
        head = min(int(same.long().cumprod(0).sum()), shortest - 1) if len(rows) > 1 else 0
        places = None if rows[0][2] is None else [row[2] for row in rows if row[2] is not None]
        return join(rows[0][1][:head], [row[1][head:] for row in rows], places)

    def _row(self, clip: ClipFeatures | None, question: str, opening: str = "") -> tuple[Tensor, Tensor, Tensor | None]:
        ids, paired = self._ids(clip, question, opening)
        kinds = self.chat.kinds(ids)
        embeds = self.embed_ids(ids[0].to(self.device)).clone()
        layout = {} if clip is None else {name: clip.layout[name] for name in clip.streams}
        for name, part in layout.items():
            assert clip is not None
            here = ((kinds == 3) if name == "voice" else (kinds > 0) & (kinds < 3))[0].to(self.device)
            rows = torch.cat([clip.streams[name], *([part["deep"]] if "deep" in part else [])], 1)
            if int(here.sum()) != len(rows):
                raise ModelError(
                    f"its processor makes {int(here.sum())} places of a clip's {name} and its tower {len(rows)} rows.",
                    path=self.spec.backbone,
                )
            embeds[here, : rows.shape[1]] = rows.to(embeds)
        where = getattr(self.chat.architecture, "positions", None)
        if where is None:
            return ids[0].to(self.device), embeds, None
        meta = {name: part[name] for part in layout.values() for name in self.chat.architecture.META if name in part}
        places = where(self.chat.model, ids, kinds, meta, paired=paired)
        return ids[0].to(self.device), embeds, places.T.to(self.device)

    def _ids(self, clip: ClipFeatures | None, question: str, opening: str = "") -> tuple[Tensor, bool]:
        """Token ids ``(1, P)`` of a prompt, and whether a video and its own sound share a placeholder."""
        fills: dict[str, str] = {}
        words, paired = question, False
        if clip is not None:
            kinds = {"face": "image" if clip.clip.video is None else "video", "voice": "audio"}
            paired = "pair" in clip.layout and len(clip.streams) == len(kinds)
            told = {"video": "pair"} if paired else {kinds[s]: s for s in ("face", "voice") if s in clip.streams}
            fills = {kind: bytes(clip.layout[name]["text"].numpy()).decode() for kind, name in told.items()}
            if clip.text is not None:
                words = WORDS.format(self.chat.plain(clip.text)) + question
        text = self.chat.filled(self.chat.ask(list(fills), words), fills) + opening
        return torch.tensor([self.tokenizer(text).input_ids]), paired


def targets_of(decoder: Any, spec: NativeSpec) -> list[str]:
    """Names of the linear maps that the adapter acts on."""
    linear = {name.rsplit(".", 1)[-1] for name, module in decoder.named_modules() if isinstance(module, nn.Linear)}
    asked = spec.lora.target_modules
    wanted = linear if isinstance(asked, str) else set(asked)
    if strange := sorted(wanted - linear):
        raise RecipeError(
            f"model.lora.target_modules: the language model has no linear map {strange[0]!r}.",
            hint=nearest(strange[0], linear),
        )
    return sorted(wanted)
