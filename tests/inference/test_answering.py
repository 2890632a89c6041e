from __future__ import annotations

import pytest
import torch

from affectrl.data.clip import Clip
from affectrl.inference.answering import answer, choose
from affectrl.inference.model import EmotionModel
from affectrl.models.decoding import generate
from affectrl.models.features import ClipFeatures
from affectrl.models.task import Task

LABELS = ("happy", "sad", "pleasantly surprised", "neutral")


@pytest.fixture(scope="module")
def clips(model: EmotionModel, small_media) -> list[ClipFeatures]:
    """Words alone of two lengths, sound alone, and all three: prefixes of four lengths."""
    made = [
        Clip(id="words", text="So good!"),
        Clip(id="more", text="It is noon, and nobody came to see the play."),
        Clip(id="sound", audio=small_media / "talk.wav"),
        Clip(id="all", video=small_media / "film.mp4", text="I miss her."),
    ]
    return [features for clip in made for features in model.extractor.extract(clip)]


def tokens_of_top(model: EmotionModel, ids: list[int], top: str) -> list[int]:
    """Places of the tokens that hold ``top``, by adding up the tokens' own letters."""
    pieces = [model.policy.tokenizer.decode([i], skip_special_tokens=True) for i in ids]
    ends = torch.tensor([len(piece) for piece in pieces]).cumsum(0).tolist()
    start = "".join(pieces).lower().index(top)
    return [i for i, end in enumerate(ends) if end > start and end - len(pieces[i]) < start + len(top) and pieces[i]]


def test_it_says_what_it_was_taught(model: EmotionModel, taught: dict[str, str]) -> None:
    clips = [ClipFeatures(Clip(id=text, text=text), {}, text) for text in taught]
    right = [p.top == taught[p.id].split(",")[0] for p in answer(model.policy, clips, model.task, max_new_tokens=8)]
    assert sum(right) >= 3


def test_confidence_is_the_top_labels_own_probability(model: EmotionModel, clips, plain) -> None:
    rows = answer(model.policy, clips, model.task, max_new_tokens=8)
    checked = 0
    for clip, row in zip(clips, rows, strict=True):
        if row.error:
            continue
        prefix = model.policy.prefix([clip], model.task.question, model.task.opening)
        done = generate(model.policy, prefix, max_new_tokens=8, temperature=0.0)
        ids = done.ids[0][done.keep[0]].tolist()
        at = tokens_of_top(model, ids, row.top)
        assert row.confidence == pytest.approx(float(plain(clip, model.task, ids)[at].sum().exp()), rel=1e-3)
        checked += 1
    assert checked >= 2


def test_an_answer_is_greedy(model: EmotionModel, clips) -> None:
    once, again = (answer(model.policy, clips, model.task, max_new_tokens=8) for _ in range(2))
    assert [p.text for p in once] == [p.text for p in again]


def test_batching_changes_nothing(model: EmotionModel, clips) -> None:
    together = choose(model.policy, clips, Task("answer-only", LABELS))
    alone = [choose(model.policy, [clip], Task("answer-only", LABELS))[0] for clip in clips]
    for a, b in zip(together, alone, strict=True):
        assert a.scores == pytest.approx(b.scores, abs=1e-4)


def test_a_choice_is_scored_exactly(model: EmotionModel, clips, plain) -> None:
    task = Task("answer-only", LABELS)
    for clip, row in zip(clips, choose(model.policy, clips, task), strict=True):
        sums = [plain(clip, task, [*model.policy.tokens(x).tolist(), model.policy.eos_id]).sum() for x in LABELS]
        expected = dict(zip(LABELS, torch.stack(sums).softmax(0).tolist(), strict=True))
        assert row.scores == pytest.approx(expected, abs=1e-4)
        assert sum(row.scores.values()) == pytest.approx(1.0, abs=1e-5)
        assert row.top == row.emotions[0] == row.text == max(expected, key=expected.__getitem__)
        assert row.confidence == max(row.scores.values())
        assert [row.scores[label] for label in row.emotions] == sorted(row.scores.values(), reverse=True)


