"""The policy as its own judge: its answers are its own, and it is left as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch

from affectrl.errors import RecipeError
from affectrl.judges import Failure, Question, make
from affectrl.judges.policy import build
from affectrl.models.decoding import generate, pack, token_logprobs
from affectrl.recipes.learning import JudgeSpec

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures
    from affectrl.models.policy import FusedPolicy


@pytest.fixture
def questions(make_features: Callable[..., ClipFeatures]) -> list[Question]:
    return [
        Question("Is it a voice?", make_features(1, text="So good!"), ("yes", "no"), 4),
        Question("Which of the two? 1: a long text of many words. 2: none.", make_features(2), ("1", "2"), 4),
        Question("Which emotion does this tell of?", None, None, 6),
        Question("Is it a face?", make_features(3, voice=0), ("yes", "no"), 4),
    ]


def test_answers_are_what_the_policy_says_to_each_alone(policy: FusedPolicy, questions: list[Question]) -> None:
    said = []
    for q in questions:
        prefix = policy.asked([q.text], [q.clip])
        said += generate(policy, prefix, max_new_tokens=q.max_new_tokens, temperature=0.0).texts(policy)
    for size in (1, 3, 32):
        assert build(policy=policy, batch_size=size).answer(questions) == said


def test_modes_and_random_numbers_are_left_alone(policy: FusedPolicy, questions: list[Question]) -> None:
    policy.train()
    policy.fusion.eval()
    modes = {name: module.training for name, module in policy.named_modules()}
    assert len(set(modes.values())) == 2
    state = torch.random.get_rng_state()
    first = build(policy=policy, temperature=1.0).answer(questions)
    assert {name: module.training for name, module in policy.named_modules()} == modes
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    assert build(policy=policy, temperature=1.0).answer(questions) == first, "draws come from the questions"
    assert all(p.grad is None for p in policy.parameters())


def test_left_alone_after_an_error_too(policy: FusedPolicy, make_features: Callable[..., ClipFeatures]) -> None:
    policy.train()
    with pytest.raises(AttributeError):
        build(policy=policy).answer([Question("Is it?", "no clip")])  # type: ignore[arg-type]
    assert policy.training
    assert all(module.training for module in policy.modules())


def test_choosing_takes_the_likeliest(policy: FusedPolicy, questions: list[Question]) -> None:
    got = build(policy=policy, choose=True).answer(questions)
    for question, answer in zip(questions, got, strict=True):
        if question.choices is None:
            continue
        scores = []
        for choice in question.choices:
            ids, keep = pack([[*policy.tokens(choice).tolist(), policy.eos_id]], policy.eos_id)
            prefix = policy.asked([question.text], [question.clip])
            scores.append(token_logprobs(policy, prefix, ids, keep, group=1)[0].sum().item())
        assert answer == question.choices[scores.index(max(scores))]
    assert got[2] == build(policy=policy).answer(questions[2:3])[0], "without choices it writes"


def test_no_time_is_no_answer(policy: FusedPolicy, questions: list[Question]) -> None:
    assert build(policy=policy, timeout_s=0.0).answer(questions) == [Failure("time-out")] * 4


def test_nothing_is_kept_since_weights_change(policy: FusedPolicy, questions: list[Question], tmp_path) -> None:
    asking = make(JudgeSpec(settings={"batch_size": 2}), policy, folder=tmp_path / "kept")
    first = asking.answer(questions)
    with torch.no_grad():
        for name, weight in policy.lm.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.5)
    assert asking.answer(questions) != first
    assert not (tmp_path / "kept").exists()
    assert asking.counts.asked == 8


def test_needs_a_policy() -> None:
    with pytest.raises(RecipeError, match="needs a policy"):
        make(JudgeSpec(), None)
