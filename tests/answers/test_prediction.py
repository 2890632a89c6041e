from __future__ import annotations

import json

from affectrl.answers.prediction import Prediction, failed
from affectrl.errors import MediaError, Note


def test_a_row_is_json_and_says_what_was_found():
    note = Note("no_face", "no face was found.")
    row = Prediction(
        "c1", "a.mp4", ("happy",), "happy", 0.75, None, "happy", ("voice",), notes=(note,), scores={"happy": 0.75}
    ).to_dict()
    back = json.loads(json.dumps(row))
    assert back["emotions"] == ["happy"]
    assert back["notes"] == [{"code": "no_face", "message": "no face was found."}]
    assert back["scores"] == {"happy": 0.75}
    assert back["error"] is None


def test_empty_notes_and_scores_are_left_out():
    assert not {"notes", "scores"} & set(Prediction("c1", None).to_dict())


def test_a_failure_is_a_row_with_code_and_message():
    row = failed("c1", "a.mp4", MediaError("is empty.", code="media_empty", path="a.mp4")).to_dict()
    assert row["error"] == {"code": "media_empty", "message": "a.mp4: is empty."}
    assert row["top"] is None
    assert row["confidence"] is None
