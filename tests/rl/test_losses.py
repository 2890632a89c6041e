from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck

from affectrl.rl.losses import clipped_surrogate, kl_k3, policy_gradient, sft_loss, token_weights, value_loss

KEEP = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
LEVELS = ("token", "sequence", "sequence-mean")
CLIP = {"epsilon": 0.2, "epsilon_high": 0.28}


def drawn(spread: float = 0.5, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Log-probabilities of now and before, and advantages of both signs."""
    torch.manual_seed(0)
    old = -torch.rand(4, 5).to(dtype)
    return old + spread * torch.randn(4, 5).to(dtype), old, torch.tensor([1.5, -0.5, 2.0, 1.0], dtype=dtype)


def test_sft_loss_equals_torch_cross_entropy():
    torch.manual_seed(0)
    logits, ids = torch.randn(4, 5, 11), torch.randint(0, 11, (4, 5))
    logprobs = logits.log_softmax(-1).gather(2, ids[..., None])[..., 0]
    wanted = torch.nn.functional.cross_entropy(logits[KEEP], ids[KEEP], reduction="sum")
    torch.testing.assert_close(sft_loss(logprobs, KEEP), wanted)


# ratio, advantage -> loss and its derivative by the log-probability, clipped to [0.8, 1.28], worked out by hand
BY_HAND = [
    (1.0, 2.0, -2.0, -2.0),
    (1.1, 2.0, -2.2, -2.2),
    (1.25, 2.0, -2.5, -2.5),  # above 1.2, but DAPO leaves room upwards
    (1.5, 2.0, -2.56, 0.0),  # already raised enough: no further push
    (0.5, 2.0, -1.0, -1.0),  # wrongly lowered: the full push back
    (1.5, -2.0, 3.0, 3.0),  # wrongly raised: the full push back
    (0.5, -2.0, 1.6, 0.0),  # already lowered enough
    (0.9, -2.0, 1.8, 1.8),
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("ratio", "advantage", "loss", "slope"), BY_HAND)
def test_clipping_on_both_sides_by_hand(ratio, advantage, loss, slope, level):
    logprobs = torch.tensor([[-1.0 + math.log(ratio)]], requires_grad=True)
    old, one = torch.tensor([[-1.0]]), torch.ones(1, 1).bool()
    ours = clipped_surrogate(logprobs, old, torch.tensor([advantage]), one, **CLIP, level=level)
    assert ours.item() == pytest.approx(loss, abs=1e-5)
    ours.sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.item() == pytest.approx(slope, abs=1e-5)


def surrogate_in_a_loop(logprobs, old, advantages, level) -> list[list[float]]:
    """The same, one token at a time, from probabilities."""
    table = [[0.0] * 5 for _ in range(4)]
    for n in range(4):
        length = int(KEEP[n].sum())
        tokens = [math.exp(logprobs[n, t]) / math.exp(old[n, t]) for t in range(length)]
        for t in range(length):
            ratio = {
                "token": tokens[t],
                "sequence": math.prod(tokens),
                "sequence-mean": math.prod(tokens) ** (1 / length),
            }[level]
            advantage = float(advantages[n] if advantages.ndim == 1 else advantages[n, t])
            clipped = min(max(ratio, 0.8), 1.28)
            table[n][t] = -min(ratio * advantage, clipped * advantage)
    return table


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("per_token", [False, True])
def test_the_surrogate_equals_a_loop(level, per_token):
    logprobs, old, advantages = drawn()
    if per_token:
        advantages = torch.randn(4, 5)
    ours = clipped_surrogate(logprobs, old, advantages, KEEP, **CLIP, level=level)
    wanted = torch.tensor(surrogate_in_a_loop(logprobs, old, advantages, level))
    torch.testing.assert_close(ours, wanted, rtol=1e-5, atol=1e-6)


def trl_loss(logprobs, old, advantages, reference, *, level, loss_type, beta, max_length) -> torch.Tensor:
    """The batch's loss by TRL 1.16's formulas (``GRPOTrainer``), written down from them."""
    mask = KEEP.float()
    lengths = mask.sum(-1).clamp(min=1)
    log_weights = logprobs - old
    if level == "sequence-mean":  # its name there is "sequence"
        log_weights = ((log_weights * mask).sum(-1) / lengths)[:, None]
    weights = torch.exp(log_weights)
    per_token = -torch.min(weights * advantages[:, None], torch.clamp(weights, 0.8, 1.28) * advantages[:, None])
    per_token = per_token + beta * (torch.exp(reference - logprobs) - (reference - logprobs) - 1)
    return {
        "completion": ((per_token * mask).sum(-1) / lengths).mean(),  # "grpo"
        "token": (per_token * mask).sum() / mask.sum(),  # "dapo", "bnpo" of one batch
        "constant": (per_token * mask).sum() / (len(mask) * max_length),  # "dr_grpo"
    }[loss_type]


@pytest.mark.parametrize("level", ["token", "sequence-mean"])
@pytest.mark.parametrize("loss_type", ["completion", "token", "constant"])
def test_loss_and_gradient_are_those_of_trl(level, loss_type):
    values, old, advantages = drawn()
    reference = old + 0.1 * torch.randn(4, 5)
    mine, theirs = values.clone().requires_grad_(), values.clone().requires_grad_()
    tokens = clipped_surrogate(mine, old, advantages, KEEP, **CLIP, level=level) + 0.04 * kl_k3(mine, reference, KEEP)
    ours = (tokens * token_weights(KEEP, loss_type, 7)).sum()
    wanted = trl_loss(theirs, old, advantages, reference, level=level, loss_type=loss_type, beta=0.04, max_length=7)
    torch.testing.assert_close(ours, wanted)
    ours.backward()
    wanted.backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_on_policy_the_gradient_is_that_of_the_plain_policy_gradient():
    _, old, advantages = drawn()
    scale = {"token": 1 / KEEP.sum(1, keepdim=True).clamp(min=1), "sequence": 1.0}
    for level, factor in scale.items():
        logprobs = old.clone().requires_grad_()
        tokens = clipped_surrogate(logprobs, old, advantages, KEEP, **CLIP, level=level)
        (tokens * token_weights(KEEP, "completion", 5)).sum().backward()
        # By token: A grad log pi(y) / |y|. Of the whole completion (AffectGPT-R1, eq. 4): A grad log pi(y).
        torch.testing.assert_close(logprobs.grad, -(advantages[:, None] * KEEP) * factor / 4)


def test_policy_gradient_is_advantage_times_log_probability():
    logprobs, _, advantages = drawn()
    logprobs.requires_grad_()
    loss = (policy_gradient(logprobs, advantages, KEEP) * token_weights(KEEP, "sequence", 5)).sum()
    wanted = -sum(advantages[n] * logprobs[n][KEEP[n]].sum() for n in range(4)) / 4
    torch.testing.assert_close(loss, wanted)
    loss.backward()
    torch.testing.assert_close(logprobs.grad, -(advantages[:, None] * KEEP) / 4)


def test_k3_is_what_its_equation_says():
    logprobs, reference, _ = drawn()
    ours = kl_k3(logprobs, reference, KEEP)
    for n, t in KEEP.nonzero().tolist():
        ratio = math.exp(reference[n, t] - logprobs[n, t])
        assert ours[n, t].item() == pytest.approx(ratio - math.log(ratio) - 1, abs=1e-6)
    assert ours.min() >= 0
    assert kl_k3(logprobs, logprobs, KEEP).abs().max() == 0


def test_the_mean_of_k3_under_the_policy_is_the_divergence():
    torch.manual_seed(0)
    p, q = torch.randn(2, 6).double().log_softmax(-1)
    every = torch.ones(1, 6).bool()
    mean = (p.exp() * kl_k3(p[None], q[None], every)[0]).sum()
    torch.testing.assert_close(mean, torch.nn.functional.kl_div(q, p, log_target=True, reduction="sum"))


# value, what it was, return -> half the larger squared error when moves beyond 0.2 do not count
VALUES = [
    (0.5, 0.5, 1.0, 0.125),
    (0.9, 0.5, 1.0, 0.045),  # moved 0.4 towards it: counts as 0.7
    (1.4, 0.5, 1.0, 0.08),  # moved past it: its own error 0.4 is larger than that of 0.7
    (0.1, 0.5, 1.0, 0.405),  # moved away: its own error
]


@pytest.mark.parametrize(("value", "old", "wanted", "loss"), VALUES)
def test_value_loss_by_hand(value, old, wanted, loss):
    value, old, wanted, one = (*(torch.tensor([[x]]) for x in (value, old, wanted)), torch.ones(1, 1).bool())
    assert value_loss(value, old, wanted, one, clip=0.2).item() == pytest.approx(loss)
    assert value_loss(value, old, wanted, one).item() == pytest.approx(float(value - wanted) ** 2 / 2)


@pytest.mark.parametrize("loss_type", ["completion", "token", "constant", "sequence"])
def test_weights_equal_loops_over_tokens(loss_type):
    losses = torch.rand(4, 5).double()
    rows = [[losses[n, t].item() for t in range(5) if KEEP[n, t]] for n in range(4)]
    flat = [x for row in rows for x in row]
    wanted = {
        "completion": sum(sum(row) / max(len(row), 1) for row in rows) / 4,
        "token": sum(flat) / len(flat),
        "constant": sum(flat) / (4 * 9),
        "sequence": sum(sum(row) for row in rows) / 4,
    }[loss_type]
    weights = token_weights(KEEP, loss_type, 9)
    assert (losses * weights).sum().item() == pytest.approx(wanted)
    assert weights.dtype == torch.float32
    assert weights[~KEEP].abs().max() == 0
    # Micro-batches of any size add up to the same.
    parts = [(losses[i : i + 1] * weights[i : i + 1]).sum().item() for i in range(4)]
    assert sum(parts) == pytest.approx(wanted)


@pytest.mark.parametrize("loss_type", ["completion", "token", "constant", "sequence"])
def test_a_batch_without_tokens_weighs_nothing(loss_type):
    assert token_weights(torch.zeros(2, 3).bool(), loss_type, 3).tolist() == [[0.0] * 3] * 2


LOSSES = {
    "surrogate": lambda x, old, a: clipped_surrogate(x, old, a, KEEP, **CLIP),
    "sequence": lambda x, old, a: clipped_surrogate(x, old, a, KEEP, **CLIP, level="sequence"),
    "sequence-mean": lambda x, old, a: clipped_surrogate(x, old, a, KEEP, **CLIP, level="sequence-mean"),
    "policy gradient": lambda x, old, a: policy_gradient(x, a, KEEP),
    "kl": lambda x, old, a: kl_k3(x, old, KEEP),
    "value": lambda x, old, a: value_loss(x, old, old + 1, KEEP, clip=0.2),
    "sft": lambda x, old, a: sft_loss(x, KEEP),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    logprobs, old, advantages = drawn(dtype=torch.float64)
    assert gradcheck(lambda x: LOSSES[name](x, old, advantages), (logprobs.requires_grad_(),))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("junk", [math.nan, -math.inf, 1e9])
def test_padding_counts_nowhere(name, junk):
    clean, old, advantages = drawn()
    wanted = clean.clone().requires_grad_()
    LOSSES[name](wanted, old, advantages).sum().backward()
    logprobs = clean.masked_fill(~KEEP, junk).requires_grad_()
    losses = LOSSES[name](logprobs, old, advantages)
    losses.sum().backward()
    torch.testing.assert_close(losses.sum(), LOSSES[name](clean, old, advantages).sum())
    torch.testing.assert_close(logprobs.grad, wanted.grad)


@pytest.mark.parametrize("level", LEVELS)
def test_a_ratio_beyond_all_bounds_leaves_the_gradient_finite(level):
    logprobs = torch.full((2, 3), 500.0, requires_grad=True)
    every = torch.ones(2, 3).bool()
    losses = clipped_surrogate(logprobs, torch.zeros(2, 3), torch.tensor([1.0, -1.0]), every, **CLIP, level=level)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logprobs.grad is not None
    assert logprobs.grad.isfinite().all()
