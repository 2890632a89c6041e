from __future__ import annotations

import json

import pytest
from huggingface_hub import ModelCard

from affectrl import jsonl
from affectrl.errors import DataError, ModelError
from affectrl.sharing.card import write_card


def test_its_head_is_one_that_the_hub_reads(run):
    card = ModelCard(write_card(run))
    assert card.data.library_name == "affectrl"
    assert {"affectrl", "emotion-recognition", "peft"} <= set(card.data.tags)
    assert card.data.base_model is None, "a folder of this machine is no model of the hub"


def closed(run):
    """The run's model, asked among three labels."""
    file = run / "model" / "affectrl.json"
    card = json.loads(file.read_text())
    card["task"]["labels"] = ["happy", "sad", "angry"]
    file.write_text(json.dumps(card))
    return run


def test_scores_have_intervals_and_are_of_the_last_evaluation(run):
    assert "| EW F |" in write_card(run), "an open vocabulary is scored by the wheel"
    closed(run)
    rows = jsonl.read_rows(run / "eval" / "final.jsonl")
    right = sum(row["top"] == row["labels"][0] for row in rows) / len(rows)
    card = write_card(run)
    line = next(line for line in card.splitlines() if line.startswith("| WAR"))
    _, _, value, interval, _ = (cell.strip() for cell in line.split("|"))
    low, high = map(float, interval.split(" to "))
    assert float(value) == pytest.approx(right, abs=5e-4)
    assert low < right < high
    assert "12 whole speakers" in card


def test_speakers_are_told_apart_and_not_named(run):
    card = write_card(closed(run))
    assert "| 1 of 12 | 5 | 0.000 |" in card
    assert "ann" not in card.split()
    rows = [row | {"speaker": None} for row in jsonl.read_rows(run / "eval" / "final.jsonl")]
    jsonl.write_rows(run / "eval" / "final.jsonl", rows)
    assert "Speakers are not known" in write_card(run)


def test_it_says_what_the_run_knows(run):
    card = write_card(run)
    for said in (
        "`abc123`",
        "| 77 |",
        "1,234 in the adapter",
        "Synthetic clips",
        "Seed 5; 1,234 s on cpu",
        "Article 5(1)(f)",
        "biometric",
        "perceive",
        "encoder of voice `whisper-tiny.en`: MIT",
        "CC BY-NC-SA 4.0",
        'affectrl.load("try-one")',
    ):
        assert said in card, said


def test_no_path_of_this_machine_is_told(run, tmp_path):
    card = write_card(run)
    assert str(tmp_path) not in card
    assert "private" not in card
    assert "| eval | clips | 60 |" in card


def test_unlabelled_sets_and_unfinished_runs_are_called_so(run):
    rows = [row | {"labels": []} for row in jsonl.read_rows(run / "eval" / "final.jsonl")]
    jsonl.write_rows(run / "eval" / "final@elsewhere.jsonl", rows)
    manifest = json.loads((run / "manifest.json").read_text()) | {"status": "interrupted"}
    (run / "manifest.json").write_text(json.dumps(manifest))
    card = write_card(run)
    assert "Set `elsewhere`: 60 clips without reference labels" in card
    assert "status is `interrupted`" in card


def test_a_model_without_its_run_says_that_nothing_is_recorded(tiny_model):
    card = write_card(tiny_model)
    assert "No evaluation came with this model" in card
    assert "how it was trained is not recorded" in card


def test_what_is_no_run_or_a_damaged_one(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError) as caught:
        write_card(tmp_path / "empty")
    assert caught.value.code == "model_missing"
    (run / "manifest.json").write_text("{")
    with pytest.raises(DataError) as damaged:
        write_card(run)
    assert damaged.value.code == "run_damaged"


def test_a_run_that_began_from_a_model_says_so(run):
    file = run / "recipe.yaml"
    file.write_text(file.read_text().replace("start: null", "start: /data/runs/first/cold-start"))
    card = write_card(run)
    assert "Began from the model `first/cold-start`" in card
    assert "/data" not in card
