"""What the cold start teaches of the reasons behind an answer."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator

from affectrl.models.decoding import pack
from affectrl.models.task import Task
from affectrl.rl.steps import Learner, sft_step


@pytest.mark.parametrize(("dropout", "told"), [(0.0, True), (0.999, False)])
def test_reasons_of_a_clip_that_lost_a_modality_are_not_learned(policy, make_features, monkeypatch, dropout, told):
    said = "The voice is loud. The words are glad."
    clip = make_features(0, text="Hooray", labels=("happy",), reasoning=said)
    seen: list[list[int]] = []

    def watched(rows, *rest):
        seen.extend(rows)
        return pack(rows, *rest)

    monkeypatch.setattr("affectrl.rl.steps.pack", watched)
    still = torch.optim.SGD([p for p in policy.parameters() if p.requires_grad], lr=0.0)
    learner = Learner(policy, still, Accelerator(cpu=True), 1.0, 10**9)
    sft_step(learner, [clip], Task("answer-why", ("happy", "sad")), dropout=dropout)
    (ids,) = seen
    text = policy.tokenizer.decode(ids)
    assert "happy" in text
    assert (said in text) == told
    assert ("voice" in text or "words" in text) == told
