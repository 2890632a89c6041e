"""Labels of a set in the words of a model's choice, so that the same emotion under another name is no mistake."""

from __future__ import annotations

import json
from pathlib import Path

from affectrl import jsonl
from affectrl.attribution.kept import in_words_of
from affectrl.data.clip import Clip

NANO = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise", "bored")


def clips(*labels: str) -> list[Clip]:
    return [Clip(id=f"{n}", text="Well.", labels=(label,)) for n, label in enumerate(labels)]


def words(*labels: str, choice: tuple[str, ...] | None = NANO) -> list[str]:
    return [clip.labels[0] for clip in in_words_of(clips(*labels), choice)]


def test_other_forms_are_the_same_emotion() -> None:
    assert words("fearful", "Surprised", "disgusted", "calm") == ["fear", "surprise", "disgust", "calm"]
    assert words("anger", "boredom", "Happiness") == ["angry", "bored", "happy"]


def test_what_the_choice_has_not_stays() -> None:
    assert words("neutral", "calm", choice=("neutral", "happy")) == ["neutral", "calm"]
    assert words("fear", "fearful", choice=("fear", "sad")) == ["fear", "fearful"], "two labels of one set stay two"
    assert words("xyzzy") == ["xyzzy"]
    assert words("fearful", choice=None) == ["fearful"]


def test_a_study_scores_them(affectrl_command, tiny_spec, tmp_path: Path) -> None:
    """A model whose choice is ``fear`` and ``sad``, and a set that calls them ``fearful`` and ``sadness``."""
    import torch

    from affectrl.models import checkpoint
    from affectrl.models.features import FeatureExtractor
    from affectrl.models.policy import FusedPolicy
    from affectrl.models.task import Task

    with torch.random.fork_rng():
        torch.manual_seed(0)
        policy = FusedPolicy(tiny_spec, FeatureExtractor(tiny_spec))
    checkpoint.save(policy, Task("answer-only", ("fear", "sad")), tmp_path / "model")
    rows = [
        {"id": f"c{n}", "text": f"Well {n}.", "labels": [("fearful", "sadness")[n % 2]], "speaker": "ann"}
        for n in range(4)
    ]
    (tmp_path / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "study"
    done = affectrl_command("attribute", tmp_path / "model", "--data", tmp_path / "clips.jsonl", "-o", out)
    assert done.status == 0, done.err
    kept = jsonl.read_rows(out / "predictions" / "nothing.jsonl")
    assert [row["labels"] for row in kept] == [["fear"], ["sad"], ["fear"], ["sad"]]
    assert [row["top"] for row in kept] == ["fear"] * 4, "the constant answer is a word that the model knows"
