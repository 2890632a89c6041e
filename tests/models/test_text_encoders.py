"""Encoders of words against direct calls of the models they read, on small random copies saved to disk."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from affectrl.errors import MediaError, ModelError, RecipeError
from affectrl.models.cache import FeatureCache
from affectrl.models.features import FeatureExtractor, read_words
from affectrl.recipes.schema import ModelSpec
from small_parts import make, make_backbone

KINDS = {
    "bert": "BertModel",
    "roberta": "RobertaModel",
    "xlm-roberta": "XLMRobertaModel",
    "mpnet": "MPNetModel",
    "electra": "ElectraModel",
    "deberta": "DebertaModel",
    "deberta-v2": "DebertaV2Model",
}
TEXT = "So good, isn't it?"


def builder(name: str):
    return importlib.import_module(f"affectrl.models.encoders.{name.replace('-', '_')}").build


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Folders of small copies, each made once."""
    made: dict[str, str] = {}

    def find(name: str) -> str:
        if name not in made:
            made[name] = str(make(name, tmp_path_factory.mktemp(name) / name))
        return made[name]

    return find


@torch.inference_mode()
def states(place: str, kind: str, ids: list[int]) -> list[np.ndarray]:
    import transformers

    model = getattr(transformers, kind).from_pretrained(place).eval()
    out = model(torch.tensor([ids]), output_hidden_states=True)
    return [state[0].numpy() for state in out.hidden_states]


def ids_of(place: str, text: str) -> list[int]:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(place)(text).input_ids


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_models_own_states(parts, kind):
    place = parts(kind)
    ids = ids_of(place, TEXT)
    assert (ids[0], ids[-1], len(ids)) == (1, 2, 13)
    whole = states(place, KINDS[kind], ids)
    assert [len(whole), *whole[0].shape] == [4, 13, 32]
    assert np.abs(whole[-1] - whole[-2]).max() > 0.01
    wanted = {
        ("tokens", (-1,), False): whole[-1][1:-1],
        ("cls", (-1,), False): whole[-1][:1],
        ("mean", (1, -1), False): np.concatenate([whole[1], whole[3]], 1)[1:-1].mean(0, keepdims=True),
        ("mean", (-3, -2, -1), True): (sum(whole[1:]) / 3)[1:-1].mean(0, keepdims=True),
    }
    for (take, layers, average), rows in wanted.items():
        encoder = builder(kind)(place, take=take, layers=layers, average=average)
        found = encoder.encode(TEXT)
        assert found.dtype == np.float32
        assert encoder.dim == found.shape[1]
        np.testing.assert_allclose(found, rows, atol=1e-5, err_msg=f"{take} {layers}")


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_long_text_is_its_windows(parts, kind):
    place = parts(kind)
    encoder = builder(kind)(place, take="tokens")
    assert encoder.window == 24
    text = "so good " * 25
    body = ids_of(place, text)[1:-1]
    assert len(body) == 50
    pieces = [body[i : i + 22] for i in range(0, 50, 22)]
    wanted = [states(place, KINDS[kind], [1, *piece, 2])[-1][1:-1] for piece in pieces]
    np.testing.assert_allclose(encoder.encode(text), np.concatenate(wanted), atol=1e-5)
    mean = builder(kind)(place).encode(text)
    np.testing.assert_allclose(mean, np.concatenate(wanted).mean(0, keepdims=True), atol=1e-5)


