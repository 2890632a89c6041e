from __future__ import annotations

import math

import pytest
import torch

from affectrl.rl.losses import grpo_loss, sft_loss


def test_sft_loss_equals_torch_cross_entropy():
    torch.manual_seed(0)
    logits, ids = torch.randn(3, 5, 11), torch.randint(0, 11, (3, 5))
    keep = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]).bool()
    logprobs = logits.log_softmax(-1).gather(2, ids[..., None])[..., 0]
    wanted = torch.nn.functional.cross_entropy(logits[keep], ids[keep], reduction="sum")
    torch.testing.assert_close(sft_loss(logprobs, keep), wanted)


# ratio, advantage -> loss and its derivative by the log-probability, with a clip range of 0.2, worked out by hand
BY_HAND = [
    (1.0, 2.0, -2.0, -2.0),
    (1.1, 2.0, -2.2, -2.2),
    (1.5, 2.0, -2.4, 0.0),  # already raised enough: no further push
    (0.5, 2.0, -1.0, -1.0),  # wrongly lowered: the full push back
    (1.5, -2.0, 3.0, 3.0),  # wrongly raised: the full push back
    (0.5, -2.0, 1.6, 0.0),  # already lowered enough
    (0.9, -2.0, 1.8, 1.8),
]


@pytest.mark.parametrize(("ratio", "advantage", "loss", "slope"), BY_HAND)
def test_clipping_on_both_sides_by_hand(ratio, advantage, loss, slope):
    logprobs = torch.tensor([[-1.0 + math.log(ratio)]], requires_grad=True)
    ours = grpo_loss(logprobs, torch.tensor([[-1.0]]), torch.tensor([advantage]), torch.ones(1, 1).bool(), 0.2)
    assert ours.item() == pytest.approx(loss, abs=1e-5)
    ours.sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.item() == pytest.approx(slope, abs=1e-5)


def test_each_completion_is_the_mean_over_its_own_tokens():
    ratios = torch.tensor([[1.0, 1.1, 0.9], [1.0, 5.0, 5.0]])
    keep = torch.tensor([[True, True, True], [True, False, False]])
    ours = grpo_loss(ratios.log(), torch.zeros(2, 3), torch.tensor([1.0, -3.0]), keep, 0.2)
    assert ours.tolist() == pytest.approx([-1.0, 3.0])


def test_on_policy_the_gradient_is_that_of_the_plain_policy_gradient():
    torch.manual_seed(0)
    old = -torch.rand(4, 6)
    keep = torch.rand(4, 6) > 0.3
    keep[:, 0] = True
    advantages = torch.tensor([1.0, -1.0, 0.5, 0.0])
    logprobs = old.clone().requires_grad_()
    grpo_loss(logprobs, old, advantages, keep, 0.2).sum().backward()
    wanted = -(advantages[:, None] * keep) / keep.sum(1, keepdim=True)
    torch.testing.assert_close(logprobs.grad, wanted)
