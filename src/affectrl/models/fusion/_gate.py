"""Which branch matters to a question: BERT reads it, two linear maps and a softmax share weights out (HumanOmni)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectrl.errors import ModelError
from affectrl.models import weights

LONGEST = 512


class Gate(nn.Module):
    """Questions ``(N,)`` to shares ``(N, branches)`` that sum to one, from BERT's class token.

    BERT is frozen, as HumanOmni's training leaves it: its weights are buffers, which no optimizer finds, and part of
    the model's own file.

    Args:
        place: A BERT, by folder or Hugging Face id: its configuration and tokenizer now, its weights at :meth:`fit`.
        branches: How many.
        hidden: Width between the linear maps.

    Raises:
        ModelError: There is none.
    """

    def __init__(self, place: str, *, branches: int, hidden: int) -> None:
        from transformers import AutoConfig, AutoTokenizer, BertModel

        super().__init__()
        try:
            with weights.quiet():
                config = AutoConfig.from_pretrained(place)
                self._tokenizer: Any = AutoTokenizer.from_pretrained(place)
        except (OSError, ValueError, KeyError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(
                f"cannot be loaded as a BERT: {reason}", path=place, hint=weights.elsewhere(place)
            ) from error
        if config.model_type != "bert":
            raise ModelError(f"cannot be loaded as a BERT: its config.json says {config.model_type!r}.", path=place)
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        self._place = place
        self.bert = BertModel(config, add_pooling_layer=False)
        _freeze(self.bert)
        self.score = nn.Sequential(nn.Linear(config.hidden_size, hidden), nn.GELU(), nn.Linear(hidden, branches))

    @torch.no_grad()
    def fit(self) -> None:
        """Take BERT's published weights, before training."""
        from transformers import BertModel

        found = weights.pretrained(BertModel, self._place, "a BERT", dtype=torch.float32, add_pooling_layer=False)
        self.bert.load_state_dict(found.state_dict())

    def forward(self, questions: Sequence[str]) -> Tensor:
        """Shares ``(N, branches)``."""
        told = self._tokenizer(list(questions), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        device = self.score[0].weight.device
        with torch.no_grad():
            states = self.bert(**{name: ids.to(device) for name, ids in told.items()}).last_hidden_state
        shares: Tensor = self.score(states[:, 0]).softmax(-1)
        return shares


def _freeze(module: nn.Module) -> None:
    for part in module.modules():
        for name, weight in list(part._parameters.items()):
            if weight is not None:
                del part._parameters[name]
                part.register_buffer(name, weight.detach())
