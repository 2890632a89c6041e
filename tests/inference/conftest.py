"""A loaded model, and probabilities computed the plain way: whole sequences, one at a time, without a cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from affectrl.inference.model import EmotionModel, load
from affectrl.models.features import ClipFeatures
from affectrl.models.task import Task

Plain = Callable[[ClipFeatures, Task, list[int]], torch.Tensor]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> EmotionModel:
    return load(tiny_model)


@pytest.fixture(scope="module")
def plain(model: EmotionModel) -> Plain:
    """``plain(clip, task, ids)``: log-probability of each token after the clip's prefix, float32 ``(R,)``."""

    @torch.inference_mode()
    def score(clip: ClipFeatures, task: Task, ids: list[int]) -> torch.Tensor:
        policy = model.policy
        prefix = policy.prefix([clip], task.question, task.opening)
        assert prefix.keep.all()
        tokens = torch.tensor(ids)
        embeds = torch.cat([prefix.embeds[0], policy.lm.get_input_embeddings()(tokens)])[None]
        logits = policy.lm(inputs_embeds=embeds, use_cache=False).logits[0].float()
        before = logits[prefix.embeds.shape[1] - 1 : -1].log_softmax(-1)
        return before.gather(1, tokens[:, None])[:, 0]

    return score
