from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from affectrl import shelves
from affectrl.baselines.features import feature, published, rows
from affectrl.data.clip import Clip
from affectrl.errors import RecipeError, UsageError
from affectrl.models.cache import FeatureCache
from affectrl.models.encoders import wordllama
from affectrl.models.features import FeatureExtractor
from affectrl.recipes.schema import ModelSpec

TRACK1 = [
    "bloom-7b1",
    "chinese-macbert-large",
    "chinese-wav2vec2-large",
    "videomae-base",
    "chinese-hubert-base",
    "chinese-roberta-wwm-ext-large",
    "clip-vit-base-patch32",
    "videomae-large",
    "chinese-hubert-large",
    "chinese-roberta-wwm-ext",
    "clip-vit-large-patch14",
    "wavlm-base",
    "chinese-macbert-base",
    "chinese-wav2vec2-base",
    "dinov2-large",
    "whisper-large-v2",
]
"""Of run-unimodal.sh, without the four whose models transformers lacks."""


def test_the_published_names_lead_to_encoders_that_know_their_settings() -> None:
    assert sorted(published()) == sorted(TRACK1)
    for one in published().values():
        build = shelves.load("affectrl.models.encoders", one.encoder).build
        assert set(one.settings) <= set(inspect.signature(build).parameters), one.name
        assert one.settings["weights_name"].count("/") == 1


@pytest.mark.parametrize(
    ("text", "name", "stream", "encoder", "settings"),
    [
        ("voice=whisper", "voice-whisper", "voice", "whisper", {}),
        ("frame=clip-vit:a/b", "frame-clip-vit-b", "frame", "clip-vit", {"weights_name": "a/b"}),
        (" words=bert:here/mine/ ", "words-bert-mine", "words", "bert", {"weights_name": "here/mine/"}),
    ],
)
def test_as_people_write_them(text: str, name: str, stream: str, encoder: str, settings: dict) -> None:
    found = feature(text)
    assert (found.name, found.stream, found.encoder, found.settings) == (name, stream, encoder, settings)


def test_a_published_name_with_its_ending() -> None:
    assert feature("wavlm-base-UTT") == feature("wavlm-base") == published()["wavlm-base"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("wavlm-bas", "Did you mean 'wavlm-base'"), ("voise=whisper", "Did you mean 'voice'"), ("voice=", "names no enc")],
)
def test_names_that_lead_nowhere(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        feature(text)
    assert caught.value.code == "baseline_feature"


def test_a_row_is_the_mean_over_time(small_media: Path, tmp_path: Path) -> None:
    clips = [
        Clip(id="film", video=small_media / "film.mp4", text="So good!"),
        Clip(id="mute", video=small_media / "mute.mp4"),
        Clip(id="talk", audio=small_media / "talk.wav", text="No."),
    ]
    store = FeatureCache(tmp_path)
    voice = rows(feature("voice=whisper"), clips, store, lambda _: None)
    spec = ModelSpec.model_validate({"face": None, "words": False})
    streams = FeatureExtractor(spec, FeatureCache(tmp_path / "other")).extract(clips[0])[0].streams
    np.testing.assert_allclose(voice.values[0], streams["voice"].float().mean(0).numpy())
    assert [error and error.code for error in voice.errors] == [None, "nothing_to_read", None]
    assert np.isnan(voice.values[1]).all()
    assert not np.isnan(voice.values[[0, 2]]).any()
    words = rows(feature("words=wordllama"), clips, store, lambda _: None)
    np.testing.assert_allclose(words.values[2], wordllama.build().encode("No.")[0])
    assert [error and error.code for error in words.errors] == [None, "nothing_to_read", None]
    face = rows(feature("face=face-hog"), clips, store, lambda _: None)
    assert [error is None for error in face.errors] == [True, True, False]
    misses = store.counts.misses
    again = rows(feature("face=face-hog"), clips, store, lambda _: None)
    np.testing.assert_array_equal(again.values, face.values)
    assert store.counts.misses == misses


@pytest.mark.parametrize("text", ["words=whisper", "voice=wordllama", "face=whisper"])
def test_an_encoder_under_another_stream(text: str, tmp_path: Path) -> None:
    with pytest.raises((RecipeError, UsageError), match="reads"):
        rows(feature(text), [Clip(id="a", text="Oh.")], FeatureCache(tmp_path), lambda _: None)
