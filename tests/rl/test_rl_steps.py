"""Steps of learning, with a tiny real policy: what they compute, and that they do learn."""

from __future__ import annotations

import copy
from dataclasses import astuple, replace

import pytest
import torch
from accelerate import Accelerator
from small_engine import TASK, engine_of

from affectrl.models.decoding import Completions, pack, token_logprobs
from affectrl.models.task import Task
from affectrl.models.trained import trained
from affectrl.rl.advantages import centred
from affectrl.rl.losses import kl_k3
from affectrl.rl.rollout import Rollout, collect
from affectrl.rl.rubric import Rubric, Scores
from affectrl.rl.steps import Learner, _target, micro_batches, rl_step, sft_step

ENOUGH = 10**9


def learner(policy, budget: int = ENOUGH, lr: float = 1.0, max_norm: float = 1e9, adam: bool = False) -> Learner:
    """Plain gradient descent at rate 1: a step's change of a weight is its gradient."""
    parameters = [p for p in policy.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=lr) if adam else torch.optim.SGD(parameters, lr=lr)
    return Learner(policy, optimizer, Accelerator(cpu=True), max_norm, budget)


def weights(policy) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in policy.named_parameters() if p.requires_grad}


def change(step, policy, **settings) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    policy = copy.deepcopy(policy)
    before = weights(policy)
    scalars = step(learner(policy, **settings))
    return {name: before[name] - after for name, after in weights(policy).items()}, scalars


def grpo_step(it: Learner, rollout: Rollout, **fields) -> dict[str, float]:
    return rl_step(it, engine_of(it.policy, **fields), rollout)


def rollout_of(policy, clips, rewards: list[list[float]], words: list[str]) -> Rollout:
    """A rollout of given answers and rewards, at the policy's own probabilities."""
    group = len(words)
    rows = [[*policy.tokens(word).tolist(), policy.eos_id] for _ in clips for word in words]
    ids, keep = pack(rows, policy.eos_id)
    with torch.no_grad():
        prefix = policy.prefix(clips, TASK.question, TASK.opening)
        logprobs, _ = token_logprobs(policy, prefix, ids, keep, group=group)
    total = torch.tensor(rewards).flatten()
    compared = centred(total, group, "group")
    done = Completions(ids, keep, logprobs, group)
    return Rollout(
        clips, done, done.texts(policy), Scores(total, {"given": total.tolist()}), *astuple(compared), prefix_tokens=40
    )


def test_micro_batches_cover_everything_once_within_budget():
    sizes = [3, 4, 9, 1, 1, 1, 20, 2]
    places = list(micro_batches(sizes, 9))
    assert [[sizes[i] for i in batch] for batch in places] == [[3, 4], [9], [1, 1, 1], [20], [2]]
    assert list(micro_batches([], 9)) == []
    assert list(micro_batches(sizes, ENOUGH)) == [list(range(8))]


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert set(ours) == set(theirs)
    assert sum(float(g.abs().max()) > 1e-5 for g in theirs.values()) > len(theirs) / 2
    for name, gradient in theirs.items():
        scale = max(float(g.abs().max()) for g in theirs.values())
        torch.testing.assert_close(ours[name], gradient, atol=1e-4 * scale, rtol=1e-3, msg=name)


def test_the_budget_of_an_sft_step_changes_nothing_but_rounding(policy, clips):
    def step(learner):
        return sft_step(learner, clips, TASK, dropout=0.0)

    one, told = change(step, policy)
    for budget in (1, 140):
        many, said = change(step, policy, budget=budget)
        assert_same(many, one)
        assert said == pytest.approx(told, rel=1e-4)


