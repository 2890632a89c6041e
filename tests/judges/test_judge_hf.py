"""A language model from a folder as judge: batches give what each question gives alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from affectrl.errors import ModelError, RecipeError
from affectrl.judges import Asking, Failure, Question, make
from affectrl.judges.hf import build
from affectrl.models import backbone
from affectrl.recipes.learning import JudgeSpec

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures

QUESTIONS = [Question("Is a smile glad?", None, None, 5), Question("No. " * 20), Question("Why?", None, None, 5)]


def alone(folder: Path, question: Question) -> str:
    """Greedy decoding, token by token, without a cache."""
    loaded = backbone.load(str(folder))
    text = f"{loaded.turn_start}{question.text}{loaded.turn_end}"
    ids = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    start = ids.shape[1]
    with torch.no_grad():
        for _ in range(question.max_new_tokens):
            ids = torch.cat([ids, loaded.model(ids).logits[:, -1:].argmax(-1)], 1)
            if ids[0, -1] == loaded.tokenizer.eos_token_id:
                break
    return loaded.tokenizer.decode(ids[0, start:], skip_special_tokens=True)


def test_batches_answer_as_each_alone(tiny_backbone: Path) -> None:
    expected = [alone(tiny_backbone, question) for question in QUESTIONS]
    for size in (1, 2, 16):
        assert build(model=str(tiny_backbone), batch_size=size).answer(QUESTIONS) == expected


def test_through_the_recipe_and_the_cache(tiny_backbone: Path, tmp_path: Path) -> None:
    asking = make(JudgeSpec(kind="hf", settings={"model": str(tiny_backbone)}), None, folder=tmp_path)
    first = asking.answer(QUESTIONS)
    assert asking.answer(QUESTIONS) == first
    assert (asking.counts.asked, asking.counts.cached) == (3, 3)
    assert isinstance(asking, Asking)


def test_it_reads_the_words_of_a_clip_and_sees_nothing(
    tiny_backbone: Path, make_features: Callable[..., ClipFeatures], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(b"a picture")
    judge = build(model=str(tiny_backbone))
    words = make_features(1, text="So good!", reasoning="Her secret.", labels=("happy",))
    silent = make_features(2).clip.model_copy(update={"text": None, "image": tmp_path / "a.png"})
    replies = judge.answer([Question("Glad?", words), Question("Glad?", _with(make_features(2), silent))])
    assert replies[0] == alone(tiny_backbone, Question('In the clip somebody says: "So good!"\n\nGlad?'))
    assert replies[1] == Failure("clip cannot be seen")


def _with(features, clip):
    from dataclasses import replace

    return replace(features, clip=clip)


def test_time(tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(model=str(tiny_backbone), timeout_s=0.0).answer(QUESTIONS) == [Failure("time-out")] * 3
    late = build(model=str(tiny_backbone), timeout_s=0.1)
    questions = [Question("Go on.", None, None, 450), QUESTIONS[0]]
    assert late.answer(questions)[0] == Failure("time-out"), "cut in the middle of a text is no answer"


@pytest.mark.parametrize(
    ("settings", "error"), [({"device": "abacus"}, RecipeError), ({"model": "nowhere"}, ModelError)]
)
def test_what_cannot_be_loaded(settings: dict, error: type[Exception], tiny_backbone: Path) -> None:
    with pytest.raises(error):
        make(JudgeSpec(kind="hf", settings={"model": str(tiny_backbone)} | settings), None)
