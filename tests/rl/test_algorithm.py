"""What a recipe's ``rl`` section becomes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from affectrl.errors import RecipeError
from affectrl.recipes.learning import Critic, DynamicSampling, Rl
from affectrl.rl.algorithm import SHELF, Settings, resolve
from affectrl.shelves import load, names

DOCS = Path(__file__).resolve().parents[2] / "docs" / "algorithms.md"
ALL = ["dapo", "dr-grpo", "grpo", "merit-grpo", "merit-ppo", "ppo", "rloo"]
FIELDS = {
    "epsilon": 0.1,
    "epsilon_high": 0.3,
    "beta": 0.04,
    "scale_rewards": "batch",
    "loss_type": "token",
    "importance_sampling_level": "sequence",
}
DEFAULTS = {
    "grpo": Settings(0.2, 0.2, 0.0, "group", "completion", "token"),
    "dapo": Settings(0.2, 0.28, 0.0, "group", "token", "token", dynamic_sampling=DynamicSampling()),
    "dr-grpo": Settings(0.2, 0.2, 0.0, "none", "constant", "token"),
    "rloo": Settings(loss_type="sequence"),
    "ppo": Settings(0.2, 0.2, 0.0, "batch", "token", "token", critic=Critic()),
    "merit-grpo": Settings(scale_rewards="group", loss_type="sequence"),
    "merit-ppo": Settings(0.2, 0.2, 0.0, "none", "completion", "sequence"),
}


def test_the_shelf_holds_these():
    assert names(SHELF) == ALL == sorted(DEFAULTS)


@pytest.mark.parametrize("name", ALL)
def test_defaults(name):
    module, settings = resolve(Rl(algorithm=name))
    assert module is load(SHELF, name)
    assert settings == DEFAULTS[name]
    assert (settings.critic is not None) == module.CRITIC
    assert (settings.dynamic_sampling is not None) == module.DYNAMIC


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_taken_or_refused(name, field):
    rl = Rl.model_validate({"algorithm": name, field: FIELDS[field]})
    if field in load(SHELF, name).USES:
        assert getattr(resolve(rl)[1], field) == FIELDS[field]
        return
    with pytest.raises(RecipeError) as caught:
        resolve(rl)
    users = [other for other in ALL if field in load(SHELF, other).USES]
    assert caught.value.code == "recipe_invalid"
    assert str(caught.value) == f"rl.{field}: {name} does not use it. Leave it out. Algorithms that use it: " + (
        f"{', '.join(users)}."
    )


def test_the_upper_half_of_the_clip_range_follows_the_lower_unless_it_has_its_own():
    assert resolve(Rl(epsilon=0.1))[1].epsilon_high == 0.1
    assert resolve(Rl(epsilon=0.1, epsilon_high=0.3))[1].epsilon_high == 0.3
    assert resolve(Rl(algorithm="dapo", epsilon=0.1))[1].epsilon_high == 0.28


def test_a_critic_is_for_those_that_have_one():
    assert resolve(Rl(algorithm="ppo", critic=Critic(lam=0.5)))[1].critic == Critic(lam=0.5)
    with pytest.raises(RecipeError, match=r"rl\.critic: grpo does not use it\. .* use it: ppo\."):
        resolve(Rl(critic=Critic()))


@pytest.mark.parametrize("name", ALL)
def test_any_algorithm_may_choose_its_clips(name):
    wanted = DynamicSampling(rounds=5)
    assert resolve(Rl(algorithm=name, dynamic_sampling=wanted))[1].dynamic_sampling == wanted


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"algorithm": "grop"}, ["rl.algorithm", "Did you mean 'grpo'?"]),
        ({"algorithm": "ppo", "scale_rewards": "group"}, ["rl.scale_rewards", "ppo", "batch or none"]),
        ({"algorithm": "rloo", "num_iterations": 2}, ["rl.num_iterations", "rloo", "no ratio"]),
        ({"algorithm": "merit-grpo", "num_iterations": 2}, ["rl.num_iterations", "merit-grpo"]),
        ({"algorithm": "merit-ppo", "loss_type": "sequence"}, ["rl.loss_type", "completion"]),
        ({"importance_sampling_level": "sequence-mean", "loss_type": "sequence"}, ["rl.loss_type", "sequence-mean"]),
        ({"algorithm": "dapo", "order": "stream"}, ["rl.order", "each clip once", "rounds: 1"]),
    ],
)
def test_what_makes_no_sense_is_refused(fields, words):
    with pytest.raises(RecipeError) as caught:
        resolve(Rl.model_validate(fields))
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_stream_may_leave_out_what_teaches_nothing():
    wanted = DynamicSampling(rounds=1)
    assert resolve(Rl(algorithm="dapo", order="stream", dynamic_sampling=wanted))[1].dynamic_sampling == wanted


def test_an_algorithm_of_ones_own(monkeypatch):
    mine = ModuleType("mine.algorithm")
    monkeypatch.setitem(sys.modules, "mine", ModuleType("mine"))
    monkeypatch.setitem(sys.modules, "mine.algorithm", mine)
    with pytest.raises(RecipeError, match=r"'mine\.algorithm' does not define USES, advantages, token_loss"):
        resolve(Rl(algorithm="mine.algorithm"))
    grpo = load(SHELF, "grpo")
    mine.__dict__.update(USES={"gamma": 1}, advantages=grpo.advantages, token_loss=grpo.token_loss)
    with pytest.raises(RecipeError, match="'gamma', which is no setting"):
        resolve(Rl(algorithm="mine.algorithm"))
    mine.__dict__.update(USES={"epsilon": 0.3})
    assert resolve(Rl(algorithm="mine.algorithm"))[1] == Settings(0.3, 0.3)


def test_recipes_are_checked_without_torch():
    code = (
        "import sys; from affectrl.recipes.schema import Rl; from affectrl.rl.algorithm import resolve; "
        f"[resolve(Rl(algorithm=name)) for name in {ALL}]; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_documented_defaults_are_those():
    table = DOCS.read_text("utf-8").split("## Defaults", 1)[1].split("## ", 1)[0]
    lines = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    assert lines[0][1:] == list(FIELDS)
    assert [row[0] for row in lines[2:]] == ALL
    for name, *cells in lines[2:]:
        uses = load(SHELF, name).USES
        for field, cell in zip(FIELDS, cells, strict=True):
            told = {None: "as `epsilon", 0.0: "0"}.get(uses[field], str(uses[field])) if field in uses else "-"
            assert (name, field, cell) == (name, field, told)
