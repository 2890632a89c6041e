"""EMO-R3's image-text consistency, worked from its definition: 1 for yes, 0 for no, of step 1 beside the clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from affectrl.judges import Question, make
from affectrl.recipes.learning import JudgeSpec
from affectrl.rewards import consistency

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures
    from affectrl.models.policy import FusedPolicy


class Says:
    """Answers by the first of its words that stands in the question."""

    key = None

    def __init__(self, **answers: str | None) -> None:
        self.answers, self.heard = answers, []

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        self.heard += questions
        return [next((a for word, a in self.answers.items() if word in q.text), None) for q in questions]


def steps(first: str, second: str = "One feels low.", label: str = "sad") -> str:
    return f"<step1>{first}</step1><step2>{second}</step2><step3>Unpleasant.</step3>\\boxed{{{label}}}"


def score(judge: Says, *texts: str, format: str = "set-box", clip: object = "the clip") -> list[float | None]:
    n = len(texts)
    return consistency.reward(
        ["?"] * n, texts, [[]] * n, format=[format] * n, clip=[clip] * n, judge=judge, labels=[("sad",)] * n
    )


@pytest.mark.parametrize(
    ("verdict", "reward"), [("Yes", 1.0), ("yes.", 1.0), ("No", 0.0), ("Eyes", None), ("Perhaps", None), (None, None)]
)
def test_worked_cases(verdict: str | None, reward: float | None) -> None:
    assert score(Says(tears=verdict), steps("Wet tears.")) == [reward]


def test_only_step_1_and_the_clip_reach_the_judge() -> None:
    judge = Says(tears="Yes")
    score(judge, steps("Wet tears.", second="A loss.", label="grieving"))
    (question,) = judge.heard
    assert question.clip == "the clip"
    assert question.choices == ("yes", "no")
    assert "«Wet tears.»" in question.text
    assert not any(word in question.text for word in ("A loss", "Unpleasant", "grieving", "sad"))


def test_a_missing_step_is_no_description_and_costs_no_question() -> None:
    judge = Says(tears="Yes", rain="No")
    texts = [steps("tears"), "\\boxed{sad}", steps(" ... "), steps("rain"), ""]
    assert score(judge, *texts) == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert len(judge.heard) == 2


def test_other_formats() -> None:
    thought = "<think>Her tears.</think><answer>sad</answer>"
    assert score(Says(tears="Yes"), thought, "<answer>sad</answer>", format="think-answer") == [1.0, 0.0]
    judge = Says(tears="Yes")
    assert score(judge, "sad", "tears", format="answer-only") == [None, None]
    assert judge.heard == []


def test_the_policy_as_judge(policy: FusedPolicy, make_features: Callable[..., ClipFeatures]) -> None:
    asking = make(JudgeSpec(settings={"choose": True}), policy)
    scores = score(asking, steps("Wet tears."), steps(""), clip=make_features(1))  # type: ignore[arg-type]
    assert scores[0] in (0.0, 1.0)
    assert scores[1] == 0.0
    assert asking.counts.asked == 1
