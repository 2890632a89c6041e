from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

SENTENCES = {"So good!": "happy", "Go away!": "angry", "I miss her.": "sad"}


@pytest.fixture
def manifest(small_media: Path, tmp_path: Path) -> Path:
    media = ({"video": str(small_media / "film.mp4")}, {"audio": str(small_media / "talk.wav")}, {})
    rows = [
        {"id": f"c{i}", "text": text, "labels": [label], "speaker": f"s{i}"} | media[i]
        for i, (text, label) in enumerate(SENTENCES.items())
    ]
    file = tmp_path / "clips.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_study_from_start_to_end(affectrl_command, tiny_model: Path, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    done = affectrl_command("attribute", tiny_model, "--data", manifest, "-o", out)
    assert done.status == 0, done.err
    files = sorted(file.stem for file in (out / "predictions").iterdir())
    assert files == [
        "audio",
        "audio+text",
        "audio+vision",
        "audio+vision+text",
        "nothing",
        "text",
        "vision",
        "vision+text",
    ]
    (told,) = json.loads((out / "attribution.json").read_text())
    assert told["metric"] == "ew"
    shares = sum(each["value"]["value"] for each in told["by_sense"].values())
    assert shares == pytest.approx(told["gain"]["value"])
    page = (out / "attribution.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "Shapley" in done.out


def test_it_goes_on_where_it_was(
    affectrl_command, tiny_model: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affectrl.attribution import contributions

    out = tmp_path / "study"
    affectrl_command("attribute", tiny_model, "--data", manifest, "-o", out)
    whole = (out / "attribution.json").read_text()
    cut = out / "predictions" / "text.jsonl"
    lines = cut.read_text().splitlines(keepends=True)
    cut.write_text(lines[0] + lines[1][:20])
    asked = []
    real = contributions.answer

    def watched(policy, clips, task, **how):
        asked.append([clip.id for clip in clips])
        return real(policy, clips, task, **how)

    monkeypatch.setattr(contributions, "answer", watched)
    done = affectrl_command("attribute", tiny_model, "--data", manifest, "-o", out)
    assert done.status == 0, done.err
    assert asked == [["c1", "c2"]]
    assert (out / "attribution.json").read_text() == whole


def test_another_models_study_is_not_mixed_in(
    affectrl_command, tiny_model: Path, manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    affectrl_command("attribute", tiny_model, "--data", manifest, "-o", out)
    rows = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(rows[:2]))
    done = affectrl_command("attribute", tiny_model, "--data", manifest, "-o", out)
    assert done.status == 2
    assert "attribution of another data" in done.err
    assert "[attribution_differs]" in done.err
    assert affectrl_command("attribute", tiny_model, "--data", manifest, "-o", out, "--fresh").status == 0
    assert len((out / "predictions" / "text.jsonl").read_text().splitlines()) == 2


def test_a_clip_that_cannot_be_read(affectrl_command, tiny_model: Path, manifest: Path, tmp_path: Path) -> None:
    with manifest.open("a") as file:
        file.write(json.dumps({"id": "gone", "audio": str(tmp_path / "gone.wav"), "labels": ["sad"]}) + "\n")
    done = affectrl_command("attribute", tiny_model, "--data", manifest, "-o", tmp_path / "study")
    assert done.status == 3
    assert "1 clips could not be read" in done.err
    assert "media_missing" in (tmp_path / "study" / "skipped.jsonl").read_text()
    shutil.rmtree(tmp_path / "study")


def test_nothing_to_score(affectrl_command, tiny_model: Path, here: Path) -> None:
    done = affectrl_command("attribute", tiny_model, "--data", here / "bare.jsonl", "-o", here / "study")
    assert done.status == 2
    assert "[no_clips]" in done.err


SAID = [{"id": f"c{n}", "top": "happy", "reasoning": "The words say good."} for n in range(3)]
BROKEN = {
    "not there": ("gone.jsonl", None, "score_file"),
    "no ids": ("p.jsonl", [{"top": "happy", "reasoning": "The voice is loud."}], "score_column"),
    "no objects": ("p.jsonl", [[1], [2]], "score_file_syntax"),
    "no reasoning": ("p.jsonl", [{"id": "c0", "top": "happy"}], "no_clips"),
    "numbers for reasons": ("p.jsonl", [row | {"reasoning": 5} for row in SAID], "no_clips"),
    "other clips": ("p.jsonl", [row | {"id": f"x{row['id']}"} for row in SAID], "no_clips"),
    "half a row": ("half.jsonl", SAID, "score_file_syntax"),
    "utf-16": ("wide.jsonl", SAID, "score_file_syntax"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_predictions_that_cannot_be_grounded(affectrl_command, manifest: Path, here: Path, kind: str) -> None:
    name, rows, code = BROKEN[kind]
    if rows is not None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (here / name).write_bytes(text.encode("utf-16") if name.startswith("wide") else text.encode())
    if name.startswith("half"):
        (here / name).write_bytes((here / name).read_bytes()[:-12])
    done = affectrl_command("attribute", here / name, "--data", manifest, "--study", "grounding", "-o", here / "out")
    assert done.status == 2, done.out
    assert f"[{code}]" in done.err
    assert "Traceback" not in done.err


def test_predictions_of_any_layout_are_grounded(affectrl_command, manifest: Path, here: Path) -> None:
    (here / "p.csv").write_text("id,top,reasoning\nc2,sad,The voice is loud and the words say so.\n")
    done = affectrl_command("attribute", here / "p.csv", "--data", manifest, "--study", "grounding", "-o", here / "out")
    assert done.status == 0, done.err
    assert json.loads((here / "out" / "grounding.json").read_text())["n"] == 1


def test_a_file_for_a_study_that_asks(affectrl_command, manifest: Path, here: Path) -> None:
    (here / "p.jsonl").write_text('{"id": "c0", "top": "sad"}\n')
    done = affectrl_command("attribute", here / "p.jsonl", "--data", manifest, "-o", here / "out")
    assert done.status == 2
    assert "[attribution_file]" in done.err