def test_an_sft_step_has_the_loss_of_the_language_model_itself(policy, clips):
    _, told = change(lambda it: sft_step(it, clips, TASK, dropout=0.0), policy)
    total = count = 0.0
    for clip in clips:
        embeds = policy.prefix([clip], TASK.question, TASK.opening).embeds
        ids = torch.tensor([[*policy.tokens(clip.clip.labels[0]).tolist(), policy.eos_id]])
        whole = torch.cat([embeds, policy.lm.get_input_embeddings()(ids)], 1)
        logits = policy.lm(inputs_embeds=whole, use_cache=False).logits[0, embeds.shape[1] - 1 : -1]
        total += float(torch.nn.functional.cross_entropy(logits.detach(), ids[0], reduction="sum"))
        count += ids.shape[1]
    assert told["loss"] == pytest.approx(total / count, rel=1e-4)


WORDS = ["happy", "sad", "very tired of it"]
UNEVEN = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.5], [1.0, 0.0, 2.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_the_budget_of_a_grpo_step_changes_nothing_but_rounding(policy, clips):
    rollout = rollout_of(policy, clips, UNEVEN, WORDS)

    def step(learner):
        return grpo_step(learner, rollout)

    one, told = change(step, policy)
    for budget in (1, 200):
        many, said = change(step, policy, budget=budget)
        assert_same(many, one)
        assert said["entropy"] == pytest.approx(told["entropy"], rel=1e-4)
        assert said["grad_norm"] == pytest.approx(told["grad_norm"], rel=1e-3)
    assert told["logprob_gap"] < 1e-4


def test_flat_groups_have_no_gradient_and_count_in_the_denominator(policy, clips):
    rewards = [UNEVEN[0], [0.7] * 3, UNEVEN[2], [1.3] * 3, UNEVEN[4]]
    rollout = rollout_of(policy, clips, rewards, WORDS)
    assert rollout.flat.tolist() == [False, True, False, True, False]
    ours, _ = change(lambda it: grpo_step(it, rollout), policy)

    def all_groups(learner):
        """The definition, with nothing left out."""
        done = rollout.completions
        prefix = learner.policy.prefix(clips, TASK.question, TASK.opening)
        logprobs, _ = token_logprobs(learner.policy, prefix, done.ids, done.keep, group=3)
        ratio = (logprobs - done.logprobs).exp()
        advantages = rollout.advantages[:, None]
        losses = -torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages) * done.keep
        (losses.sum(1) / done.keep.sum(1)).mean().backward()
        return {"grad_norm": learner.update()}

    theirs, _ = change(all_groups, policy)
    assert_same(ours, theirs)


def test_nothing_but_flat_groups_changes_nothing(policy, clips):
    rollout = rollout_of(policy, clips, [[0.7] * 3] * 5, WORDS)
    moved, told = change(lambda it: grpo_step(it, rollout), policy)
    assert max(float(delta.abs().max()) for delta in moved.values()) == 0
    assert told["grad_norm"] == 0
    assert "entropy" not in told


def test_the_gradient_is_clipped_to_its_norm(policy, clips):
    moved, told = change(lambda it: sft_step(it, clips, TASK, dropout=0.0), policy, max_norm=0.01)
    norm = float(sum(delta.double().pow(2).sum() for delta in moved.values()) ** 0.5)
    assert norm == pytest.approx(0.01, rel=1e-2)
    assert told["grad_norm"] > 0.01


def test_a_large_error_of_the_critic_does_not_shrink_the_policys_step(policy):
    it = learner(policy, max_norm=1.0)
    critic = torch.nn.Linear(2, 1)
    it.optimizer.add_param_group({"params": list(critic.parameters()), "apart": True})
    weight = next(p for p in policy.parameters() if p.requires_grad)
    before = weight.detach().clone()
    weight.grad, critic.weight.grad = torch.full_like(weight, 1e-3), torch.full_like(critic.weight, 1e6)
    norm = it.update()
    assert norm == pytest.approx(1e-3 * weight.numel() ** 0.5, rel=1e-4)
    torch.testing.assert_close(before - weight, torch.full_like(weight, 1e-3))


