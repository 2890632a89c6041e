"""What a rollout tells rewards, and what becomes of a batch of which nothing teaches."""

from __future__ import annotations

import pytest
import torch
from small_engine import engine_of

from affectrl.rl.rollout import collect, reward_columns
from affectrl.rl.rubric import Rubric, Scores


@pytest.fixture
def clips(make_features):
    told = {"labels": ("sad",), "reasoning": "A sad voice.", "extras": {"emotion": "sad", "judge": "sad", "prompts": 1}}
    return [make_features(i, text="Hm.", **told) for i in range(2)]


def test_hidden_labels_are_hidden_wherever_a_reward_may_look(policy, clips):
    engine = engine_of(policy)
    engine.hide_labels = True
    columns = reward_columns(engine, clips, [False] * 6)
    assert "sad" not in repr([value for name, value in columns.items() if name != "choices"])
    assert [c.streams.keys() for c in columns["clip"]] == [clips[0].streams.keys()] * 6
    assert clips[0].clip.labels == ("sad",), "logs still judge by them"


def test_extras_take_no_place_that_is_a_rewards_own(policy, clips):
    columns = reward_columns(engine_of(policy), clips, [False] * 6)
    assert columns["emotion"] == ["sad"] * 6
    assert columns["labels"] == [("sad",)] * 6
    assert not {"judge", "prompts"} & set(columns)


@pytest.mark.parametrize("algorithm", ["dapo", "merit-ppo"])
def test_where_nothing_teaches_nothing_pushes_whatever_else_differs(policy, clips, algorithm):
    class Flat(Rubric):
        def score(self, prompts, completions, completion_ids, columns):
            n = len(completions)
            shape = [float(i % 2) for i in range(n)]
            return Scores(torch.tensor(shape) + 1, {"accuracy": [1.0] * n, "format": shape})

    engine = engine_of(policy.eval(), algorithm=algorithm, dynamic_sampling={"rounds": 2, "by": "accuracy"})
    engine.rubric = Flat(["accuracy", "format"])
    rollout = collect(engine, lambda _: clips, torch.Generator().manual_seed(0))
    assert (len(rollout.clips), rollout.asked) == (2, 4)
    assert not rollout.advantages.any()


def test_labels_can_be_hidden_from_rewards(policy, clips):
    engine = engine_of(policy.eval())
    engine.hide_labels = True
    rollout = collect(engine, lambda _: clips, torch.Generator().manual_seed(0))
    assert rollout.scores.parts["accuracy"] == [None] * 6
    assert rollout.rows()[0]["labels"] == list(clips[0].clip.labels), "logs may judge by them"
