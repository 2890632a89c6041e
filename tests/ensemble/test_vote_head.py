"""The vote head: what a judge is asked, what is read of its answers, and what becomes of one that says nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from affectrl.emotions.label_set import label_set
from affectrl.ensemble.reading import read_opinions
from affectrl.ensemble.vote_head import hear, question, told_opinions, verdict
from affectrl.judges import Question

GOOD = '{"situation": "He waits in vain.", "confidence": 7, "emotion": "sad, worried", "followed": [1, 3]}'


def test_reading_an_answer() -> None:
    voters = ["one", "two", "three"]
    found = verdict(GOOD, voters)
    assert found.emotions == ("sad", "worried")
    assert found.situation == "He waits in vain."
    assert found.confidence == 7
    assert found.followed == ("one", "three")
    fenced = verdict(f"```json\n{GOOD}\n```", voters)
    assert fenced == found
    assert verdict('{"emotion": "Sadness", "followed": [9, 2, 2]}', voters, label_set("cremad")).emotions == ("sad",)
    assert verdict('{"emotion": "Sadness", "followed": [9, 2, 2]}', voters).followed == ("two",)
    assert verdict('{"emotion": "awe", "confidence": 11}', voters, label_set("cremad")).emotions == ()
    assert verdict("", voters).emotions == ()


def write(folder: Path) -> dict[str, Path]:
    rows = {
        "visual": [("a", "sad", "The mouth corners are down."), ("b", "happy", None), ("c", None, None)],
        "audio": [("a", "angry", "The voice is loud."), ("b", "happy", "A bright voice."), ("c", None, None)],
    }
    files = {}
    for name, given in rows.items():
        files[name] = folder / f"{name}.jsonl"
        files[name].write_text(
            "".join(json.dumps({"id": i, "top": t, "emotions": [t] if t else [], "reasoning": r}) + "\n"
                    for i, t, r in given)
        )  # fmt: skip
    return files


def test_what_a_judge_is_told(tmp_path: Path) -> None:
    files = write(tmp_path)
    found = read_opinions(files)
    said = told_opinions(found.opinions, found.files)
    assert said[0] == {"audio": "The voice is loud. - angry", "visual": "The mouth corners are down. - sad"}
    assert said[1] == {"audio": "A bright voice. - happy", "visual": "happy"}
    assert said[2] == {}
    text = question(said[0], ("sad", "angry")).text
    assert "1. The voice is loud. - angry\n2. The mouth corners are down. - sad\n" in text
    assert "one of sad, angry" in text


class Scribe:
    """A judge of somebody else's: answers from what it reads in the question, and not about smiles."""

    key = None

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def answer(self, questions: list[Question]) -> list[str | None]:
        self.asked += questions
        return [None if "bright" in q.text else GOOD for q in questions]


def test_rows(tmp_path: Path) -> None:
    files = write(tmp_path)
    found = read_opinions(files)
    judge = Scribe()
    one, two, three = hear(found.opinions, found.files, judge, label_set=label_set("cremad"))
    assert len(judge.asked) == 2, "a clip of which nobody said anything is not asked about"
    assert one["top"] == "sad"
    assert one["confidence"] == 0.7
    assert one["situation"] == "He waits in vain."
    assert one["followed"] == ["audio"]
    assert one["votes"] == {"angry": 1, "sad": 1}
    assert one["minority"] == [{"label": "angry", "value": 0.5, "voters": ["audio"]}]
    assert (two["error"]["code"], two["top"]) == ("judge_silent", None)
    assert (three["error"]["code"], three["top"]) == ("vote_silent", None)


def test_unreadable_answers_have_no_label(tmp_path: Path) -> None:
    class Mumbler:
        key = None

        def answer(self, questions: list[Question]) -> list[str | None]:
            return ["{}" for _ in questions]

    found = read_opinions(write(tmp_path))
    row = hear(found.opinions, found.files, Mumbler())[0]
    assert row["error"]["code"] == "answer_unreadable"
    assert row["text"] == "{}"


def test_a_language_model_reads_the_opinions(affectrl_command, tmp_path: Path, tiny_backbone: Path) -> None:
    files = write(tmp_path)
    done = affectrl_command(
        "vote", *(f"{n}={p}" for n, p in files.items()), "--task", "basic", "--judge", "hf",
        "--judge-setting", f"model={tiny_backbone}", "--rule", "majority", "--out", tmp_path / "out", "--json", "-",
    )  # fmt: skip
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "out" / "judge.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    # Weights are random: what it writes is mostly noise, and noise is an error and never a label.
    assert all(row["text"] for row in rows[:2])
    assert all((row["error"] is None) == bool(row.get("top")) if "error" in row else row["top"] for row in rows)
    assert rows[2]["error"]["code"] == "vote_silent"
    whole = json.loads(done.out)
    assert whole["judge"]["answered"] == sum("error" not in row for row in rows)
    assert (tmp_path / "out" / "majority.jsonl").is_file()


JUDGE = """
class Reader:
    key = None

    def answer(self, questions):
        return ['{{"situation": "s", "confidence": {points}, "emotion": "' + q.text.split("1. ")[1].split("\\n")[0]
                .split(" - ")[-1] + '", "followed": [1]}}' for q in questions]


def build(*, policy=None, timeout_s=1.0, mood: str = "calm"):
    return Reader()
"""


def test_the_command(affectrl_command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "my_judges"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "reader.py").write_text(JUDGE.format(points=9).replace("{{", "{").replace("}}", "}"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_judges", raising=False)
    files = write(tmp_path)
    (tmp_path / "ref.csv").write_text("id,label\na,angry\nb,happy\nc,sad\n")
    done = affectrl_command(
        "vote", *(f"{n}={p}" for n, p in files.items()), "--judge", "my_judges.reader", "--judge-setting", "mood=calm",
        "--ref", tmp_path / "ref.csv", "--task", "basic", "--folds", "3", "--resamples", "0",
        "--out", tmp_path / "voted.jsonl", "--json", tmp_path / "v.json",
    )  # fmt: skip
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "voted.jsonl").read_text().splitlines()]
    assert [row["top"] for row in rows] == ["angry", "happy", None]
    assert rows[0]["followed"] == ["audio"]
    whole = json.loads((tmp_path / "v.json").read_text())
    assert whole["judge"]["answered"] == 2
    assert whole["scores"]["rules"]["judge"][""]["value"] == pytest.approx(2 / 3)
    odd = affectrl_command("vote", *(f"{n}={p}" for n, p in files.items()), "--judge", "my_judges.reader",
                           "--judge-setting", "mood")  # fmt: skip
    assert odd.status == 2
    assert "[vote_option]" in odd.err