def test_sft_learns_its_answers(policy, clips):
    it = learner(policy, lr=1e-2, adam=True)
    losses = [sft_step(it, clips, TASK, dropout=0.0)["loss"] for _ in range(25)]
    assert losses[-1] < losses[0] / 3
    assert all(p.grad is None for p in policy.parameters())


def test_grpo_learns_a_one_token_bandit(policy, clips):
    """What the policy would rather say is worth nothing; one other token is worth 1."""
    cold = {"temperature": 0.3}  # a random model's choices are all but uniform otherwise
    policy, clips = policy.eval(), clips[:1]

    @torch.no_grad()
    def chances() -> torch.Tensor:
        hidden = policy.prefill(policy.prefix(clips, TASK.question, TASK.opening))[1]
        return (policy.logits(hidden) / cold["temperature"]).softmax(-1)[0]

    before = chances()
    wanted = int(before.topk(3).indices[2])

    class Bandit:
        def score(self, prompts, completions, completion_ids, columns) -> Scores:
            worth = [float(ids[0] == wanted) for ids in completion_ids]
            return Scores(torch.tensor(worth), {"bandit": worth})

    it, random = learner(policy, lr=2e-3, adam=True), torch.Generator().manual_seed(0)
    engine = engine_of(policy, num_generations=32, max_completion_length=1, **cold)
    engine.rubric = Bandit()
    for _ in range(40):
        rl_step(it, engine, collect(engine, lambda _: clips, random))
    assert before[wanted] < 0.1
    assert chances()[wanted] > 0.8


def test_a_second_step_on_the_same_rollout_is_held_back_by_the_clip(policy, clips):
    rollout = rollout_of(policy, clips, UNEVEN, WORDS)
    far = replace(rollout, completions=replace(rollout.completions, logprobs=rollout.completions.logprobs - 5))
    good = far.advantages > 0
    only_good = replace(far, advantages=torch.where(good, far.advantages, torch.zeros(())))
    moved, told = change(lambda it: grpo_step(it, only_good), policy)
    assert max(float(delta.abs().max()) for delta in moved.values()) == 0
    assert told["logprob_gap"] == pytest.approx(5, abs=1e-3)


def test_a_rollout_is_scored_group_by_group_and_told_row_by_row(policy, clips):
    clips = [replace(c, clip=c.clip.model_copy(update={"extras": {"take": i}})) for i, c in enumerate(clips)]
    seen = {}

    class Spy(Rubric):
        def score(self, prompts, completions, completion_ids, columns):
            seen.update(columns, ids=completion_ids)
            return super().score(prompts, completions, completion_ids, columns)

    engine = engine_of(policy.eval(), max_completion_length=4)
    engine.rubric = Spy(["accuracy", "format"])
    rollout = collect(engine, lambda _: clips, torch.Generator().manual_seed(0))
    assert seen["id"] == [f"clip{i}" for i in range(5) for _ in range(3)]
    assert seen["take"] == [i for i in range(5) for _ in range(3)]
    assert seen["labels"] == [c.clip.labels for c in clips for _ in range(3)]
    assert seen["group"] == [i for i in range(5) for _ in range(3)]
    assert seen["choices"] == [TASK.labels] * 15
    assert seen["max_completion_length"] == [4] * 15
    assert seen["clip"] == [c for c in clips for _ in range(3)]
    rows = rollout.rows()
    assert [row["id"] for row in rows] == [c.id for c in clips]
    assert [c["tokens"] for row in rows for c in row["completions"]] == [len(ids) for ids in seen["ids"]]
    assert [c["text"] for row in rows for c in row["completions"]] == rollout.texts
    assert all(set(c["rewards"]) == {"accuracy", "format"} for row in rows for c in row["completions"])


