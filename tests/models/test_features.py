"""From real media files to features: every mixture of modalities, every fallback, and nothing computed twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from affectrl.data.clip import Blob, Clip
from affectrl.data.media import audio, faces, image, video
from affectrl.errors import AffectError, MediaError, RecipeError
from affectrl.models.cache import FeatureCache
from affectrl.models.encoders import face_hog
from affectrl.models.features import FeatureExtractor, drop_modalities, extract_all, without
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import FaceStream, VoiceStream

RATE = 16_000
HEARD = VoiceStream()


def tone(seconds: float, level: float = 0.4) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def mix(box, stream, samples: np.ndarray) -> None:
    frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
    frame.sample_rate, frame.pts = RATE, 0
    resampler = av.AudioResampler(stream.format.name, "mono", RATE)
    for ready in [*resampler.resample(frame), *resampler.resample(None)]:
        box.mux(stream.encode(ready))
    box.mux(stream.encode(None))


def write_wav(path: Path, samples: np.ndarray) -> Path:
    with av.open(str(path), "w") as box:
        mix(box, box.add_stream("pcm_s16le", rate=RATE, layout="mono"), samples)
    return path


def write_film(path: Path, pictures: list[np.ndarray], samples: np.ndarray | None = None) -> Path:
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=8, options={"preset": "ultrafast", "crf": "20"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        track = None if samples is None else box.add_stream("aac", rate=RATE, layout="mono")
        for rgb in pictures:
            box.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")))
        box.mux(stream.encode(None))
        if track is not None and samples is not None:
            mix(box, track, samples)
    return path


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Clip:
    """A film of the sandbox: a drawn face that moves and a voice."""
    from affectrl.data.sandbox.generate import generate

    clips = generate(tmp_path_factory.mktemp("sandbox"), 4, seed=3, workers=1)
    return next(clip for clip in clips if clip.video is not None)


@pytest.fixture(scope="module")
def pictures(played) -> list[np.ndarray]:
    assert isinstance(played.video, Path)
    with av.open(str(played.video)) as box:
        return [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)][:8]


@pytest.fixture(scope="module")
def media(tmp_path_factory, pictures) -> Path:
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    plain = [np.kron(np.roll(noise, i, 1), np.ones((10, 10, 1))).astype(np.uint8) for i in range(6)]
    write_film(folder / "both.mp4", pictures, tone(1.0))
    write_film(folder / "mute.mp4", pictures)
    write_film(folder / "silent.mp4", pictures, np.zeros(RATE, np.float32))
    write_film(folder / "faceless.mp4", plain, tone(1.0))
    write_film(folder / "pair.mp4", [np.concatenate([p, p[:, ::-1]], axis=1) for p in pictures], tone(1.0))
    write_wav(folder / "voice.wav", tone(1.2))
    write_wav(folder / "silent.wav", np.zeros(RATE, np.float32))
    with av.open(str(folder / "sound.mp4"), "w") as box:
        mix(box, box.add_stream("aac", rate=RATE, layout="mono"), tone(1.0))
    Image.fromarray(pictures[0]).save(folder / "face.jpg", quality=95)
    (folder / "broken.wav").write_bytes(b"RIFF????WAVEjunk")
    return folder


@pytest.fixture
def ready(extractor, tmp_path) -> Callable[..., FeatureExtractor]:
    """Extractors with a cache of their own, which share the encoders that were built already."""

    def make(words: bool = True, voice: VoiceStream | None = HEARD, **face) -> FeatureExtractor:
        spec = ModelSpec(voice=voice, face=FaceStream(**{"frames": 4} | face), words=words)
        encoders = {name: extractor.encoder(name) for name in ("voice", "face")}
        return FeatureExtractor(spec, FeatureCache(tmp_path / "features"), encoders)

    return make


def codes(features) -> set[str]:
    return {note.code for note in features.notes}


def shown(features) -> dict[str, int]:
    return {name: len(rows) for name, rows in features.streams.items()}


def test_a_film_gives_voice_and_face(ready, media):
    (found,) = ready().extract(Clip(id="a", video=media / "both.mp4", text="Hello."))
    assert found.modalities == ("voice", "face", "words")
    assert shown(found)["face"] == 4
    assert 10 <= shown(found)["voice"] <= 11
    assert all(rows.dtype == torch.float16 and torch.isfinite(rows).all() for rows in found.streams.values())
    assert codes(found) == set()
    assert found.id == "a"


def test_features_are_what_the_encoders_give(ready, media):
    extractor = ready()
    (found,) = extractor.extract(Clip(id="a", video=media / "both.mp4"))
    sound = audio.read_audio(media / "both.mp4", max_seconds=30)
    wanted = extractor.encoder("voice").encode(sound)
    np.testing.assert_allclose(found.streams["voice"].float(), wanted, atol=0.02, rtol=1e-3)
    (track,) = faces.find_faces(video.read_frames(media / "both.mp4", count=4), size=64)
    np.testing.assert_allclose(found.streams["face"].float(), face_hog.build().encode(track.crops), atol=1e-3)


CASES = [
    ({"video": "mute.mp4"}, {"face": 4}, {"video_without_sound"}),
    ({"video": "silent.mp4"}, {"face": 4}, {"silent_audio"}),
    ({"video": "both.mp4", "use_video_audio": False}, {"face": 4}, set()),
    ({"video": "faceless.mp4"}, {"voice": 10, "face": 4}, {"no_face"}),
    ({"video": "mute.mp4", "audio": "voice.wav"}, {"voice": 12, "face": 4}, set()),
    ({"audio": "voice.wav"}, {"voice": 12}, set()),
    ({"image": "face.jpg"}, {"face": 1}, set()),
    ({"image": "face.jpg", "audio": "voice.wav"}, {"voice": 12, "face": 1}, set()),
    ({"video": "sound.mp4"}, {"voice": 10}, {"sound_only"}),
    ({"audio": "silent.wav", "text": "Well."}, {}, {"silent_audio"}),
    ({"text": "Well."}, {}, set()),
    ({"audio": "voice.wav", "start": 0.2, "end": 0.7}, {"voice": 5}, set()),
]


@pytest.mark.parametrize(("given", "streams", "notes"), CASES, ids=["+".join(map(str, c[0].values())) for c in CASES])
def test_every_mixture(ready, media, given, streams, notes):
    fields = {k: media / v if k in ("video", "audio", "image") else v for k, v in given.items()}
    (found,) = ready().extract(Clip(id="a", **fields))
    assert set(found.streams) == set(streams)
    assert all(abs(shown(found)[name] - rows) <= (name == "voice") for name, rows in streams.items())
    assert codes(found) == notes
    assert ("words" in found.modalities) == ("text" in given)


def test_a_file_in_memory_gives_the_same(ready, media):
    blob = Blob((media / "both.mp4").read_bytes(), "upload.mp4")
    extractor = ready()
    (one,) = extractor.extract(Clip(id="a", video=blob))
    assert extractor.cache.counts.hits == 0
    (other,) = extractor.extract(Clip(id="b", video=media / "both.mp4"))
    assert extractor.cache.counts.hits == 2, "same bytes, same entry"
    assert all(torch.equal(one.streams[n], other.streams[n]) for n in ("voice", "face"))


def test_each_face_is_a_clip_of_its_own(ready, media):
    found = ready(who="each").extract(Clip(id="a", video=media / "pair.mp4", text="Hi"))
    assert [f.id for f in found] == ["a#face0", "a#face1"]
    assert all(f.modalities == ("voice", "face", "words") for f in found)
    left, right = (f.streams["face"].float() for f in found)
    assert (left - right).abs().max() > 0.01
    frames = video.read_frames(media / "pair.mp4", count=4)
    tracks = sorted(faces.find_faces(frames, who="each", size=64), key=lambda t: t.boxes[:, 0].mean())
    for features, track in zip(found, tracks, strict=True):
        np.testing.assert_allclose(features.streams["face"].float(), face_hog.build().encode(track.crops), atol=1e-3)
    (single,) = ready(who="each").extract(Clip(id="b", video=media / "both.mp4"))
    assert single.id == "b"
    (largest,) = ready().extract(Clip(id="a", video=media / "pair.mp4"))
    assert largest.id == "a"


def test_peak_keeps_the_frames_of_strongest_expression(ready, media):
    extractor = ready(pick="peak", peak_frames=2, frames=6)
    (found,) = extractor.extract(Clip(id="a", video=media / "both.mp4"))
    (track,) = faces.find_faces(video.read_frames(media / "both.mp4", count=6), size=64)
    index = faces.pick_frames(track, how="peak", count=2)
    assert len(index) == 2
    picked = faces.FaceTrack(track.crops[index], track.boxes[index], track.found[index])
    np.testing.assert_allclose(found.streams["face"].float(), face_hog.build().encode(picked.crops), atol=1e-3)


@pytest.mark.parametrize("who", ["largest", "each"])
def test_the_second_time_no_media_file_is_decoded(ready, media, monkeypatch, who):
    opened = []
    for module, name in ((audio, "read_audio"), (video, "read_frames"), (image, "read_image"), (faces, "find_faces")):
        plain = getattr(module, name)
        spy = lambda *a, plain=plain, name=name, **k: (opened.append(name), plain(*a, **k))[1]  # noqa: E731
        monkeypatch.setattr(module, name, spy)
    clips = [
        Clip(id="a", video=media / "pair.mp4", text="Hi"),
        Clip(id="b", audio=media / "silent.wav", image=media / "face.jpg"),
        Clip(id="c", audio=media / "voice.wav", start=0.1, end=0.9),
    ]
    first = [f for clip in clips for f in ready(who=who).extract(clip)]
    assert sorted(opened) == sorted(["read_audio"] * 3 + ["read_frames", "read_image"] + ["find_faces"] * 2)
    opened.clear()
    again = [f for clip in clips for f in ready(who=who).extract(clip)]
    assert opened == []
    assert [(f.id, f.notes, f.text) for f in again] == [(f.id, f.notes, f.text) for f in first]
    for one, other in zip(first, again, strict=True):
        assert set(one.streams) == set(other.streams)
        assert all(torch.equal(one.streams[n], other.streams[n]) for n in one.streams)


OTHERWISE = [
    ({}, {"start": 0.3}),
    ({}, {"end": 0.6}),
    ({"frames": 3}, {}),
    ({"pick": "peak", "peak_frames": 2}, {}),
    ({"voice": VoiceStream(max_seconds=0.5)}, {}),
]


@pytest.mark.parametrize(("settings", "window"), OTHERWISE)
def test_asked_otherwise_it_is_computed_anew(ready, media, settings, window):
    clip = {"id": "a", "video": media / "both.mp4"}
    (plain,) = ready().extract(Clip(**clip))
    extractor = ready(**settings)
    (other,) = extractor.extract(Clip(**clip, **window))
    assert extractor.cache.counts.misses > 0
    assert any(not torch.equal(plain.streams[n], other.streams[n]) for n in ("voice", "face"))


def test_another_file_under_the_same_name_is_another_clip(ready, media, tmp_path):
    path = tmp_path / "voice.wav"
    extractor = ready()
    write_wav(path, tone(1.0))
    (one,) = extractor.extract(Clip(id="a", audio=path))
    write_wav(path, tone(0.5))
    (other,) = extractor.extract(Clip(id="a", audio=path))
    assert shown(one) != shown(other)


NOTHING = [
    ({"audio": "silent.wav"}, {}, "nothing_to_read", "silent"),
    ({"text": "Well."}, {"words": False}, "nothing_to_read", "does not read"),
    ({"image": "face.jpg"}, {"face": None}, "nothing_to_read", "does not read"),
    ({"video": "mute.mp4"}, {"face": None}, "nothing_to_read", "no sound"),
    ({"video": "voice.wav"}, {"voice": None}, "media_no_video", "voice.wav"),
    ({"audio": "mute.mp4"}, {}, "media_no_audio", "mute.mp4"),
    ({"audio": "broken.wav"}, {}, None, "broken.wav"),
    ({"video": "broken.wav"}, {}, None, "broken.wav"),
    ({"image": "broken.wav"}, {}, None, "broken.wav"),
    ({"audio": "absent.wav"}, {}, None, "absent.wav"),
    ({"audio": "voice.wav", "start": 9.0}, {}, None, "voice.wav"),
]


@pytest.mark.parametrize(("given", "settings", "code", "words"), NOTHING, ids=[str(n) for n in range(len(NOTHING))])
def test_nothing_to_read_says_why(extractor, media, tmp_path, given, settings, code, words):
    fields = {k: media / v if k in ("video", "audio", "image") else v for k, v in given.items()}
    spec = ModelSpec.model_validate({"words": True} | settings)
    encoders = {name: extractor.encoder(name) for name in ("voice", "face")}
    with pytest.raises(MediaError, match=words) as caught:
        FeatureExtractor(spec, FeatureCache(tmp_path), encoders).extract(Clip(id="a", **fields))
    assert code in (None, caught.value.code)


def test_one_bad_clip_does_not_stop_the_others(ready, media):
    clips = [
        Clip(id="a", audio=media / "voice.wav"),
        Clip(id="bad", audio=media / "broken.wav"),
        Clip(id="c", text="Hm."),
    ]
    problems: list[tuple[str, AffectError]] = []
    found = list(extract_all(ready(), clips, lambda clip, error: problems.append((clip.id, error))))
    assert [f.id for f in found] == ["a", "c"]
    assert [name for name, _ in problems] == ["bad"]


@pytest.mark.parametrize(("stream", "settings"), [("voice", {"rate": 5}), ("face", {"crops": 64})])
def test_a_setting_that_the_encoder_does_not_have(tmp_path, stream, settings):
    kind = {"voice": VoiceStream, "face": FaceStream}[stream]
    spec = ModelSpec.model_validate({stream: kind(settings=settings)})
    with pytest.raises(RecipeError, match=rf"model\.{stream}\.settings.*{next(iter(settings))}"):
        FeatureExtractor(spec, FeatureCache(tmp_path)).encoder(stream)


def test_leaving_out_and_dropping(make_features):
    whole = make_features(0, text="Hm.")
    assert without(whole, "face").modalities == ("voice", "words")
    assert without(whole, "words").modalities == ("voice", "face")
    assert whole.modalities == ("voice", "face", "words"), "the clip itself stays as it was"

    torch.manual_seed(0)
    batch = [whole, make_features(1, face=0)] * 400
    dropped = drop_modalities(batch, 0.25)
    assert all(f.modalities for f in dropped)
    kept = sum("voice" in f.modalities for f in dropped[::2]) / 400
    assert abs(kept - 0.75) < 0.1
    assert all(f.modalities == ("voice",) for f in dropped[1::2]), "never the last one"
    assert [f.modalities for f in drop_modalities(batch[:2], 0.0)] == [f.modalities for f in batch[:2]]
    assert all(len(f.modalities) == 1 for f in drop_modalities(batch, 1.0))
