"""The model that comes with the package, as people use it: no network, every kind of file, and honest about itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import affectrl
from affectrl.emotions import label_set
from affectrl.models import weights
from affectrl.nano.ship import LIMIT_BYTES, size_of

LABELS = set(label_set("nano").labels)


@pytest.fixture(scope="module")
def nano():
    return affectrl.load("affectrl-nano")


def test_it_is_small_and_its_card_says_what_it_must_not_be_used_for():
    model, face = weights.own("affectrl-nano"), weights.own("affectrl-nano-face")
    assert size_of(model, face) <= LIMIT_BYTES
    card = (model / "README.md").read_text("utf-8")
    for told in ("Not for decisions about people", "CC BY-NC-SA 4.0", "GPL-3.0", "Where it fails", "| ravdess |"):
        assert told in card
    assert not [file for file in (*model.rglob("*"), *face.rglob("*")) if file.suffix in (".pt", ".bin", ".pkl")]


def test_it_reads_sound_film_picture_and_words(nano, small_media: Path):
    rows = nano.predict([small_media / name for name in ("talk.wav", "film.mp4", "face.png")])
    rows += nano.predict(text="I can't believe it, this is wonderful!")
    for row in rows:
        assert row.error is None, row
        assert set(row.scores) == LABELS
        assert sum(row.scores.values()) == pytest.approx(1.0, abs=1e-4)
        assert row.top == row.emotions[0]
        assert row.reasoning
        assert row.calibration
    assert [row.modalities[0] for row in rows] == ["audio", "video", "image", "text"]


def test_words_matter_to_it(nano):
    glad, cross = (nano.predict(text=said)[0].scores for said in ("Yay! I love it! So happy!", "Get out! I hate you!"))
    assert glad["happy"] > cross["happy"]
    assert cross["angry"] > glad["angry"]


def test_predict_takes_it_where_nothing_else_is_named(affectrl_command, small_media, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFFECTRL_MODEL", raising=False)
    done = affectrl_command("predict", small_media / "talk.wav")
    (row,) = [json.loads(line) for line in done.out.splitlines()]
    assert (done.status, row["error"], set(row["scores"])) == (0, None, LABELS)
