"""Several views of one film: whole frames, motion, shared encoders, and what fuses before the language model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from affectrl.data.clip import Clip
from affectrl.data.media import faces, video
from affectrl.data.sandbox.generate import generate
from affectrl.errors import RecipeError
from affectrl.models.cache import FeatureCache
from affectrl.models.encoders import clip_vit, videomae
from affectrl.models.features import FeatureExtractor, drop_modalities, without
from affectrl.models.policy import FusedPolicy
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import FaceStream, FrameStream, MotionStream, PreFusion, VoiceStream
from small_parts import make

QUESTION = "What does the person feel?"


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Clip:
    clips = generate(tmp_path_factory.mktemp("sandbox"), 4, seed=3, workers=1)
    return next(clip for clip in clips if clip.video is not None and clip.audio is None and clip.text)


@pytest.fixture(scope="module")
def still(film, tmp_path_factory) -> Clip:
    from PIL import Image

    path = tmp_path_factory.mktemp("still") / "face.png"
    Image.fromarray(video.read_frames(film.video, count=1).rgb[0]).save(path)
    return Clip(id="still", image=path)


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, str]:
    return {name: str(make(name, tmp_path_factory.mktemp(name) / name)) for name in ("clip-vit", "videomae")}


@pytest.fixture(scope="module")
def spec(tiny_spec, places) -> ModelSpec:
    clip = {"weights_name": places["clip-vit"]}
    return tiny_spec.model_copy(
        update={
            "voice": VoiceStream(tokens=2, dropout=0.0, mix_layers=True),
            "face": FaceStream(encoder="clip-vit", settings=clip, tokens=2, frames=3, dropout=0.0),
            "frame": FrameStream(settings=clip, fusion="mean", tokens=1, frames=3, dropout=0.0),
            "motion": MotionStream(settings={"weights_name": places["videomae"]}, tokens=2, frames=8, dropout=0.0),
            "pre_fusion": PreFusion(streams=("face", "voice")),
        }
    )


@pytest.fixture(scope="module")
def extractor(spec, tmp_path_factory) -> FeatureExtractor:
    return FeatureExtractor(spec, FeatureCache(tmp_path_factory.mktemp("features")))


@pytest.fixture(scope="module")
def seen(extractor, film):
    (features,) = extractor.extract(film)
    return features


@pytest.fixture(scope="module")
def made(spec, extractor, seen) -> FusedPolicy:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        policy = FusedPolicy(spec, extractor).eval()
        policy.fit_features([seen])
        torch.nn.init.normal_(policy.mix["voice"].weights)
    return policy


def test_views_are_what_their_encoders_give(seen, film, places):
    assert seen.modalities == ("voice", "face", "frame", "motion", "words")
    assert seen.used == (("video", "audio", "text"))
    frames = video.read_frames(film.video, count=3, start=film.start, end=film.end)
    whole = clip_vit.build(places["clip-vit"]).encode(frames.rgb)
    np.testing.assert_allclose(seen.streams["frame"].float(), whole, atol=2e-3)
    (track,) = faces.find_faces(frames, size=32)
    close = clip_vit.build(places["clip-vit"]).encode(track.crops)
    np.testing.assert_allclose(seen.streams["face"].float(), close, atol=2e-3)
    assert np.abs(whole - close).max() > 0.01
    many = video.read_frames(film.video, count=8, start=film.start, end=film.end)
    (track,) = faces.find_faces(many, size=32)
    np.testing.assert_allclose(
        seen.streams["motion"].float(), videomae.build(places["videomae"]).encode(track.crops), atol=5e-3
    )


def test_motion_of_whole_frames(spec, film, places, tmp_path):
    motion = spec.motion.model_copy(update={"of": "frame"})
    other = spec.model_copy(update={"motion": motion, "face": None, "frame": None, "pre_fusion": None})
    (found,) = FeatureExtractor(other, FeatureCache(tmp_path)).extract(film)
    many = video.read_frames(film.video, count=8, start=film.start, end=film.end)
    np.testing.assert_allclose(
        found.streams["motion"].float(), videomae.build(places["videomae"]).encode(many.rgb), atol=5e-3
    )


def test_streams_that_ask_for_the_same_encoder_share_it(extractor, seen):
    assert extractor.encoder("face") is extractor.encoder("frame")
    assert extractor.encoder("face") is not extractor.encoder("motion")


def test_the_second_time_all_views_come_from_the_cache(spec, extractor, film, seen):
    again = FeatureExtractor(spec, extractor.cache, extractor._encoders)
    extractor.cache.counts.misses = 0
    (found,) = again.extract(film)
    assert extractor.cache.counts.misses == 0
    assert all(torch.equal(found.streams[n], seen.streams[n]) for n in seen.streams)


def test_a_still_picture_has_no_motion(extractor, made, still):
    (found,) = extractor.extract(still)
    assert found.modalities == ("face", "frame")
    assert found.used == ("image",)
    assert "still_picture" in {note.code for note in found.notes}
    assert torch.isfinite(made.prefix([found], QUESTION).embeds).all()


@torch.no_grad()
def test_the_prefix_holds_every_view_and_what_they_say_together(made, seen):
    prefix = made.prefix([seen], QUESTION)
    voice = seen.streams["voice"].float()
    mixed = made.mix["voice"](voice)
    shares = made.mix["voice"].weights.softmax(0)
    torch.testing.assert_close(mixed, (voice.unflatten(1, (5, -1)) * shares[:, None]).sum(1), atol=1e-4, rtol=1e-4)
    pieces = [made._embed(f"{made._turn_start}{QUESTION}\n")]
    for tag, name in (("Voice:", "voice"), (" Face:", "face"), (" Frame:", "frame"), (" Motion:", "motion")):
        feature = mixed if name == "voice" else seen.streams[name].float()
        pieces += [made._embed(tag), made.fusion[name]([feature])[0]]
    fused = made.pre_fusion({"face": [seen.streams["face"].float()], "voice": [mixed]})[0]
    pieces += [made._embed(" Together:"), fused, made._embed(f' Words: "{seen.text}"'), made._embed(made._turn_end)]
    torch.testing.assert_close(prefix.embeds[0], torch.cat(pieces))
    assert prefix.embeds.shape[1] <= made.columns([seen], QUESTION)
    torch.testing.assert_close(made.asked([QUESTION], [seen]).embeds, prefix.embeds)


@torch.no_grad()
@pytest.mark.parametrize("left", ["voice", "face", "frame", "motion", "words"])
def test_any_view_may_be_missing(made, seen, left):
    fewer = without(seen, left)
    assert left not in fewer.modalities
    assert len(fewer.modalities) == 4
    together = made.prefix([seen, fewer], QUESTION)
    alone = made.prefix([fewer], QUESTION)
    torch.testing.assert_close(together.embeds[1][together.keep[1]], alone.embeds[0], atol=1e-4, rtol=1e-4)
    assert together.lengths[1] <= together.lengths[0]


def test_modalities_are_dropped_one_by_one(seen):
    torch.manual_seed(0)
    counts = [len(f.modalities) for f in drop_modalities([seen] * 300, 0.5)]
    assert min(counts) == 1
    assert 2 < np.mean(counts) < 3


def test_pre_fusion_and_mix_are_saved_and_loaded(made, spec, extractor, seen, tmp_path):
    from affectrl.models import checkpoint
    from affectrl.models.task import Task

    checkpoint.save(made, Task("answer-only"), tmp_path / "model")
    again, _, _ = checkpoint.load(tmp_path / "model", extractor)
    assert again.spec == spec
    with torch.no_grad():
        torch.testing.assert_close(again.prefix([seen], QUESTION).embeds, made.prefix([seen], QUESTION).embeds)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"face": {"who": "each"}, "motion": {}}, "face.who: each does not go with motion.of: face"),
        ({"pre_fusion": {"streams": ["voice", "frame"]}}, "names 'frame', which the model does not have"),
        ({"pre_fusion": {"streams": ["voice", "voice"]}}, "two different streams"),
        ({"pre_fusion": {}, "face": None}, "two different streams"),
        ({"voice": None, "face": None, "words": False}, "voice, face, frame, motion, words"),
        ({"motion": {"frames": 1}}, "greater than or equal to 2"),
    ],
)
def test_models_that_cannot_be(fields, told):
    with pytest.raises(ValidationError, match=told):
        ModelSpec.model_validate(fields)


def test_one_layer_cannot_be_mixed(spec, extractor):
    face = spec.face.model_copy(update={"mix_layers": True})
    with pytest.raises(RecipeError, match=r"model\.face\.mix_layers: the features hold one layer only"):
        FusedPolicy(spec.model_copy(update={"face": face}), extractor)


def test_who_each_goes_with_whole_frames(spec, extractor, film, tmp_path):
    face = spec.face.model_copy(update={"who": "each"})
    frames = video.read_frames(film.video, count=8)
    from small_films import write_film

    path = Path(tmp_path / "pair.mp4")
    pair = [np.ascontiguousarray(np.concatenate([p, p[:, ::-1]], axis=1)) for p in frames.rgb]
    write_film(path, None, pair)
    other = spec.model_copy(update={"face": face, "motion": None})
    found = FeatureExtractor(other, FeatureCache(tmp_path / "cache"), dict(extractor._encoders)).extract(
        Clip(id="pair", video=path)
    )
    assert [f.id for f in found] == ["pair#face0", "pair#face1"]
    assert torch.equal(found[0].streams["frame"], found[1].streams["frame"])
    assert not torch.equal(found[0].streams["face"], found[1].streams["face"])
