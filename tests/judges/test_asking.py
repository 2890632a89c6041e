"""Asking with care: each question once, answers kept, failures missing and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from affectrl import paths
from affectrl.errors import ModelError, RecipeError, UsageError
from affectrl.judges import Asking, Failure, Question, Reply, make
from affectrl.recipes.learning import JudgeSpec

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures


@dataclass
class Echo:
    """Answers with what ``reply`` makes of the text, and remembers what it was asked."""

    key: str | None = "echo"
    reply: Callable[[str], Reply] = str.upper
    heard: list[str] = field(default_factory=list)

    def answer(self, questions: Sequence[Question]) -> list[Reply]:
        self.heard += [q.text for q in questions]
        return [self.reply(q.text) for q in questions]


def asked(*texts: str) -> list[Question]:
    return [Question(text) for text in texts]


def test_every_question_once_and_answers_in_order(tmp_path: Path) -> None:
    judge = Echo()
    asking = Asking(judge, tmp_path)
    assert asking.answer(asked("b", "a", "b", "c", "a")) == ["B", "A", "B", "C", "A"]
    assert judge.heard == ["b", "a", "c"]
    assert asking.answer([]) == []
    assert asking.answer(asked("c", "d")) == ["C", "D"]
    assert judge.heard == ["b", "a", "c", "d"]
    again = Echo()
    other = Asking(again, tmp_path)
    assert other.answer(asked("d", "a")) == ["D", "A"]
    assert again.heard == [], "another process finds the answers on disk"
    assert asking.scalars() == {"judge/asked": 4, "judge/cached": 1, "judge/repeated": 2, "judge/failed": 0}


def test_kept_under_home_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFFECTRL_HOME", str(tmp_path))
    Asking(Echo()).answer(asked("a"))
    assert len(list((paths.home() / "judge").rglob("*.json"))) == 1


def test_no_key_means_nothing_is_kept(tmp_path: Path) -> None:
    judge = Echo(key=None)
    asking = Asking(judge, tmp_path)
    asking.answer(asked("a", "a"))
    asking.answer(asked("a"))
    assert judge.heard == ["a", "a"]
    assert list(tmp_path.iterdir()) == []


def test_what_makes_a_question_another(tmp_path: Path, make_features: Callable[..., ClipFeatures]) -> None:
    clip = make_features(1, text="So good!")
    about = clip.clip
    variants = [
        Question("a"),
        Question("a", max_new_tokens=8),
        Question("a", choices=("yes", "no")),
        Question("a", clip),
        Question("a", make_features(1, text="Too bad!")),
        Question("a", replace(clip, face=1)),
        Question("a", replace(clip, clip=about.model_copy(update={"end": 2.0}))),
    ]
    judge = Echo()
    Asking(judge, tmp_path).answer(variants)
    assert len(judge.heard) == len(variants)
    Asking(other := Echo(key="another"), tmp_path).answer(variants)
    assert len(other.heard) == len(variants)
    # Neither the name nor the labels of a clip are anything that a judge sees.
    same = replace(clip, clip=about.model_copy(update={"id": "x", "labels": ("sad",)}))
    Asking(third := Echo(), tmp_path).answer([*variants, Question("a", same)])
    assert third.heard == []


def test_media_are_told_apart_by_content(tmp_path: Path, make_features: Callable[..., ClipFeatures]) -> None:
    files = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for file, content in zip(files, (b"one", b"two", b"one"), strict=True):
        file.write_bytes(content)
    judge = Echo()
    clips = [make_features(1, image=file) for file in files]
    assert Asking(judge, tmp_path / "kept").answer([Question("a", clip) for clip in clips]) == ["A"] * 3
    assert len(judge.heard) == 2
    files[0].unlink()
    Asking(judge, tmp_path / "kept").answer([Question("a", clips[0])])
    assert len(judge.heard) == 3, "a missing file is told by its features, and fails nothing"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"name": "x", "answer": "A"}', b"\xff\xfe", b'{"name": 1}'])
def test_a_damaged_answer_is_asked_again(damage: bytes, tmp_path: Path) -> None:
    Asking(Echo(), tmp_path).answer(asked("a"))
    (file,) = tmp_path.rglob("*.json")
    whole = file.read_bytes()
    file.write_bytes(damage)
    judge = Echo()
    assert Asking(judge, tmp_path).answer(asked("a")) == ["A"]
    assert judge.heard == ["a"]
    assert file.read_bytes() == whole


def test_failures_are_missing_counted_and_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = Echo(reply=lambda text: {"b": None, "c": Failure("time-out"), "d": Failure("time-out")}.get(text, text))
    asking = Asking(judge, tmp_path)
    assert asking.answer(asked("a", "b", "c", "d", "c")) == ["a", None, None, None, None]
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "3 of 4 questions" in told
    assert "time-out 2, no answer 1" in told
    asking.answer(asked("c"))
    assert capsys.readouterr().err == ""
    assert asking.counts.failed == {"time-out": 3, "no answer": 1}
    assert asking.scalars()["judge/failed"] == 4
    assert asking.scalars()["judge/failed"] == 0, "a step is told of what is its own"
    judge.reply = str.upper
    assert asking.answer(asked("a", "c")) == ["a", "C"], "a failure is asked again, an answer is not"


def test_an_empty_answer_is_an_answer(tmp_path: Path) -> None:
    asking = Asking(Echo(reply=lambda text: ""), tmp_path)
    assert asking.answer(asked("a")) == [""]
    assert asking.answer(asked("a")) == [""]
    assert (asking.counts.asked, asking.counts.failed.total()) == (1, 0)


def test_a_judge_that_breaks_is_no_crash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(text: str) -> str:
        raise ConnectionResetError("the line\nis dead")

    asking = Asking(Echo(reply=breaks), tmp_path)
    assert asking.answer(asked("a", "b")) == [None, None]
    assert asking.counts.failed == {"ConnectionResetError": 2}
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "the line is dead" in told


def test_a_judge_that_can_never_answer_ends_the_run(tmp_path: Path) -> None:
    def refused(text: str) -> str:
        raise ModelError("wrong key.", code="judge_refused")

    with pytest.raises(ModelError, match="wrong key"):
        Asking(Echo(reply=refused), tmp_path).answer(asked("a"))


def test_a_judge_that_miscounts(tmp_path: Path) -> None:
    class Short(Echo):
        def answer(self, questions: Sequence[Question]) -> list[Reply]:
            return super().answer(questions)[:1]

    asking = Asking(Short(), tmp_path)
    assert asking.answer(asked("a", "b")) == [None, None]
    assert asking.counts.failed.total() == 2


def test_a_place_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file, not a folder")
    assert Asking(Echo(), tmp_path / "kept").answer(asked("a")) == ["A"]


def test_odd_text_is_kept_and_found(tmp_path: Path) -> None:
    texts = ["\ud800", "心", "\0", "a" * 10_000]
    asking = Asking(Echo(reply=lambda text: text if text != "\ud800" else "lone"), tmp_path)
    expected = ["lone", "心", "\0", "a" * 10_000]
    assert asking.answer(asked(*texts)) == asking.answer(asked(*texts)) == expected
    assert asking.counts.asked == 4


@pytest.mark.parametrize(
    ("spec", "error", "told"),
    [
        ({"kind": "polici"}, UsageError, "Did you mean 'policy'"),
        ({"settings": {"batchsize": 3}}, RecipeError, "'batchsize' is no setting.*Did you mean 'batch_size'"),
        ({"settings": {"batch_size": 0}}, RecipeError, "batch_size"),
        ({"settings": {"temperature": "warm"}}, RecipeError, "temperature"),
        ({"settings": {"policy": "x"}}, RecipeError, "'policy' is no setting"),
        ({"settings": {"timeout_s": 3}}, RecipeError, "'timeout_s' is no setting"),
        ({"kind": "hf"}, RecipeError, "model"),
        ({"kind": "openai", "settings": {"model": "m", "api_key": "secret"}}, RecipeError, "'api_key' is no setting"),
        ({"kind": "openai", "settings": {"model": "m", "api_key_env": "sk-1"}}, RecipeError, "api_key_env"),
    ],
)
def test_settings_are_checked(spec: dict, error: type[Exception], told: str, policy) -> None:
    with pytest.raises(error, match=told) as caught:
        make(JudgeSpec(**spec), policy)
    assert "sk-1" not in str(caught.value)
    assert "secret" not in str(caught.value)


OWN = """
from affectrl.judges import Failure

def build(*, policy=None, timeout_s=60.0, threshold: float = 0.5):
    return Mine(threshold)

class Mine:
    key = "mine-1"

    def __init__(self, threshold):
        self.threshold = threshold

    def answer(self, questions):
        return ["yes" if q.clip is not None else Failure("no clip") for q in questions]
"""


def test_a_judge_of_one_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_package_of_judges").mkdir()
    (tmp_path / "own_package_of_judges" / "mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    spec = JudgeSpec(kind="own_package_of_judges.mine", settings={"threshold": "0.7"})
    asking = make(spec, None, folder=tmp_path / "kept")
    assert asking.judge.threshold == 0.7  # type: ignore[attr-defined]
    assert asking.answer([Question("a")]) == [None]
    assert asking.counts.failed == {"no clip": 1}
    with pytest.raises(RecipeError, match="threshold"):
        make(JudgeSpec(kind="own_package_of_judges.mine", settings={"treshold": 1}), None)
