from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import affectrl
from affectrl.data.clip import Clip
from affectrl.errors import ModelError, UsageError
from affectrl.inference.model import EmotionModel, check_labels, default_model, load

FIELDS = ("id", "path", "emotions", "top", "confidence", "reasoning", "text", "modalities", "error")


def test_rows_have_the_fields_of_the_docs(model: EmotionModel, small_media: Path) -> None:
    rows = [p.to_dict() for p in model.predict(small_media)]
    assert [row["id"] for row in rows] == ["face", "film", "mute", "talk"]
    for row in rows:
        assert set(FIELDS) <= set(row)
        assert json.loads(json.dumps(row)) == json.loads(json.dumps(row, allow_nan=False))
        assert row["path"] == str(small_media / Path(row["path"]).name)
        if row["error"] is None:
            assert row["top"] == row["emotions"][0]
            assert 0 <= row["confidence"] <= 1


def test_modalities_are_what_was_used(model: EmotionModel, small_media: Path) -> None:
    rows = {p.id: p for p in model.predict(small_media)}
    used = {name: row.modalities for name, row in rows.items()}
    assert used == {"face": ("image",), "film": ("video", "audio"), "mute": ("video",), "talk": ("audio",)}
    assert "video_without_sound" in {note.code for note in rows["mute"].notes}
    assert "no_face" in {note.code for note in rows["face"].notes}


def test_a_single_input_needs_no_list(model: EmotionModel, small_media: Path) -> None:
    (row,) = model.predict(str(small_media / "talk.wav"), text="So good!")
    assert row.modalities == ("audio", "text")
    (row,) = model.predict(Clip(id="own", text="So good!"))
    assert (row.id, row.path, row.modalities) == ("own", None, ("text",))


def test_labels_make_a_choice(model: EmotionModel, small_media: Path) -> None:
    rows = model.predict(small_media, labels=["Happy", " sad ", "very  angry"])
    for row in rows:
        assert row.error is None
        assert sorted(row.scores) == sorted(row.emotions) == ["happy", "sad", "very angry"]
        assert sum(row.scores.values()) == pytest.approx(1, abs=1e-5)
        assert row.confidence == row.scores[row.top] == max(row.scores.values())


def test_broken_files_are_rows_and_the_rest_goes_on(model: EmotionModel, small_media: Path, tmp_path: Path) -> None:
    (tmp_path / "none.wav").touch()
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "half.mp4").write_bytes((small_media / "film.mp4").read_bytes()[:700])
    (tmp_path / "folder.wav").mkdir()
    inputs = [tmp_path / n for n in ("none.wav", "text.mp4", "gone.png", "half.mp4")] + [small_media / "talk.wav"]
    inputs.append(Clip(id="folder", audio=tmp_path / "folder.wav"))
    rows = model.predict(inputs, batch_size=2, labels=["happy", "sad"])
    codes = [row.error["code"] if row.error else None for row in rows]
    assert codes == ["media_empty", "media_corrupt", "media_missing", "media_corrupt", None, "media_directory"]
    for row in (rows[0], rows[1], rows[2], rows[3]):
        assert row.path in row.error["message"]
        assert (row.emotions, row.top, row.confidence) == ((), None, None)


def test_batch_size_changes_no_answer(model: EmotionModel, small_media: Path) -> None:
    one, four = (model.predict(small_media, labels=["happy", "sad"], batch_size=n) for n in (1, 4))
    assert [p.top for p in one] == [p.top for p in four]
    assert [p.confidence for p in one] == pytest.approx([p.confidence for p in four], abs=1e-4)


def test_no_input_is_refused(model: EmotionModel) -> None:
    with pytest.raises(UsageError):
        model.predict()


NO_CHOICE = [[], ["happy"], ["happy", "Happy"], ["happy", " "], ["a", "b", " A"], ["a", "b/c"], ["a", "b and c"]]


@pytest.mark.parametrize("labels", NO_CHOICE)
def test_no_choice_is_refused(labels: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        check_labels(labels)
    assert caught.value.code == "labels_invalid"


def test_labels_are_trimmed() -> None:
    assert check_labels([" Happy", "very   SAD", ""]) == ("happy", "very sad")


def test_the_package_is_the_front_door(tiny_model: Path) -> None:
    assert affectrl.load is load
    assert isinstance(affectrl.load(tiny_model), affectrl.EmotionModel)


def finished(folder: Path, name: str, age_s: float) -> Path:
    card = folder / "runs" / name / "model" / "affectrl.json"
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    os.utime(card, (1e9 - age_s, 1e9 - age_s))
    return card.parents[1]


def test_the_default_is_named_or_the_newest_run_or_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFFECTRL_MODEL", raising=False)
    assert default_model() == Path("affectrl-nano")
    with monkeypatch.context() as without:
        without.setattr("affectrl.models.weights.OWN", {})
        with pytest.raises(ModelError, match="--model") as caught:
            default_model()
    assert caught.value.code == "model_missing"
    newest = finished(tmp_path, "b-new", 1)
    finished(tmp_path, "c-old", 100)
    (tmp_path / "runs" / "d-unfinished").mkdir()
    assert default_model().resolve() == newest
    monkeypatch.setenv("AFFECTRL_MODEL", "elsewhere")
    assert default_model() == Path("elsewhere")
