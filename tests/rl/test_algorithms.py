"""Each algorithm's loss, from rewards to one number, against its paper's objective as loops over probabilities."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import pytest
import torch

from affectrl.recipes.learning import Critic, Rl
from affectrl.rl.algorithm import resolve
from affectrl.rl.losses import token_weights

GROUP, MAX_LENGTH = 3, 6
LENGTHS = [2, 4, 1, 3, 3, 4]
REWARDS = [1.0, 0.0, 0.5, 0.0, 2.0, 1.0]
KEEP = torch.arange(4) < torch.tensor(LENGTHS)[:, None]
Table = list[list[float]]


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    old = -torch.rand(6, 4).double()
    return old + 0.3 * torch.randn(6, 4).double(), old


def loss_of(name: str, logprobs: torch.Tensor, old: torch.Tensor, rewards: list[float] = REWARDS) -> torch.Tensor:
    """What the trainer computes without a critic."""
    algorithm, settings = resolve(Rl(algorithm=name))
    advantages = algorithm.advantages(torch.tensor(rewards).double(), GROUP, settings)
    tokens = algorithm.token_loss(logprobs, old, advantages.values, KEEP, settings)
    return (tokens * token_weights(KEEP, settings.loss_type, MAX_LENGTH)).sum()


def rows(tensor: torch.Tensor) -> Table:
    return [row[:n].tolist() for row, n in zip(tensor, LENGTHS, strict=True)]


def clipped(ratio: float, advantage: float, high: float = 0.2) -> float:
    return min(ratio * advantage, min(max(ratio, 0.8), 1 + high) * advantage)


def siblings(n: int) -> list[float]:
    return REWARDS[n // GROUP * GROUP : n // GROUP * GROUP + GROUP]


def standardized(n: int) -> float:
    return (REWARDS[n] - statistics.mean(siblings(n))) / (statistics.stdev(siblings(n)) + 1e-4)


def grpo(new: Table, old: Table) -> float:
    """Mean over completions of the mean over tokens."""
    return statistics.mean(
        statistics.mean(clipped(math.exp(a - b), standardized(n)) for a, b in zip(new[n], old[n], strict=True))
        for n in range(6)
    )


def dapo(new: Table, old: Table) -> float:
    """One mean over all tokens, clipped higher above."""
    tokens = [
        clipped(math.exp(a - b), standardized(n), 0.28) for n in range(6) for a, b in zip(new[n], old[n], strict=True)
    ]
    return sum(tokens) / sum(LENGTHS)


def dr_grpo(new: Table, old: Table) -> float:
    """Neither divided by the spread nor by the length."""
    return sum(
        clipped(math.exp(a - b), REWARDS[n] - statistics.mean(siblings(n))) / (6 * MAX_LENGTH)
        for n in range(6)
        for a, b in zip(new[n], old[n], strict=True)
    )


def rloo(new: Table, old: Table) -> float:
    """Log-probability of the completion times what it is above its siblings."""
    others = [(sum(siblings(n)) - REWARDS[n]) / (GROUP - 1) for n in range(6)]
    return statistics.mean((REWARDS[n] - others[n]) * sum(new[n]) for n in range(6))


def merit_grpo(new: Table, old: Table) -> float:
    return statistics.mean(standardized(n) * sum(new[n]) for n in range(6))


def merit_ppo(new: Table, old: Table) -> float:
    return statistics.mean(clipped(math.exp(sum(new[n]) - sum(old[n])), REWARDS[n]) for n in range(6))


OBJECTIVES: dict[str, Callable[[Table, Table], float]] = {
    "grpo": grpo,
    "dapo": dapo,
    "dr-grpo": dr_grpo,
    "rloo": rloo,
    "merit-grpo": merit_grpo,
    "merit-ppo": merit_ppo,
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_is_minus_the_papers_objective(name):
    new, old = drawn()
    assert loss_of(name, new, old).item() == pytest.approx(-OBJECTIVES[name](rows(new), rows(old)), rel=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_step_down_the_gradient_makes_better_answers_likelier(name):
    _, old = drawn()
    logprobs = old.clone().requires_grad_()
    loss_of(name, logprobs, old).backward()
    assert logprobs.grad is not None
    first = logprobs.grad[:, 0]
    assert first[0] < first[1]  # rewards 1 and 0 of one clip
    assert first[4] < first[3]
    assert logprobs.grad[~KEEP].abs().max() == 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_where_all_are_equal_there_is_nothing_to_learn_but_for_raw_rewards(name):
    _, old = drawn()
    logprobs = old.clone().requires_grad_()
    loss_of(name, logprobs, old, [0.7] * 6).backward()
    assert logprobs.grad is not None
    assert bool(logprobs.grad.any()) == (name == "merit-ppo")


@pytest.mark.parametrize("scale", ["batch", "none"])
def test_ppo_equals_loops(scale):
    new, old = drawn()
    torch.manual_seed(1)
    values = torch.randn(6, 4).double()
    rl = Rl(algorithm="ppo", scale_rewards=scale, critic=Critic(gamma=0.9, lam=0.7))
    ppo, settings = resolve(rl)
    rewards = ppo.advantages(torch.tensor(REWARDS).double(), GROUP, settings).values
    assert rewards.tolist() == REWARDS
    advantages, returns = ppo.token_advantages(rewards, values, KEEP, settings)
    tokens = ppo.token_loss(new, old, advantages, KEEP, settings)
    loss = (tokens * token_weights(KEEP, settings.loss_type, MAX_LENGTH)).sum()

    wanted: Table = []
    for n, length in enumerate(LENGTHS):
        v = [*values[n, :length].tolist(), 0.0]
        delta = [0.9 * v[t + 1] - v[t] + (REWARDS[n] if t == length - 1 else 0.0) for t in range(length)]
        wanted.append([sum(0.63 ** (s - t) * delta[s] for s in range(t, length)) for t in range(length)])
        assert returns[n, :length].tolist() == pytest.approx([a + b for a, b in zip(wanted[n], v[:-1], strict=True)])
    every = [a for row in wanted for a in row]
    if scale == "batch":
        mean, spread = statistics.mean(every), statistics.stdev(every) + 1e-4
        wanted = [[(a - mean) / spread for a in row] for row in wanted]
    objective = [clipped(math.exp(new[n, t] - old[n, t]), wanted[n][t]) for n in range(6) for t in range(LENGTHS[n])]
    assert loss.item() == pytest.approx(-statistics.mean(objective), rel=1e-6)


def bandit(name: str, steps: int = 60) -> float:
    """Share of the right one of three answers after learning, from a third; one token an answer, rewards 1 and 0."""
    torch.manual_seed(0)
    algorithm, settings = resolve(Rl(algorithm=name))
    logits, value = torch.zeros(3, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([logits, value], lr=0.5)
    keep = torch.ones(24, 1).bool()
    for _ in range(steps):
        answers = torch.multinomial(logits.softmax(0).detach(), 24, replacement=True)
        rewards, logprobs = (answers == 1).float(), logits.log_softmax(0)[answers][:, None]
        loss = torch.zeros(())
        advantages = algorithm.advantages(rewards, 6, settings).values
        if algorithm.CRITIC:
            advantages, returns = algorithm.token_advantages(rewards, value.expand(24)[:, None], keep, settings)
            loss = ((value - returns) ** 2).mean()
        tokens = algorithm.token_loss(logprobs, logprobs.detach(), advantages, keep, settings)
        loss = loss + (tokens * token_weights(keep, settings.loss_type, 1)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return logits.softmax(0)[1].item()


@pytest.mark.parametrize("name", [*OBJECTIVES, "ppo"])
def test_each_learns_which_answer_is_right(name):
    assert bandit(name) > 0.9
