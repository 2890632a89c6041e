"""Encoders from transformers against direct calls of the models they read, on small random copies saved to disk."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from affectrl.data.media.audio import SAMPLE_RATE, Waveform
from affectrl.errors import ModelError
from affectrl.models.cache import FeatureCache
from affectrl.models.features import FeatureExtractor
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import FrameStream, VoiceStream
from small_parts import make

SPEECH = {"hubert": "HubertModel", "wavlm": "WavLMModel", "wav2vec2": "Wav2Vec2Model"}
PICTURES = ("clip-vit", "siglip", "dinov2", "mae")


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


def sound(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(size=len(t))
    return (0.3 * np.sin(2 * np.pi * (150 + 40 * t) * t) + 0.05 * noise).astype(np.float32)


def film(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    still = np.random.default_rng(1).integers(0, 255, (height // 4, width // 4, 3), np.uint8)
    return np.stack([np.roll(np.kron(still, np.ones((4, 4, 1), np.uint8)), 3 * i, axis=1) for i in range(count)])


@torch.inference_mode()
def heard(place: str, kind: str, samples: np.ndarray) -> list[np.ndarray]:
    """Hidden states by the published recipe: zero mean, unit variance, the whole model."""
    import transformers

    values = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    model = getattr(transformers, SPEECH[kind]).from_pretrained(place).eval()
    out = model(torch.from_numpy(values.astype(np.float32))[None], output_hidden_states=True)
    return [state[0].numpy() for state in out.hidden_states]


class TestSpeech:
    @pytest.mark.parametrize("kind", SPEECH)
    def test_rows_are_means_of_the_models_own_states(self, parts, kind):
        samples = sound(1.3)
        states = heard(parts(kind), kind, samples)
        assert [len(states), *states[0].shape] == [4, 64, 32]
        assert np.abs(states[1] - states[2]).max() > 0.01
        encoder = builder(kind)(parts(kind), layers=[1, -1])
        wanted = np.concatenate([states[1], states[3]], 1)
        wanted = np.stack([wanted[i : i + 5].mean(0) for i in range(0, 64, 5)])
        found = encoder.encode(Waveform(samples))
        assert found.dtype == np.float32
        assert (encoder.dim, encoder.parts) == (64, 2)
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        np.testing.assert_allclose(
            builder(kind)(parts(kind), layers=[1, 2], average=True, rate_hz=25).encode(Waveform(samples))[3],
            (states[1][6:8] + states[2][6:8]).mean(0) / 2,
            atol=1e-5,
        )
        assert builder(kind)(parts(kind)).encode(Waveform(samples)).shape == (13, 32)

    @torch.inference_mode()
    def test_excerpts_are_levelled_together_as_affectgpts_call_does(self, parts):
        from transformers import HubertModel, Wav2Vec2FeatureExtractor

        settings = {"layers": [-2, -1], "average": True, "excerpts": 3, "excerpt_s": 0.5}
        encoder = builder("hubert")(parts("hubert"), **settings, level_together=True)
        samples = sound(2.0) * np.linspace(0.1, 1.0, 2 * SAMPLE_RATE).astype(np.float32)  # louder and louder
        raw = torch.from_numpy(np.stack([samples[i : i + 8000] for i in (0, 12000, 24000)]))
        extractor = Wav2Vec2FeatureExtractor.from_pretrained(parts("hubert"))
        values = extractor(raw, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values[0]
        states = HubertModel.from_pretrained(parts("hubert")).eval()(values, output_hidden_states=True).hidden_states
        wanted = torch.stack(states)[[-2, -1]].mean(0).mean(1)
        torch.testing.assert_close(torch.cat(list(encoder._levelled(encoder._excerpts(samples)))), values)
        np.testing.assert_allclose(encoder.encode(Waveform(samples)), wanted, atol=1e-5)
        apart = builder("hubert")(parts("hubert"), **settings)
        assert apart.key != encoder.key
        # HuBERT-large's layer norms hide most of a level.
        assert np.abs(apart.encode(Waveform(samples)) - wanted.numpy()).max() > 1e-4
        assert (apart._levelled(apart._excerpts(samples))[0][0] - values[0]).abs().max() > 0.5

    @torch.inference_mode()
    def test_whisper_padded_and_pooled_as_humanomni_has_it(self, parts):
        from transformers import WhisperFeatureExtractor, WhisperModel

        encoder = builder("whisper")(parts("whisper"), layers=[-1], padded=True, states_a_row=3)
        mel = WhisperFeatureExtractor()(sound(1.3), sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        states = WhisperModel.from_pretrained(parts("whisper")).encoder.eval()(mel).last_hidden_state
        wanted = torch.nn.functional.avg_pool1d(states.transpose(1, 2), 3, 3).transpose(1, 2)[0]
        assert wanted.shape == (500, 32)
        np.testing.assert_allclose(encoder.encode(Waveform(sound(1.3))), wanted, atol=1e-4)
        keys = {builder("whisper")(parts("whisper"), layers=[-1], **more).key for more in ({}, {"padded": True})}
        assert encoder.key not in keys
        assert len(keys) == 2
        with pytest.raises(ModelError, match="states_a_row"):
            builder("whisper")(parts("whisper"), states_a_row=0)

    def test_excerpts_as_affectgpt_takes_them(self, parts):
        samples = sound(3.7)
        encoder = builder("hubert")(parts("hubert"), layers=[-2, -1], average=True, excerpts=4, excerpt_s=1.0)
        found = encoder.encode(Waveform(samples))
        assert found.shape == (4, 32)
        for row, start in zip(found, (0, 0.9, 1.8, 2.7), strict=True):
            first = round(start * SAMPLE_RATE)
            states = heard(parts("hubert"), "hubert", samples[first : first + SAMPLE_RATE])
            np.testing.assert_allclose(row, (states[2] + states[3]).mean(0) / 2, atol=1e-5)
        short = encoder.encode(Waveform(samples[:8000]))
        assert short.shape == (4, 32)
        assert np.ptp(short, axis=0).max() == 0

    @pytest.mark.parametrize(("seconds", "rows"), [(0.001, 1), (0.1, 1), (1.0, 10), (30.0, 300), (31.0, 310)])
    def test_however_short_or_long(self, parts, seconds, rows):
        found = builder("wavlm")(parts("wavlm")).encode(Waveform(sound(seconds)))
        assert found.shape == (rows, 32)
        assert np.isfinite(found.astype(np.float16)).all()

    def test_a_long_clip_is_its_windows(self, parts):
        encoder, samples = builder("hubert")(parts("hubert")), sound(30.5)
        cut = 30 * SAMPLE_RATE
        ends = [encoder.encode(Waveform(part)) for part in (samples[:cut], samples[cut:])]
        np.testing.assert_allclose(encoder.encode(Waveform(samples)), np.concatenate(ends), atol=1e-5)

    @pytest.mark.parametrize(
        "settings",
        [{"layers": [4]}, {"layers": []}, {"layers": [3, -1]}, {"rate_hz": 7}, {"rate_hz": 0}, {"excerpts": 0}],
    )
    def test_settings_that_cannot_be(self, parts, settings):
        with pytest.raises(ModelError, match=next(iter(settings))):
            builder("hubert")(parts("hubert"), **settings)


class TestPictures:
    @pytest.fixture
    def seen(self, parts):
        """Pixels by the processor, and states by the model, called directly."""
        import transformers

        def look(kind: str, pictures: np.ndarray):
            place = parts(kind)
            processor = transformers.AutoImageProcessor.from_pretrained(place, backend="pil")
            pixels = processor(list(pictures), return_tensors="pt").pixel_values
            name = {"clip-vit": "CLIPModel", "siglip": "SiglipModel", "dinov2": "Dinov2Model", "mae": "ViTMAEModel"}[
                kind
            ]
            options = {"mask_ratio": 0.0} if kind == "mae" else {}
            model = getattr(transformers, name).from_pretrained(place, **options).eval()
            half = getattr(model, "vision_model", model)
            with torch.inference_mode():
                more = {"noise": torch.arange(4.0).expand(len(pixels), -1)} if kind == "mae" else {}
                out = half(pixels, output_hidden_states=True, **more)
                pooled = model.visual_projection(out.pooler_output) if kind == "clip-vit" else None
            return pixels, out, pooled

        return look

    @pytest.mark.parametrize("kind", PICTURES)
    def test_pixels_are_the_processors(self, parts, seen, kind):
        pictures = film(3)
        encoder = builder(kind)(parts(kind))
        pixels, _, _ = seen(kind, pictures)
        assert torch.equal(encoder.pixels(pictures), pixels)
        assert pixels.shape == (3, 3, 32, 32)
        assert encoder.crop == (36 if kind == "dinov2" else 32)

    @pytest.mark.parametrize("kind", PICTURES)
    def test_rows_are_the_models_own(self, parts, seen, kind):
        pictures = film(11)  # more than one batch
        _, out, projected = seen(kind, pictures)
        states = [state.numpy() for state in out.hidden_states]
        first = 0 if kind == "siglip" else 1
        assert states[0].shape == (11, 4 + first, 32)
        wanted = {
            "cls": states[-1][:, 0],
            "mean": np.concatenate([states[0], states[-1]], -1)[:, first:].mean(1),
            "patches": states[1][:, first:].reshape(44, 32),
        }
        if kind != "mae":
            wanted["pooled"] = (out.pooler_output if projected is None else projected).numpy()
        if kind == "siglip":
            del wanted["cls"]
        for take, rows in wanted.items():
            layers = {"mean": [0, -1], "patches": [1]}.get(take)
            encoder = builder(kind)(parts(kind), take=take, layers=layers)
            found = encoder.encode(pictures)
            assert found.dtype == np.float32
            assert encoder.dim == rows.shape[1] == found.shape[1]
            np.testing.assert_allclose(found, rows, atol=1e-5, err_msg=take)
            assert rows.std(0).max() > 0.01

    def test_what_a_model_does_not_have(self, parts):
        with pytest.raises(ModelError, match="take must be one of pooled, mean, patches for a SigLIP, not 'cls'"):
            builder("siglip")(parts("siglip"), take="cls")
        with pytest.raises(ModelError, match="layers are of take: cls, mean, patches"):
            builder("clip-vit")(parts("clip-vit"), layers=[1])

    def test_a_film_is_stretches_of_moments(self, parts):
        from transformers import VideoMAEImageProcessorPil, VideoMAEModel

        place = parts("videomae")
        processor = VideoMAEImageProcessorPil.from_pretrained(place)
        model = VideoMAEModel.from_pretrained(place).eval()
        pictures = film(8)
        with torch.inference_mode():
            out = model(processor(list(pictures), return_tensors="pt").pixel_values, output_hidden_states=True)
        encoder = builder("videomae")(place)
        wanted = out.last_hidden_state[0].reshape(4, 4, 32).mean(1).numpy()  # 4 moments of 4 patches
        np.testing.assert_allclose(encoder.encode(pictures), wanted, atol=1e-5)
        chosen = builder("videomae")(place, layers=[1, 2])
        wanted = torch.cat(out.hidden_states[1:3], -1)[0].reshape(4, 4, 64).mean(1).numpy()
        np.testing.assert_allclose(chosen.encode(pictures), wanted, atol=1e-5)
        # Fewer frames are held longer, more make further stretches.
        np.testing.assert_allclose(encoder.encode(pictures[:4]), encoder.encode(pictures[[0, 0, 1, 1, 2, 2, 3, 3]]))
        twelve = film(12)
        halves = [encoder.encode(twelve[:6]), encoder.encode(twelve[6:])]
        np.testing.assert_allclose(encoder.encode(twelve), np.concatenate(halves), atol=1e-5)
        assert encoder.encode(pictures[:1]).shape == (4, 32)


@pytest.mark.parametrize("kind", ["hubert", "whisper", "clip-vit", "mae", "videomae"])
def test_what_goes_in_follows_the_weights_and_what_comes_out_is_float32(parts, kind):
    """Where they are and of what type; there is no accelerator here, so the type stands for both."""
    encoder = builder(kind)(parts(kind))
    given = Waveform(sound(1.0)) if kind in ("hubert", "whisper") else film(8)
    before = encoder.encode(given)
    encoder.model.double()
    after = encoder.encode(given)
    assert after.dtype == np.float32
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert not np.array_equal(after, before)


def test_encoders_go_to_a_device_and_come_back(parts, tmp_path, monkeypatch):
    spec = ModelSpec(
        voice=VoiceStream(encoder="hubert", settings={"weights_name": parts("hubert")}),
        face=None,
        frame=FrameStream(encoder="clip-vit", settings={"weights_name": parts("clip-vit")}),
    )
    extractor = FeatureExtractor(spec, FeatureCache(tmp_path))
    models = [extractor.encoder(stream).model for stream in spec.streams]
    moved: list[tuple[object, torch.device]] = []
    real = torch.nn.Module.to

    def watched(model, device):
        moved.append((model, torch.device(device)))
        return real(model, device)

    monkeypatch.setattr(torch.nn.Module, "to", watched)
    there = torch.device("cpu", 0)
    with extractor.on(there):
        assert moved == [(model, there) for model in models]
        moved.clear()
    assert moved == [(model, torch.device("cpu")) for model in models]


class TestLoading:
    @pytest.mark.parametrize(
        ("name", "other"),
        [("hubert", "wav2vec2"), ("wavlm", "whisper"), ("clip-vit", "siglip"), ("videomae", "mae"), ("dinov2", "mae")],
    )
    def test_weights_of_another_kind(self, parts, name, other):
        with pytest.raises(ModelError, match=r"its config\.json says model_type"):
            builder(name)(parts(other))

    def test_weights_that_are_incomplete(self, parts, tmp_path):
        from safetensors.torch import load_file, save_file

        folder = Path(shutil.copytree(parts("hubert"), tmp_path / "cut"))
        tensors = load_file(folder / "model.safetensors")
        tensors.pop("encoder.layers.1.attention.k_proj.weight")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match="1 weights are missing"):
            builder("hubert")(str(folder))

    @pytest.mark.parametrize("name", ["whisper", "hubert", "siglip"])
    def test_weights_in_half_precision_are_computed_in_full(self, parts, tmp_path, name):
        from safetensors.torch import load_file, save_file

        folder = Path(shutil.copytree(parts(name), tmp_path / "half"))
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
        tensors = {key: tensor.half() for key, tensor in load_file(folder / "model.safetensors").items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        encoder = builder(name)(str(folder))
        given = film(2) if name == "siglip" else Waveform(sound(0.5))
        found = encoder.encode(given)
        assert found.dtype == np.float32
        assert next(encoder.model.parameters()).dtype == torch.float32
        np.testing.assert_allclose(found, builder(name)(parts(name)).encode(given), atol=0.02)

    @pytest.mark.parametrize("name", ["hubert", "clip-vit"])
    def test_without_its_preprocessing(self, parts, tmp_path, name):
        folder = Path(shutil.copytree(parts(name), tmp_path / "bare"))
        (folder / "preprocessor_config.json").unlink()
        with pytest.raises(ModelError, match=r"preprocess|processor") as caught:
            builder(name)(str(folder))
        assert "preprocessor_config.json" in str(caught.value.hint)

    def test_a_config_that_is_no_config(self, tmp_path):
        (tmp_path / "config.json").write_text("{")
        with pytest.raises(ModelError, match="a WavLM"):
            builder("wavlm")(str(tmp_path))
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "wavlm"}))
        with pytest.raises(ModelError, match="a WavLM"):
            builder("wavlm")(str(tmp_path))
        with pytest.raises(ModelError, match="the package holds"):
            builder("hubert")("whisper-tiny.en")

    def test_keys_tell_settings_and_weights_apart(self, parts, tmp_path):
        other = shutil.copytree(parts("hubert"), tmp_path / "other")
        hubert, clip = builder("hubert"), builder("clip-vit")
        keys = [
            hubert(parts("hubert")).key,
            hubert(str(other)).key,
            hubert(parts("hubert"), layers=[0]).key,
            hubert(parts("hubert"), layers=[0, 1]).key,
            hubert(parts("hubert"), layers=[0, 1], average=True).key,
            hubert(parts("hubert"), rate_hz=5).key,
            hubert(parts("hubert"), excerpts=8).key,
            hubert(parts("hubert"), excerpts=8, excerpt_s=1.5).key,
            builder("wavlm")(parts("wavlm")).key,
            clip(parts("clip-vit")).key,
            clip(parts("clip-vit"), take="cls").key,
            clip(parts("clip-vit"), take="mean").key,
            clip(parts("clip-vit"), take="mean", layers=[1]).key,
            builder("videomae")(parts("videomae")).key,
            builder("videomae")(parts("videomae"), layers=[-1]).key,
        ]
        assert len(set(keys)) == len(keys)
