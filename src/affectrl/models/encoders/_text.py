"""Encoders of words from transformers: a clip's text through the model's own tokenizer, hidden states out.

The tokens that a tokenizer adds (``[CLS]``, ``</s>``) are no rows of their own, as in MERBench's features (arXiv
2401.03429; its public code sums the last four layers and takes the mean over words, which is ``layers: [-4, -3, -2,
-1], average: true`` up to the factor four). A text that is longer than the model takes goes through in windows, like
long sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch

from affectrl.errors import MediaError, ModelError
from affectrl.models import weights
from affectrl.models.encoders import _hf

VERSION = "1"
WINDOW = 512
"""Most tokens in one pass, even of models that take more."""

Take = Literal["mean", "cls", "last", "tokens"]


class TextEncoder:
    """See the module's text. ``encode`` gives ``(1, D)``, or with ``take: tokens`` a row each token."""

    def __init__(
        self, model: Any, tokenizer: Any, key: str, *, take: Take, layers: tuple[int, ...], average: bool
    ) -> None:
        self.model, self._tokenizer = model, tokenizer
        self.take, self.layers, self._average = take, layers, average
        self.parts = 1 if average else len(layers)
        self.dim = self.parts * model.config.hidden_size
        self.window = _window(model.config, tokenizer)
        self.key = f"{key}-v{VERSION}-{take}-{_hf.named(layers, average)}-{self.window}"

    @torch.inference_mode()
    def encode(self, text: str) -> np.ndarray:
        """Features ``(T, D)``, float32.

        Raises:
            MediaError: ``nothing_to_read``: the tokenizer makes nothing of the text.
        """
        # Words must not pose as the model's own marks, which some tokenizers would read in them.
        pieces = self._tokenizer(
            text,
            truncation=True,
            max_length=self.window,
            return_overflowing_tokens=True,
            return_special_tokens_mask=True,
            split_special_tokens=True,
        )
        found = [
            self._piece(ids, added)
            for ids, added in zip(pieces["input_ids"], pieces["special_tokens_mask"], strict=True)
            if not all(added)
        ]
        if not found:
            raise MediaError(
                f"the tokenizer of {self._tokenizer.name_or_path} makes nothing of the text {text[:40]!r}.",
                code="nothing_to_read",
            )
        firsts, words = [first for first, _ in found], torch.cat([rows for _, rows in found])
        rows = {
            "mean": lambda: words.mean(0, keepdim=True),
            "cls": lambda: torch.stack(firsts).mean(0, keepdim=True),
            "last": lambda: words[-1:],
            "tokens": lambda: words,
        }[self.take]()
        return rows.float().cpu().numpy()

    def _piece(self, ids: list[int], added: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """State of the first token ``(D,)``, and of those that are of the text ``(T, D)``."""
        device = next(self.model.parameters()).device
        out = self.model(torch.tensor([ids], device=device), output_hidden_states=True)
        states = _hf.beside([state[0] for state in out.hidden_states], self.layers, self._average)
        return states[0], states[~torch.tensor(added, device=device).bool()]


def _window(config: Any, tokenizer: Any) -> int:
    """Tokens that go through in one pass."""
    places = getattr(config, "max_position_embeddings", None) or WINDOW
    if config.model_type in ("roberta", "xlm-roberta", "mpnet"):
        places -= config.pad_token_id + 1  # they count positions from behind the number of their padding
    return int(min(WINDOW, places, tokenizer.model_max_length))


def load_tokenizer(place: str, what: str, config: Any) -> Any:
    """The fast tokenizer that was published beside the weights.

    Raises:
        ModelError: There is none, or it is another model's.
    """
    from transformers import AutoTokenizer

    try:
        with weights.quiet():
            tokenizer = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError, KeyError, ImportError, TypeError, AttributeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"has no tokenizer that goes with {what}: {reason}",
            path=place,
            hint="Copy the tokenizer's files that were published beside the weights.",
        ) from error
    # Where the files are missing, transformers makes up a tokenizer of some classes that knows no word.
    if not tokenizer.is_fast or not set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens):
        raise ModelError(
            f"has no tokenizer that goes with {what}.",
            path=place,
            hint="Copy the tokenizer.json that was published beside the weights.",
        )
    if len(tokenizer) > config.vocab_size:
        raise ModelError(
            f"has a tokenizer of {len(tokenizer)} words for a model that knows {config.vocab_size}.", path=place
        )
    return tokenizer


def builder(kind: str, model_type: str, what: str, default: str, **options: Any) -> Callable[..., TextEncoder]:
    """The ``build`` of one kind of model that sees both sides of a word.

    Args:
        kind: Its class in transformers.
        model_type: What its ``config.json`` says.
        what: What it is, for errors: "a BERT".
        default: Published weights.
        **options: Of the class, such as ``add_pooling_layer=False``.
    """

    def build(
        weights_name: str = default,
        take: Literal["mean", "cls", "tokens"] = "mean",
        layers: Sequence[int] | None = None,
        average: bool = False,
    ) -> TextEncoder:
        """Load it by folder or Hugging Face id; heads for pretraining are left out.

        Args:
            weights_name: What :func:`affectrl.models.weights.resolve` understands.
            take: ``mean`` one row, the mean over the text's tokens; ``cls`` the first token's, which the tokenizer
                adds; ``tokens`` a row each token.
            layers: Hidden states to keep, 0 (embeddings) to the number of layers, or negative from the end; the last by
                default.
            average: Whether the kept layers are averaged rather than laid side by side.

        Raises:
            ModelError: The weights are missing or of another kind, or a setting does not fit.
        """
        import transformers

        model, place, key = _hf.load(getattr(transformers, kind), weights_name, (model_type,), what, **options)
        kept = _hf.chosen(layers, model.config.num_hidden_layers + 1)
        tokenizer = load_tokenizer(place, what, model.config)
        return TextEncoder(model, tokenizer, f"{model_type}-{key}", take=take, layers=kept, average=average)

    return build