ALGORITHMS = ["grpo", "dapo", "dr-grpo", "rloo", "ppo", "merit-grpo", "merit-ppo"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_takes_a_step_that_makes_better_answers_likelier(policy, clips, algorithm):
    policy = copy.deepcopy(policy).eval()
    engine = engine_of(policy, algorithm=algorithm, num_generations=4, max_completion_length=3)

    class Short(Rubric):
        """Shorter texts are better; what is best does not matter as long as there is a difference."""

        def score(self, prompts, completions, completion_ids, columns):
            worth = [1.0 / (1 + len(text)) for text in completions]
            return Scores(torch.tensor(worth), {"accuracy": worth, "format": worth})

    engine.rubric = Short(["accuracy", "format"])
    it = learner(policy, lr=0.5)
    if engine.critic is not None:
        it.optimizer.add_param_group({"params": list(engine.critic.parameters())})
    rollout = collect(engine, lambda _: clips, torch.Generator().manual_seed(1))
    before = trained(policy)
    told = rl_step(it, engine, rollout)
    assert all(torch.isfinite(torch.tensor(v)) for v in told.values()), told
    assert told["grad_norm"] > 0
    assert any((before[name] != value).any() for name, value in trained(policy).items())
    assert ("value_loss" in told) == (algorithm == "ppo")
    done = rollout.completions
    with torch.no_grad():
        prefix = policy.prefix(rollout.clips, TASK.question, TASK.opening)
        after, _ = token_logprobs(policy, prefix, done.ids, done.keep, group=done.group)
    gain = (after - done.logprobs).sum(1).view(-1, done.group)
    worth = rollout.scores.total.view(-1, done.group)
    assert float(((worth - worth.mean(1, keepdim=True)) * gain).sum()) > 0


def test_the_kl_term_pulls_back_to_the_reference(policy, clips):
    policy = copy.deepcopy(policy).eval()
    start = trained(policy)
    with torch.no_grad():
        for parameter in policy.adapter_parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    rollout = rollout_of(policy, clips, [[0.7] * 3] * 5, WORDS)
    engine = engine_of(policy, beta=0.5)
    engine.reference = start
    now = trained(policy)
    told = rl_step(learner(policy), engine, rollout)
    ours = {name: now[name] - value for name, value in trained(policy).items()}

    slow = copy.deepcopy(policy)
    for name, parameter in slow.named_parameters():
        if name in now:
            parameter.data.copy_(now[name])
    frozen = copy.deepcopy(slow)
    for name, parameter in frozen.named_parameters():
        if name in start:
            parameter.data.copy_(start[name])
    done = rollout.completions

    def scores(of):
        return token_logprobs(of, of.prefix(clips, TASK.question, TASK.opening), done.ids, done.keep, group=3)[0]

    with torch.no_grad():
        wanted = scores(frozen)
    divergence = kl_k3(scores(slow), wanted, done.keep)
    (0.5 * (divergence.sum(1) / done.keep.sum(1)).mean()).backward()
    theirs = {name: p.grad for name, p in slow.named_parameters() if p.grad is not None}
    assert_same({name: ours[name] for name in theirs}, theirs)
    assert told["drift"] == pytest.approx(float(divergence.detach().sum() / done.keep.sum()), rel=1e-4)


def test_dynamic_sampling_asks_others_and_gives_up_in_time(policy, clips):
    rounds = []

    class Picky(Rubric):
        """Only clips with an odd number get answers of different worth."""

        def score(self, prompts, completions, completion_ids, columns):
            worth = [float(int(i[4:]) % 2 and n % 3 == 0) for n, i in enumerate(columns["id"])]
            return Scores(torch.tensor(worth), {"accuracy": worth, "format": [1.0] * len(worth)})

    def clips_of(number: int):
        rounds.append(number)
        return clips[:4] if number % 2 == 0 else clips[1:5]

    engine = engine_of(policy.eval(), algorithm="dapo", dynamic_sampling={"rounds": 4, "by": "accuracy"})
    engine.rubric = Picky(["accuracy", "format"])
    rollout = collect(engine, clips_of, torch.Generator().manual_seed(0))
    assert rounds == [0, 1]
    assert [c.id for c in rollout.clips] == ["clip1", "clip3", "clip1", "clip3"]
    assert not rollout.flat.any()
    assert rollout.asked == 8
    assert len(rollout.texts) == len(rollout.completions.ids) == 12

    rounds.clear()
    flat = collect(engine, lambda n: (rounds.append(n), [clips[0], clips[2]])[1], torch.Generator().manual_seed(0))
    assert rounds == [0, 1, 2, 3]
    assert flat.flat.all()
    assert len(flat.clips) == 2
    assert rl_step(learner(copy.deepcopy(policy)), engine, flat)["grad_norm"] == 0


def test_groups_are_chosen_by_the_answers_that_are_trained_on(policy, clips):
    class Late(Rubric):
        """The first clip's third answer alone is worth something, and the second clip's first."""

        def score(self, prompts, completions, completion_ids, columns):
            worth = [float(n in (2, 3)) for n in range(len(completions))]
            return Scores(torch.tensor(worth), {"accuracy": worth})

    engine = engine_of(policy.eval(), algorithm="dapo", dynamic_sampling={"rounds": 1}, train_generations=2)
    engine.rubric = Late(["accuracy"])
    rollout = collect(engine, lambda _: clips[:2], torch.Generator().manual_seed(0))
    assert [c.id for c in rollout.clips] == [clips[1].id]
    assert not rollout.flat.any()


def test_more_answers_vote_than_are_trained_on(policy, clips):
    engine = engine_of(policy.eval(), num_generations=5, train_generations=2)
    rollout = collect(engine, lambda _: clips[:3], torch.Generator().manual_seed(0))
    assert rollout.group == 2
    assert len(rollout.texts) == len(rollout.advantages) == len(rollout.completions.ids) == 6


def test_reusing_the_rollouts_cache_learns_the_same(policy, clips, tiny_spec, extractor):
    from affectrl.models.policy import FusedPolicy

    spec = tiny_spec.model_copy(update={"lora": tiny_spec.lora.model_copy(update={"where": "completion"})})
    torch.manual_seed(0)
    apart = FusedPolicy(spec, extractor).eval()
    apart.learn("adapter")
    engine = engine_of(apart, max_completion_length=4, train="adapter")
    rollout = collect(engine, lambda _: clips, torch.Generator().manual_seed(0))
    rollout = replace(rollout, advantages=torch.linspace(-1, 1, 15))
    assert rollout.completions.reuse is not None

    def run(policy, rollout):
        engine.policy = policy
        return change(lambda it: rl_step(it, replace(engine, policy=it.policy), rollout), policy, budget=120)

    with_cache, _ = run(apart, rollout)
    without, _ = run(apart, replace(rollout, prefix=None))
    assert set(with_cache) == set(without)
    for name, gradient in without.items():
        torch.testing.assert_close(with_cache[name], gradient, rtol=1e-4, atol=1e-6)
    assert any(float(g.abs().max()) > 0 for g in without.values())


def test_reasons_are_learned_of_their_share_of_clips(policy, make_features):
    task = Task("answer-why", ("happy", "sad"))
    clip = make_features(0, reasoning="The voice is loud.")
    whole = [*policy.tokens("happy</answer><think>The voice is loud.</think>").tolist(), policy.eos_id]
    short = policy.tokens("happy</answer>").tolist()
    assert _target(policy, clip, task, 1.0) == whole
    assert _target(policy, clip, task, 0.0) == short
    torch.manual_seed(0)
    drawn = [_target(policy, clip, task, 0.3) for _ in range(400)]
    assert all(one in (whole, short) for one in drawn)
    assert 0.2 < sum(one == whole for one in drawn) / 400 < 0.4
    other = Task("think-answer", ("happy", "sad"))
    assert _target(policy, clip, other, 0.0)[-1] == policy.eos_id
