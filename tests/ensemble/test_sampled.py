"""Opinions of a model: prompts by samples over one prefix, kept in files that votes read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from affectrl.data.clip import Clip
from affectrl.errors import DataError, UsageError
from affectrl.inference.answering import answer, choose
from affectrl.inference.model import EmotionModel, load
from affectrl.inference.opinions import Sampling, check, opinions
from affectrl.inference.prompts import prompt_names, prompts
from affectrl.models.features import ClipFeatures
from affectrl.models.task import Task

CHOICE = ("happy", "angry", "sad", "neutral")


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> EmotionModel:
    return load(tiny_model)


@pytest.fixture(scope="module")
def clip(taught: dict[str, str]) -> ClipFeatures:
    text = next(iter(taught))
    return ClipFeatures(Clip(id="0", text=text), {}, text)


def test_prompts_by_name_and_from_files(tmp_path: Path) -> None:
    own = Task("answer-only", CHOICE)
    found = prompts(prompt_names(), own)
    assert [prompt.name for prompt in found] == ["own", "label", "visual", "audio", "words", "reasoning"]
    assert found[0].question == own.question
    assert all(prompt.question.endswith("One of: happy, angry, sad, neutral.") for prompt in found)
    assert found[-1].task.format == "think-answer"
    assert found[2].ask(own, behind=True).then == f"\n{found[2].question}"
    assert found[0].ask(own, behind=True).then == ""
    mine = tmp_path / "mine.yaml"
    mine.write_text("brows: What do the brows say?\nquiet:\n  question: Whisper it.\n  format: think-answer\n")
    more = prompts(["label", str(mine)], Task("answer-only"))
    assert [(p.name, p.question, p.task.format) for p in more[1:]] == [
        ("brows", "What do the brows say?", "answer-only"),
        ("quiet", "Whisper it.", "think-answer"),
    ]


@pytest.mark.parametrize("text", ["- a\n", "a: {question: 3}\n", "a: {words: b}\n", "a b: c\n", "a: [\n", ""])
def test_files_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(DataError) as error:
        prompts([str(tmp_path / "p.yaml")], Task("answer-only"))
    assert error.value.code == "prompt_file"
    with pytest.raises(DataError):
        prompts([str(tmp_path / "none.yaml")], Task("answer-only"))


def test_names_that_are_none() -> None:
    with pytest.raises(UsageError, match="visual"):
        prompts(["visul"], Task("answer-only"))
    with pytest.raises(UsageError) as error:
        prompts(["label", "label"], Task("answer-only"))
    assert error.value.code == "vote_names"


def test_greedy_opinions_are_plain_answers(model: EmotionModel, clip: ClipFeatures) -> None:
    own = model.task
    how = Sampling(prompts(["own", "visual"], own), temperature=0.0)
    found = opinions(model.policy, clip, own, how)
    assert list(found) == ["own.0", "visual.0"]
    plain = answer(model.policy, [clip], own)[0]
    assert found["own.0"].text == plain.text
    assert found["own.0"].top == plain.top == "happy"
    assert found["own.0"].confidence == pytest.approx(plain.confidence, abs=1e-4)


def test_closed_opinions_have_the_exact_probabilities(model: EmotionModel, clip: ClipFeatures) -> None:
    own = Task(model.task.format, CHOICE)
    how = Sampling(prompts(["own", "reasoning", "words"], own), 3, closed=True, max_new_tokens=8)
    found = opinions(model.policy, clip, own, how)
    plain = choose(model.policy, [clip], own)[0]
    for m in range(3):
        assert found[f"own.{m}"].scores == pytest.approx(plain.scores, abs=1e-4)
        assert found[f"own.{m}"].confidence == found[f"own.{m}"].scores[found[f"own.{m}"].top]
    assert found["reasoning.0"].text.endswith(f"</think><answer>{found['reasoning.0'].top}</answer>")
    many = opinions(model.policy, clip, own, replace(how, prompts=how.prompts[:1], samples=4000))
    for label in CHOICE:  # drawn as often as they are likely
        share = sum(one.top == label for one in many.values()) / 4000
        assert share == pytest.approx(plain.scores[label], abs=0.04)


def test_an_answer_outside_of_the_choice_abstains(model: EmotionModel, clip: ClipFeatures) -> None:
    own = Task(model.task.format, ("sad", "angry"))
    how = Sampling(prompts(["own"], Task(model.task.format)), temperature=0.0)
    inside = opinions(model.policy, clip, own, how)["own.0"]
    assert inside.top == "happy"
    asked = replace(how.prompts[0], task=own)
    found = opinions(model.policy, clip, own, replace(how, prompts=(asked,)))["own.0"]
    assert found.top is None
    assert found.error is not None
    assert found.error["code"] == "answer_outside"
    assert found.text == inside.text


def test_a_clip_has_its_own_random_numbers(model: EmotionModel, clip: ClipFeatures) -> None:
    own = model.task
    how = Sampling(prompts(["own", "audio"], own), 4, temperature=3.0, max_new_tokens=6)
    once, again = (opinions(model.policy, clip, own, how) for _ in range(2))
    assert once == again
    other = opinions(model.policy, clip, own, replace(how, seed=1))
    assert [one.text for one in other.values()] != [one.text for one in once.values()]
    torch.manual_seed(9)
    assert opinions(model.policy, clip, own, how) == once


def test_what_cannot_be(model: EmotionModel) -> None:
    named = prompts(["own"], model.task)
    for how in (Sampling(named, 2, temperature=0.0), Sampling(named, closed=True)):
        with pytest.raises(UsageError) as error:
            check(model.policy, model.task, how)
        assert error.value.code == "vote_option"


def manifest(folder: Path, taught: dict[str, str], n: int = 8) -> Path:
    file = folder / "manifest.jsonl"
    pairs = list(taught.items())
    rows = [
        {"id": f"c{i}", "text": pairs[i % 4][0], "labels": [pairs[i % 4][1].split(",")[0]], "speaker": f"s{i % 4}"}
        for i in range(n)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_command(affectrl_command, tiny_model: Path, taught: dict[str, str], tmp_path: Path) -> None:
    source = manifest(tmp_path, taught)
    opts = ("--model", tiny_model, "--data", source, "--prompts", "own,label,words", "--samples", "2",
            "--ask", "behind", "--labels", ",".join(CHOICE), "--opinions", tmp_path / "o",
            "--folds", "2", "--resamples", "20")  # fmt: skip
    done = affectrl_command(
        "vote", *opts, "--rule", "majority", "--rule", "confidence", "--judge", "policy", "--judge-sees",
        "--ref", "data", "--task", "basic", "--out", tmp_path / "out", "--json", tmp_path / "v.json",
        "--report", tmp_path / "v.html", "--on-mismatch", "abstain",
    )  # fmt: skip
    assert done.status == 0, done.err
    files = sorted((tmp_path / "o").glob("*.jsonl"))
    voters = ["label.0", "label.1", "own.0", "own.1", "words.0", "words.1"]
    assert [file.stem for file in files] == sorted([*voters, "reference"])
    for file in files:
        assert [row["id"] for row in rows_of(file)] == [f"c{i}" for i in range(8)]
    whole = json.loads((tmp_path / "v.json").read_text())
    assert sorted(whole["voters"]) == voters
    assert whole["scores"]["rules"]["majority"][""]["value"] > 0.5
    voted = rows_of(tmp_path / "out" / "majority.jsonl")
    assert all("minority" in row for row in voted)
    judged = rows_of(tmp_path / "out" / "judge.jsonl")
    assert len(judged) == 8
    assert all((row.get("top") is None) == ("error" in row) for row in judged)

    # The same files by hand give the same vote.
    again = affectrl_command(
        "vote", *(tmp_path / "o" / f"{v}.jsonl" for v in voters), "--rule", "majority", "--task", "basic",
        "--out", tmp_path / "again.jsonl", "--on-mismatch", "abstain",
    )  # fmt: skip
    assert again.status == 0, again.err
    assert rows_of(tmp_path / "again.jsonl") == voted


def test_a_stopped_call_goes_on(affectrl_command, tiny_model: Path, taught: dict[str, str], tmp_path: Path) -> None:
    source, folder = manifest(tmp_path, taught, 4), tmp_path / "o"
    opts = ("vote", "--model", tiny_model, "--data", source, "--prompts", "own,words", "--labels", ",".join(CHOICE),
            "--samples", "2", "--opinions", folder, "--task", "basic")  # fmt: skip
    assert affectrl_command(*opts).status == 0
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}
    cut = (folder / "words.1.jsonl").read_text().splitlines(keepends=True)
    (folder / "words.1.jsonl").write_text("".join(cut[:2]) + cut[2][:20])
    assert affectrl_command(*opts).status == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == whole
    other = affectrl_command(*opts, "--seed", "5")
    assert other.status == 2
    assert "[opinions_differ]" in other.err
    assert affectrl_command(*opts, "--seed", "5", "--fresh").status == 0


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["--model", "MODEL"], "vote_option"),
        (["--model", "MODEL", "--data", "DATA", "--ask", "aside"], "vote_option"),
        (["--model", "MODEL", "--data", "DATA", "--senses", "smell"], "vote_option"),
        (["--model", "MODEL", "--data", "DATA", "--labels", "own"], "vote_option"),
        (["--model", "MODEL", "--data", "DATA", "--prompts", "labels"], "unknown_name"),
        ([], "vote_few"),
    ],
)
def test_options_that_cannot_be(
    affectrl_command, tiny_model: Path, taught: dict[str, str], tmp_path: Path, given: list[str], code: str
) -> None:
    places = {"MODEL": str(tiny_model), "DATA": str(manifest(tmp_path, taught))}
    done = affectrl_command("vote", *(places.get(one, one) for one in given), "--opinions", tmp_path / "o")
    assert done.status == 2
    assert f"[{code}]" in done.err
