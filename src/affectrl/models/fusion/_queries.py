"""Learned queries that look at rows through transformers' own Q-Former (BLIP-2, arXiv 2301.12597)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from affectrl.errors import ModelError


class Queries(nn.Module):
    """Rows ``(N, T, D)`` with positions added to ``(N, tokens, hidden)``; all its layers look at the rows.

    Args:
        dim: D.
        tokens: Queries.
        positions: Most rows.
        layers: Of the Q-Former.
        hidden: Its width.
        heads: Its attention heads.
        dropout: In it, while training.

    Raises:
        ModelError: ``hidden`` is no multiple of ``heads``.
    """

    def __init__(
        self, dim: int, *, tokens: int, positions: int, layers: int, hidden: int, heads: int, dropout: float
    ) -> None:
        from transformers import Blip2QFormerConfig, Blip2QFormerModel

        super().__init__()
        if hidden % heads:
            raise ModelError(f"hidden must be a multiple of heads, not {hidden} and {heads}.")
        config = Blip2QFormerConfig(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * hidden,
            encoder_hidden_size=dim,
            cross_attention_frequency=1,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
        self.positions = nn.Embedding(positions, dim)
        self.queries = nn.Parameter(torch.randn(1, tokens, hidden) * config.initializer_range)
        self.former = Blip2QFormerModel(config)
        nn.init.normal_(self.positions.weight, std=config.initializer_range)

    def forward(self, rows: Tensor, keep: Tensor) -> Tensor:
        """Answers ``(N, tokens, hidden)`` of rows ``(N, T, D)`` of which ``keep`` ``(N, T)`` bool are real."""
        rows = rows + self.positions.weight[: rows.shape[1]]
        queries = self.queries.expand(len(rows), -1, -1)
        out: Tensor = self.former(
            query_embeds=queries, encoder_hidden_states=rows, encoder_attention_mask=keep.long()
        ).last_hidden_state
        return out