def test_a_choice_after_reasoning_is_scored_exactly(model: EmotionModel, clips, plain) -> None:
    task = Task("think-answer", LABELS)
    for clip, row in zip(clips, choose(model.policy, clips, task, max_new_tokens=6), strict=True):
        assert row.text.startswith("<think>")
        said = row.text.removeprefix("<think>").removesuffix(f"{row.top}</answer>")
        assert said.endswith("</think><answer>")
        ids = [[*model.policy.tokens(f"{said}{x}</answer>").tolist(), model.policy.eos_id] for x in LABELS]
        # Every whole turn begins with the same tokens, so those cancel.
        sums = torch.stack([plain(clip, task, row_ids).sum() for row_ids in ids])
        expected = dict(zip(LABELS, sums.softmax(0).tolist(), strict=True))
        assert row.scores == pytest.approx(expected, abs=1e-3)


def test_a_cut_answer_says_so(model: EmotionModel, clips) -> None:
    rows = answer(model.policy, clips, Task("think-answer"), max_new_tokens=1)
    codes = {row.error["code"] for row in rows}
    assert "answer_truncated" in codes
    assert codes <= {"answer_truncated", "answer_unreadable"}  # the end token may be the first to come
    assert all(row.top is None and row.confidence is None and row.text.startswith("<think>") for row in rows)


def test_with_labels_first_a_choice_is_scored_to_its_closing_and_then_explained(model, clips, plain) -> None:
    task = Task("answer-why", LABELS)
    rows = choose(model.policy, clips, task, max_new_tokens=6)
    for clip, row in zip(clips, rows, strict=True):
        totals = []
        for label in LABELS:
            ids = model.policy.tokens(f"{label}</answer>").tolist()  # more may follow: no end token
            totals.append(float(plain(clip, task, ids).sum()))
        expected = torch.tensor(totals).softmax(0).tolist()
        assert [row.scores[label] for label in LABELS] == pytest.approx(expected, rel=1e-3)
        opening = f"<answer>{row.top}</answer><think>"
        prefix = model.policy.prefix([clip], task.question, opening)
        done = generate(model.policy, prefix, max_new_tokens=6, temperature=0.0)
        assert row.text == done.texts(model.policy, opening)[0]
        assert row.text.startswith(opening)


def test_a_model_that_says_its_labels_first_takes_its_own_choice(model) -> None:
    own = EmotionModel(model.policy, Task("answer-why", LABELS), model.extractor)
    (row,) = own.predict(Clip(id="words", text="So good!"))
    assert set(row.scores) == set(LABELS)
    (other,) = own.predict(Clip(id="words", text="So good!"), labels=["sad", "happy"])
    assert set(other.scores) == {"sad", "happy"}
    (free,) = EmotionModel(model.policy, Task("answer-why"), model.extractor).predict(Clip(id="w", text="So good!"))
    assert not free.scores


def test_a_choice_among_a_models_own_labels_is_asked_as_it_was_trained():
    task = Task("answer-only", ("neutral", "happy", "sad"))
    fewer = task.among(["sad", "neutral"])
    assert (fewer.labels, fewer.question) == (("sad", "neutral"), task.question)
    assert fewer.among(["happy", "sad"]).question == task.question
    assert task.among(["neutral", "happy", "sad"]) == task
    assert fewer.among(["neutral", "happy", "sad"]) == task
    other = task.among(["happy", "proud"])
    assert other == Task("answer-only", ("happy", "proud"))
    assert other.question != task.question
    assert Task("answer-only").among(["happy", "sad"]) == Task("answer-only", ("happy", "sad"))


def test_probabilities_among_fewer_labels_are_those_of_all_of_them(model, make_features):
    clips = [make_features(0, text="So good!"), make_features(1, voice=0, face=0, text="Go away!")]
    task = Task("answer-only", ("neutral", "happy", "sad", "angry"))
    some = ("angry", "happy")
    whole = choose(model.policy, clips, task)
    for all_of_them, among in zip(whole, choose(model.policy, clips, task.among(some)), strict=True):
        kept = sum(all_of_them.scores[label] for label in some)
        for label in some:
            assert among.scores[label] == pytest.approx(all_of_them.scores[label] / kept, rel=1e-3)
