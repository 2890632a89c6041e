"""Vectors against plain means of what the encoders, the fusion and the whole language model give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors import safe_open

from affectrl.data.clip import Clip
from affectrl.errors import UsageError
from affectrl.inference.embedding import Embedded, VectorFile, embeddings
from affectrl.inference.model import EmotionModel
from affectrl.models.representation import levels_of, meaning, represent


@pytest.fixture(scope="module")
def clips(model: EmotionModel, small_media: Path):
    made = [Clip(id="all", video=small_media / "film.mp4", text="I miss her."), Clip(id="said", text="So good!")]
    return [features for clip in made for features in model.extractor.extract(clip)]


def test_every_level_is_the_mean_that_it_is_said_to_be(model: EmotionModel, clips) -> None:
    policy, task = model.policy, model.task
    found, words_only = represent(policy, clips, task)
    assert list(found) == ["encoder_voice", "encoder_face", "fused_voice", "fused_face", "fused_words", "fused", "llm"]
    assert list(words_only) == ["fused_words", "fused", "llm"]
    assert all(v.dtype == np.float32 and v.ndim == 1 for v in found.values())
    clip = clips[0]
    assert found["encoder_voice"] == pytest.approx(clip.streams["voice"].float().numpy().mean(0), abs=1e-3)
    with torch.inference_mode():
        voice = policy.fusion["voice"]([clip.streams["voice"].float()])[0]
        words = policy.lm.get_input_embeddings()(torch.tensor(policy.tokenizer("I miss her.").input_ids))
        face = policy.fusion["face"]([clip.streams["face"].float()])[0]
        everything = torch.cat([voice, face, words]).mean(0)
        assert found["fused_voice"] == pytest.approx(voice.mean(0).numpy(), abs=1e-5)
        assert found["fused_words"] == pytest.approx(words.mean(0).numpy(), abs=1e-5)
        assert found["fused"] == pytest.approx(everything.numpy(), abs=1e-5)
        prefix = policy.prefix([clip], task.question, task.opening)
        states = policy.lm(inputs_embeds=prefix.embeds, use_cache=False, output_hidden_states=True).hidden_states[-1]
    assert found["llm"] == pytest.approx(states[0, -1].numpy(), abs=1e-4)


def test_levels(model: EmotionModel) -> None:
    assert levels_of(model.policy, ["llm", "encoder"]) == ("encoder", "llm")
    with pytest.raises(UsageError) as error:
        levels_of(model.policy, ["soul"])
    assert error.value.code == "embed_level"


def test_the_command(affectrl_command, tiny_model: Path, small_media: Path, tmp_path: Path, model) -> None:
    out = tmp_path / "new" / "vectors.parquet"
    (tmp_path / "broken.wav").write_bytes(b"RIFFnothing")
    asked = ("--model", tiny_model, "-o", out, "--batch-size", "2")
    done = affectrl_command("embed", small_media, tmp_path / "broken.wav", *asked)
    assert done.status == 3
    assert f"4 clips -> {out}" in done.err
    table = pq.read_table(out)
    assert table["id"].to_pylist() == ["face", "film", "mute", "talk"]
    assert table["encoder_face"].null_count == 1
    told = json.loads(out.with_name("vectors.parquet.json").read_text())
    assert told["rows"] == 4
    assert [row["code"] for row in told["failed"]] == ["media_corrupt"]
    for field in table.schema:
        assert field.metadata[b"description"].decode() == told["columns"][field.name]["meaning"]
    assert told["columns"]["llm"] == {"meaning": meaning("llm"), "size": 64, "type": "float32"}
    (features,) = model.extractor.extract(Clip(id="talk", audio=small_media / "talk.wav"))
    (expected,) = represent(model.policy, [features], model.task)
    assert table["llm"].to_pylist()[3] == pytest.approx(expected["llm"].tolist(), abs=1e-4)
    assert sorted(p.name for p in out.parent.iterdir()) == ["vectors.parquet", "vectors.parquet.json"]


def test_safetensors_hold_the_same(affectrl_command, tiny_model: Path, small_media: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.safetensors"
    asked = ("--model", tiny_model, "-o", out, "--level", "encoder", "--window", "0.5s")
    assert affectrl_command("embed", small_media / "talk.wav", small_media / "face.png", *asked).status == 0
    with safe_open(out, framework="np") as file:
        assert sorted(file.keys()) == ["encoder_face", "encoder_voice"]
        told = json.loads(file.metadata()["clips"])["clips"]
        voice = file.get_tensor("encoder_voice")
    assert [row["id"] for row in told] == ["talk@0-0.5", "talk@0.5-1", "face"]
    assert [row["end"] for row in told] == [0.5, 1.0, None]
    assert np.isnan(voice[2]).all()
    assert not np.isnan(voice[:2]).any()


def test_it_goes_on_where_it_was(model: EmotionModel, small_media: Path, tmp_path: Path) -> None:
    items = [Clip(id=n, audio=small_media / "talk.wav", start=s) for n, s in (("a", None), ("b", 0.5))]
    items.append(Clip(id="c", text="Well."))
    about = {"weights": "x", "levels": ["llm"]}
    first = VectorFile(tmp_path / "v.parquet", dict(about))
    first.begin()
    for found in embeddings(model, items[:2], ["llm"], batch_size=1):
        first.add(found)
    again = VectorFile(tmp_path / "v.parquet", dict(about))
    again.begin(resume=True)
    assert [item.id for item in again.left(items)] == ["c"]
    (found,) = embeddings(model, items[2:], ["llm"])
    assert isinstance(found[0], Embedded)
    again.add(found)
    assert again.close() == 3
    assert pq.read_table(tmp_path / "v.parquet")["id"].to_pylist() == ["a", "b", "c"]
    other = VectorFile(tmp_path / "v.parquet", dict(about))
    other.begin()
    with pytest.raises(UsageError) as error:
        VectorFile(tmp_path / "v.parquet", about | {"weights": "y"}).begin(resume=True)
    assert error.value.code == "embed_differs"
    with pytest.raises(UsageError) as error:
        VectorFile(tmp_path / "v.csv", about)
    assert error.value.code == "embed_suffix"
