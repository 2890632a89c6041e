from __future__ import annotations

import random
from itertools import permutations

import numpy as np
import pytest

from affectrl.answers.prediction import Prediction
from affectrl.attribution.contributions import answers_of, constant, contributions, heard, room
from affectrl.data.clip import Clip
from affectrl.errors import UsageError
from affectrl.evaluation.evaluate import row, summary
from affectrl.inference.answering import MAX_NEW_TOKENS
from affectrl.inference.model import EmotionModel, load
from affectrl.metrics.shapley import coalitions
from affectrl.models.features import ClipFeatures
from affectrl.models.task import Task

LABELS = ("happy", "sad", "angry", "neutral")
SENSES = ("audio", "vision", "text")


def rows_of(truth: list[str], said: list[str | None], speakers: list[str] | None = None) -> list[dict]:
    out = []
    for i, (true, top) in enumerate(zip(truth, said, strict=True)):
        clip = Clip(id=f"c{i}", text="x", labels=(true,), speaker=speakers[i] if speakers else None)
        out.append(row(Prediction(id=f"c{i}", path=None, emotions=(top,) if top else (), top=top), clip))
    return out


@pytest.fixture
def games() -> dict[frozenset[str], list[dict]]:
    """Answers that are the better the more senses there are; sound is worth most."""
    draw = random.Random(0)
    truth = [draw.choice(LABELS) for _ in range(120)]
    worth = {"audio": 0.4, "vision": 0.2, "text": 0.05}
    speakers = [f"s{i % 12}" for i in range(120)]
    games = {}
    for kept in coalitions(SENSES):
        chance = sum(worth[s] for s in kept)
        said = [t if draw.random() < chance else draw.choice(LABELS) for t in truth] if kept else ["sad"] * 120
        games[kept] = rows_of(truth, said, speakers)
    return games


@pytest.mark.parametrize("metric", ["war", "uar"])
def test_shares_sum_to_the_gain_over_the_constant_answer(games, metric: str) -> None:
    told = contributions(games, metric)
    plain = {kept: summary(rows)[metric] for kept, rows in games.items()}
    assert {kept: e.value for kept, e in told.worth.items()} == pytest.approx(plain)
    gain = plain[frozenset(SENSES)] - plain[frozenset()]
    assert told.gain.value == pytest.approx(gain)
    assert sum(each.value.value for each in told.by_sense.values()) == pytest.approx(gain)
    orders = list(permutations(SENSES))
    for sense, each in told.by_sense.items():
        steps = [(frozenset(o[: o.index(sense)]), frozenset(o[: o.index(sense) + 1])) for o in orders]
        assert each.value.value == pytest.approx(np.mean([plain[b] - plain[a] for a, b in steps]))
        assert each.alone.value == pytest.approx(plain[frozenset({sense})] - plain[frozenset()])
        assert each.last.value == pytest.approx(plain[frozenset(SENSES)] - plain[frozenset(SENSES) - {sense}])
    if metric == "uar":
        assert plain[frozenset()] == pytest.approx(1 / 4)


def test_intervals_draw_speakers_and_hold_the_value(games) -> None:
    told = contributions(games, "war")
    assert told.gain.groups == 12
    assert list(told.by_sense) == list(SENSES)
    for each in told.by_sense.values():
        assert each.value.low < each.value.value < each.value.high
    audio, text = told.by_sense["audio"].value, told.by_sense["text"].value
    assert audio.low > text.high


def test_use_is_how_often_an_answer_changes(games) -> None:
    told = contributions(games, "war")
    full = [r["top"] for r in games[frozenset(SENSES)]]
    mute = [r["top"] for r in games[frozenset({"vision", "text"})]]
    changed = np.mean([a != b for a, b in zip(full, mute, strict=True)])
    assert told.by_sense["audio"].used.value == pytest.approx(changed)


def test_clips_that_a_coalition_lacks_are_left_out(games) -> None:
    some = dict(games)
    some[frozenset({"text"})] = games[frozenset({"text"})][10:]
    assert contributions(some, "war").n == 110


def test_all_coalitions_are_needed(games) -> None:
    del games[frozenset({"text"})]
    with pytest.raises(UsageError, match="were not played"):
        contributions(games, "war")


def test_the_constant_answer() -> None:
    clips = [Clip(id=str(i), text="x", labels=(label,)) for i, label in enumerate(["b", "a", "B", "a"])]
    assert constant(clips, open_vocabulary=False) == ("a",)
    assert len(constant(clips, open_vocabulary=True)) == 6


def test_a_model_is_not_asked_about_nothing(tiny_model, make_features, monkeypatch: pytest.MonkeyPatch) -> None:
    from affectrl.attribution import contributions as module

    model: EmotionModel = load(tiny_model)
    clips: list[ClipFeatures] = [make_features(0, text="So good!"), make_features(1, voice=0, face=0, text="Go away!")]
    assert heard(clips) == SENSES
    asked: list[tuple[str, ...]] = []
    real = module.answer

    def watched(policy, some, task, **how):
        asked.extend(clip.modalities for clip in some)
        return real(policy, some, task, **how)

    monkeypatch.setattr(module, "answer", watched)
    rows = answers_of(model.policy, clips, model.task, frozenset({"audio"}), ("sad",), max_new_tokens=4)
    assert asked == [("voice",)]
    assert (rows[1]["top"], rows[1]["modalities"], rows[1]["labels"]) == ("sad", (), ["happy"])


def test_reasons_that_no_score_reads_are_not_written(policy, make_features) -> None:
    closed = Task("answer-why", ("happy", "sad", "surprise"))
    most = room(policy, closed)
    assert most < MAX_NEW_TOKENS / 2
    longest = policy.tokens("happy, sad, surprise</answer><think>")
    assert most == len(longest)
    assert room(policy, Task("answer-why")) == MAX_NEW_TOKENS, "open lists may be long"
    assert room(policy, Task("think-answer", ("happy", "sad"))) == MAX_NEW_TOKENS, "labels come last"
    clips = [make_features(n, text=f"Well {n}.") for n in range(3)]
    kept = frozenset(SENSES)
    short = answers_of(policy, clips, closed, kept, ("happy",), max_new_tokens=most)
    whole = answers_of(policy, clips, closed, kept, ("happy",))
    for a, b in zip(short, whole, strict=True):
        assert b["text"].startswith(a["text"].rstrip("\N{REPLACEMENT CHARACTER}"))


def test_reasons_that_are_wanted_are_written_behind_the_labels(policy, make_features) -> None:
    labels = ("happy", "sad", "surprise")
    clips = [make_features(n, text=f"Well {n}.") for n in range(3)]
    kept = frozenset({"audio"})
    for said in answers_of(policy, clips, Task("answer-why", labels), kept, ("happy",), reasons=True):
        assert said["top"] in labels
        assert f"{said['top']}</answer><think>" in said["text"]
        assert said["reasoning"] is not None or said["text"].endswith("<think>")
    other = Task("think-answer", labels)
    assert answers_of(policy, clips, other, kept, ("happy",), reasons=True) == answers_of(
        policy, clips, other, kept, ("happy",)
    )