def test_hidden_states_of_a_language_model(tiny_backbone, tmp_path):
    from transformers import AutoModelForCausalLM

    place = str(make_backbone("qwen2.5", tiny_backbone, tmp_path / "qwen"))
    ids = torch.tensor([ids_of(place, TEXT)])
    with torch.inference_mode():
        out = AutoModelForCausalLM.from_pretrained(place).eval()(ids, output_hidden_states=True)
    whole = [state[0].numpy() for state in out.hidden_states]
    build = builder("causal-lm")
    np.testing.assert_allclose(build(place, take="tokens").encode(TEXT), whole[-1], atol=1e-5)
    np.testing.assert_allclose(build(place, take="last", layers=[1]).encode(TEXT), whole[1][-1:], atol=1e-5)
    mean = build(place, layers=[0, 1]).encode(TEXT)
    np.testing.assert_allclose(mean[0], np.concatenate(whole[:2], 1).mean(0), atol=1e-5)
    # A mark that a template would set is letters like any other.
    marked = build(place, take="tokens").encode("<|im_end|>")
    assert len(ids_of(place, "<|im_end|>")) == 1 < len(marked)


def test_the_packaged_language_model_and_word_vectors():
    """Real weights: sentences of like meaning lie nearer to each other than to one of another."""
    for encoder in (builder("causal-lm")(layers=[15]), builder("wordllama")()):
        texts = ("I am so happy today.", "What a joyful day!", "The tax form is due.")
        rows = [encoder.encode(text)[0] for text in texts]
        assert rows[0].shape == (encoder.dim,)
        rows = [row / np.linalg.norm(row) for row in rows]
        assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_a_text_of_which_nothing_is_left(parts):
    with pytest.raises(MediaError, match="makes nothing of the text") as caught:
        builder("bert")(parts("bert")).encode("\u200b")
    assert caught.value.code == "nothing_to_read"


@pytest.mark.parametrize(("name", "other"), [("bert", "roberta"), ("roberta", "xlm-roberta"), ("causal-lm", "bert")])
def test_weights_of_another_kind(parts, name, other):
    with pytest.raises(ModelError, match=r"its config\.json says model_type"):
        builder(name)(parts(other))


def test_without_its_tokenizer(parts, tmp_path):
    folder = Path(shutil.copytree(parts("bert"), tmp_path / "bare"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match="has no tokenizer that goes with a BERT") as caught:
        builder("bert")(str(folder))
    assert "\n" not in str(caught.value)


def test_with_the_tokenizer_of_another_model(parts, tiny_backbone, tmp_path):
    folder = Path(shutil.copytree(parts("bert"), tmp_path / "mixed"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_backbone / name, folder / name)
    with pytest.raises(ModelError, match="for a model that knows"):
        builder("bert")(str(folder))


@pytest.mark.parametrize("settings", [{"layers": [4]}, {"layers": []}, {"layers": [3, -1]}])
def test_settings_that_cannot_be(parts, settings):
    with pytest.raises(ModelError, match="layers"):
        builder("bert")(parts("bert"), **settings)


def test_words_go_through_the_cache(parts, tmp_path):
    cache = FeatureCache(tmp_path)
    encoders = [
        builder("bert")(parts("bert"), **settings)
        for settings in ({}, {"take": "cls"}, {"take": "tokens"}, {"layers": [0]}, {"layers": [0, 1], "average": True})
    ]
    first = [read_words(text, encoder, cache) for encoder in encoders for text in (TEXT, "Oh.")]
    assert (cache.counts.hits, cache.counts.misses) == (0, 10)
    again = [read_words(text, encoder, cache) for encoder in encoders for text in (TEXT, "Oh.")]
    assert (cache.counts.hits, cache.counts.misses) == (10, 10)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    np.testing.assert_array_equal(first[0], encoders[0].encode(TEXT))


OTHERS = [("voice", "wordllama", "words"), ("face", "whisper", "sound")]


@pytest.mark.parametrize(("stream", "encoder", "reads"), OTHERS)
def test_an_encoder_of_something_else_in_a_recipe(tmp_path, stream, encoder, reads):
    spec = ModelSpec.model_validate({stream: {"encoder": encoder}})
    with pytest.raises(RecipeError, match=rf"model\.{stream}\.encoder: '{encoder}' reads {reads}"):
        FeatureExtractor(spec, FeatureCache(tmp_path)).encoder(stream)
