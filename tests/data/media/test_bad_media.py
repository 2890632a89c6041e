"""Every bad file has one documented outcome, an error with a code or a note, and nothing on stderr: docs/media.md."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from affectrl.data.clip import Blob
from affectrl.data.media.audio import read_audio
from affectrl.data.media.image import read_image
from affectrl.data.media.probe import kind_of, probe
from affectrl.data.media.video import read_frames
from affectrl.errors import MediaError


def frames_of(source):
    return read_frames(source, count=4)


READERS = {"audio": read_audio, "frames": frames_of, "image": read_image, "probe": probe}


@pytest.fixture(autouse=True)
def _quiet(capfd):
    """No test here may leave a word on stdout or stderr, at the level of file descriptors."""
    yield
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def refusal(read, source) -> MediaError:
    """The error of a refused source, checked for what every one of them must have."""
    with pytest.raises(MediaError) as caught:
        read(source)
    error = caught.value
    assert str(source) in str(error)
    assert error.hint
    assert str(error).count("\n") == 0
    return error


def codes(notes) -> list[str]:
    return [note.code for note in notes]


@pytest.mark.parametrize("reader", READERS)
def test_missing(tmp_path, reader):
    assert refusal(READERS[reader], tmp_path / "none.mp4").code == "media_missing"
    assert refusal(READERS[reader], Path("nowhere/none.mp4")).code == "media_missing"
    assert refusal(READERS[reader], Path("nul\0.mp4")).code == "media_missing"


@pytest.mark.parametrize("reader", READERS)
def test_directory(tmp_path, reader):
    assert refusal(READERS[reader], tmp_path).code == "media_directory"


@pytest.mark.parametrize("reader", READERS)
def test_zero_length(make, reader):
    assert refusal(READERS[reader], make.raw("empty.mp4", b"")).code == "media_empty"
    assert refusal(READERS[reader], Blob(b"", "empty.mp4")).code == "media_empty"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", [".mp4", ".wav", ".mp3", ".jpg", ".mkv"])
@pytest.mark.parametrize("content", ["text", "noise", "zeros"])
def test_corrupt(make, reader, suffix, content):
    data = {"text": b"not media at all\n" * 400, "noise": np.random.default_rng(0).bytes(9000), "zeros": bytes(9000)}
    assert refusal(READERS[reader], make.raw(f"bad{suffix}", data[content])).code == "media_corrupt"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden(make):
    path = make.raw("locked.wav", b"x")
    path.chmod(0)
    assert refusal(read_audio, path).code == "media_unreadable"


def test_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert refusal(read_audio, tmp_path / "pipe.wav").code == "media_unreadable"


def test_video_without_sound(make):
    path = make.video("silent.mp4")
    assert refusal(read_audio, path).code == "media_no_audio"
    assert not probe(path).has_audio
    assert refusal(read_audio, _jpeg(make)).code in ("media_no_audio", "media_corrupt")


@pytest.mark.parametrize("name", ["sound.mp4", "sound.wav", "sound.mkv"])
def test_sound_without_video(make, name):
    path = make.sound(name)
    assert refusal(frames_of, path).code == "media_no_video"
    assert not probe(path).has_video
    assert kind_of(path) == "audio"


@pytest.mark.parametrize("name", ["album.mp3", "album.flac", "album.m4a"])
def test_cover_art_is_no_video(make, name):
    path = make.album(name)
    assert refusal(frames_of, path).code == "media_no_video"
    assert not probe(path).has_video
    assert kind_of(path) == "audio"
    renamed = path.rename(path.with_suffix(".mp4")) if name.endswith("m4a") else path
    assert kind_of(renamed) == "audio"
    assert read_audio(renamed).duration_s == pytest.approx(1.0, abs=0.06)


def test_headers_without_content(make):
    wav = make.sound("h.wav").read_bytes()
    assert refusal(read_audio, make.raw("h.wav", wav[: wav.index(b"data") + 8])).code == "media_empty"


def test_truncated_mp4_whose_index_is_lost(make):
    data = make.video("t.mp4", sound_s=2.0).read_bytes()
    path = make.raw("cut.mp4", data[: len(data) // 2])
    for read in (read_audio, frames_of, probe):
        assert refusal(read, path).code == "media_corrupt"
    assert kind_of(path) == "video"


@pytest.mark.parametrize("name", ["t.mp4", "t.mkv", "t.ts", "t.avi"])
def test_truncated_video_gives_what_is_there_and_says_so(make, name):
    # ts and avi hold no promise of their length that survives; what is there is then all there is.
    options = {"movflags": "faststart"} if name == "t.mp4" else None
    whole = make.video(name, frames=100, options=options)
    data = whole.read_bytes()
    frames = frames_of(make.raw(f"cut-{name}", data[: len(data) * 6 // 10]))
    assert 1 <= len(frames.rgb) <= 4
    assert frames.times_s.max() < 3.2
    if name in ("t.mp4", "t.mkv"):
        assert "truncated" in codes(frames.notes)


@pytest.mark.parametrize("name", ["t.wav", "t.flac", "t.mkv"])
def test_truncated_sound_gives_what_is_there_and_says_so(make, name):
    data = make.sound(name, 4.0).read_bytes()
    heard = read_audio(make.raw(f"cut-{name}", data[: len(data) // 2]))
    assert 1.5 < heard.duration_s < 2.1
    assert "truncated" in codes(heard.notes)


def test_truncated_image_is_corrupt(make):
    data = _jpeg(make).read_bytes()
    assert refusal(read_image, make.raw("cut.jpg", data[: len(data) // 2])).code == "media_corrupt"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("f.mp4", "video"), ("f.mkv", "video"), ("f.webm", "video"), ("f.flac", "sound"), ("f.mp3", "sound")],
)
def test_bit_rot_never_escapes_as_another_error(make, name, kind):
    path = make.video(name, frames=15, sound_s=0.6) if kind == "video" else make.sound(name, 0.6)
    good, rng, told = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(7), 0
    for _ in range(20):
        bad = good.copy()
        at = rng.integers(0, len(bad), size=int(rng.integers(1, 60)))
        bad[at] = rng.integers(0, 256, size=len(at))
        blob = Blob(bad[: int(rng.integers(len(bad) // 4, len(bad) + 1))].tobytes(), name)
        for read in READERS.values():
            try:
                told += bool(getattr(read(blob), "notes", ()))
            except MediaError:
                told += 1
    assert told


def test_damage_in_the_middle_is_said(make):
    path = make.sound("d.flac", 4.0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 9000] = bytes(9000)
    heard = read_audio(make.raw("rot.flac", bytes(data)))
    assert codes(heard.notes) == ["audio_gaps"]
    assert heard.duration_s < 4.0


def test_unknown_type(make):
    assert refusal(kind_of, make.raw("notes.txt", b"hello " * 50)).code == "media_unknown_type"
    assert refusal(kind_of, make.raw("noname", b"hello " * 50)).code == "media_unknown_type"


def test_kind_by_suffix_then_by_content(make):
    assert kind_of(Path("absent.WAV")) == "audio"
    assert kind_of(Path("absent.jpeg")) == "image"
    assert kind_of(make.video("v.mp4", frames=3)) == "video"
    for path, kind in (
        (make.video("w.mkv", frames=3), "video"),
        (make.sound("s.flac"), "audio"),
        (_jpeg(make), "image"),
    ):
        bare = path.parent / f"bare-{kind}"
        shutil.copy(path, bare)
        assert kind_of(bare) == kind
        assert kind_of(Blob(bare.read_bytes(), "upload")) == kind
    assert refusal(kind_of, make.folder / "absent.mp4").code == "media_missing"


def test_playlists_are_not_followed(make):
    video = make.video("real.mp4", frames=5)
    concat = f"ffconcat version 1.0\nfile '{video}'\n"
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{video}\n#EXT-X-ENDLIST\n"
    for name, text in (("list.mp4", concat), ("list2.mp4", hls)):
        assert refusal(frames_of, make.raw(name, text.encode())).code == "media_corrupt"


@pytest.mark.parametrize("name", ["a%03d.mp4", "file:b.mp4", "-c.mp4", "ü space's.mp4"])
def test_odd_names_mean_nothing_special(make, name):
    assert len(frames_of(make.video("plain.mp4", frames=8).rename(make.folder / name)).rgb) == 4


def test_frames_too_large_to_decode(make, monkeypatch):
    monkeypatch.setattr("affectrl.data.media.video.MAX_PIXELS", 100 * 90)
    assert refusal(frames_of, make.video("huge.mp4", frames=2)).code == "media_too_large"


def test_a_codec_that_is_not_there(make):
    data = make.video("c.mp4").read_bytes()
    assert refusal(frames_of, make.raw("odd.mp4", data.replace(b"avc1", b"zzzz"))).code == "media_codec"


@pytest.mark.parametrize("rate", [1, 2_000_000_000])
def test_absurd_sampling_rates_are_not_believed(make, rate):
    data = bytearray(make.sound("r.wav", 0.5).read_bytes())
    at = data.index(b"fmt ") + 12
    data[at : at + 4] = rate.to_bytes(4, "little")
    assert refusal(read_audio, make.raw("absurd.wav", bytes(data))).code == "media_corrupt"


def test_a_video_that_changes_its_size_keeps_the_first(make):
    small, large = make.video("s.ts", frames=25), make.video("l.ts", frames=25, size=(256, 192))
    frames = read_frames(make.raw("both.ts", small.read_bytes() + large.read_bytes()), count=40)
    assert frames.rgb.shape[1:] == (96, 128, 3)


def test_damaged_frames_are_passed_over_and_said(make):
    data = bytearray(make.video("v.mkv", frames=100).read_bytes())
    rng = np.random.default_rng(3)
    for at in rng.integers(len(data) // 4, len(data) * 3 // 4, size=60):
        data[at] ^= 0xFF
    frames = read_frames(make.raw("rot.mkv", bytes(data)), count=16)
    assert {"damaged", "truncated"} & set(codes(frames.notes))


def _jpeg(make) -> Path:
    path = make.folder / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)).save(path)
    return path
