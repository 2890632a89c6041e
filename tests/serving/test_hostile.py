"""What strangers may send: each ends in a 4xx with a reason, and nothing is left or written elsewhere."""

from __future__ import annotations

import io
import json
import struct
import time
import wave
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image


def wav(seconds_told: float, data: bytes = b"\0" * 32_000, rate: int = 16_000) -> bytes:
    """A WAV of which the header tells another length than it has."""
    size = int(seconds_told * rate * 2)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", size
    )
    return head + data


def png(width: int, height: int) -> bytes:
    """A picture that claims to be large, and is a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 4_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def long_sound() -> bytes:
    """A minute in a small file, its header honest."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(b"\x80" * 8000 * 60)
    return out.getvalue()


def ten_hours() -> bytes:
    """A second of FLAC of which the header tells ten hours."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="flac") as box:
        stream = box.add_stream("flac", rate=16_000)
        noise = np.random.default_rng(0).integers(-9000, 9000, (1, 16_000), np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        frame.rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            box.mux(packet)
    data = bytearray(out.getvalue())
    samples = 36_000 * 16_000
    data[21] = data[21] & 0xF0 | samples >> 32
    data[22:26] = struct.pack(">I", samples & 0xFFFF_FFFF)
    return bytes(data)


def headless_mp3() -> bytes:
    """A minute of MP3 frames, without a header that says so."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp3", options={"write_xing": "0"}) as box:
        stream = box.add_stream("mp3", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000 * 60), np.int16), format="s16p", layout="mono")
        frame.rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            box.mux(packet)
    return out.getvalue()


def huge_film() -> bytes:
    """Two frames of 6000 x 4000 pixels."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as box:
        stream = box.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 6000, 4000, "yuv420p"
        for _ in range(2):
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((4000, 6000), np.uint8), format="gray")):
                box.mux(packet)
        for packet in stream.encode(None):
            box.mux(packet)
    return out.getvalue()


PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
UPLOADS = {
    "empty": (b"", 422, "media_empty"),
    "ten hours": (ten_hours(), 413, "media_too_long"),
    "ten hours claimed": (wav(36_000), 422, "nothing_to_read"),  # FFmpeg believes the file's size: a second of silence
    "a minute": (long_sound(), 413, "media_too_long"),
    "bomb": (png(40_000, 40_000), 413, "media_too_large"),
    "small bomb": (png(9_000, 9_000), 413, "media_too_large"),
    "text": (b"hello there, this is text" * 50, 415, "media_unknown_type"),
    "html": (b"<html><script>alert(1)</script></html>" * 50, 415, "media_unknown_type"),
    "svg": (SVG, 415, "media_unknown_type"),
    "program": (b"\x7fELF" + b"\0" * 5000, 415, "media_unknown_type"),
    "playlist": (PLAYLIST, 415, "media_unknown_type"),
    "zip": (b"PK\x03\x04" + b"\0" * 5000, 415, "media_unknown_type"),
    "pickle": (b"\x80\x04\x95" + b"cos\nsystem\n" * 30, 415, "media_unknown_type"),
    "cut film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 500, 422, "media_corrupt"),
    "header only": (wav(1, b""), 422, "media_empty"),
    "too large": (b"\0" * (5 << 20), 413, "upload_too_large"),
}


@pytest.fixture
def untouched(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory and a place for temporary files, which must stay as they are."""

    def outside() -> list[Path]:
        return sorted(file for file in tmp_path.parent.rglob("*") if scratch not in (file, *file.parents))

    monkeypatch.chdir(tmp_path)
    before = outside()
    yield tmp_path
    assert outside() == before
    deadline = time.monotonic() + 5  # the model's thread clears up after it has answered
    while (left := [file for file in scratch.rglob("*") if file.is_file()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


@pytest.mark.parametrize("what", UPLOADS)
def test_bad_media(client: TestClient, untouched: Path, what: str) -> None:
    content, status, code = UPLOADS[what]
    told = client.post("/v1/predict", files={"media": ("clip.mp4", content, "video/mp4")})
    assert (told.status_code, told.json()["code"]) == (status, code), told.text
    assert len(told.json()["message"]) > 10
    assert "affectrl-serve-" not in told.text  # where uploads lie is nobody's business


def test_length_is_counted_where_no_header_tells_it(client: TestClient, untouched: Path) -> None:
    told = client.post("/v1/predict", files={"media": headless_mp3()})
    assert (told.status_code, told.json()["code"]) == (413, "media_too_long")


def test_a_film_of_huge_pictures(client: TestClient, untouched: Path) -> None:
    told = client.post("/v1/predict", files={"media": huge_film()})
    assert (told.status_code, told.json()["code"]) == (413, "media_too_large")


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.wav",
        "/etc/cron.d/evil",
        "..\\..\\evil.wav",
        "a\0b.wav",
        "x" * 500,
        "<img src=x onerror=alert(1)>",
        "\u202evaw.exe",
        "C:evil",
    ],
)
def test_names_are_never_paths(client: TestClient, untouched: Path, small_media: Path, name: str) -> None:
    told = client.post("/v1/predict", files={"media": (name, (small_media / "talk.wav").read_bytes())})
    assert told.status_code == 200, told.text
    assert told.json()["predictions"][0]["id"] == "upload"
    assert "evil" not in told.text
    assert "onerror" not in told.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps({"text": "x" * 1000}), "application/json"),
        ("[" * 100_000, "application/json"),
        ('{"a":' * 50_000, "application/json"),
        ("nothing", "multipart/form-data"),
        (f"--x\r\nContent-Disposition: form-data; name={'x' * 5000}\r\n\r\n", "multipart/form-data; boundary=x"),
        ("--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x"),
        ("text=" + "y" * 3_000_000, "application/x-www-form-urlencoded"),
        ("&".join(f"f{i}=1" for i in range(20_000)), "application/x-www-form-urlencoded"),
        ("", "text/plain"),
    ],
)
def test_bad_bodies(client: TestClient, untouched: Path, body: str, kind: str) -> None:
    told = client.post("/v1/predict", content=body, headers={"Content-Type": kind})
    assert 400 <= told.status_code < 500, told.text[:200]
    assert set(told.json()) >= {"code", "message"}
    assert len(told.text) < 1000  # what was sent is not sent back


def test_a_body_that_says_no_length_is_counted(client: TestClient, untouched: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="media"; filename="a.wav"\r\n\r\n'
        for _ in range(200):
            yield b"\0" * 65_536

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    told = client.post("/v1/predict", content=endless(), headers=headers)
    assert (told.status_code, told.json()["code"]) == (413, "upload_too_large")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "no_input"),
        ({"text": "  "}, "no_input"),
        ({"text": "a" * 6000}, "text_too_long"),
        ({"text": "a", "labels": "happy"}, "labels_invalid"),
        ({"text": "a", "labels": "<script>,happy"}, "labels_invalid"),
        ({"text": "a", "labels": ",".join(f"l{i}" for i in range(100))}, "labels_invalid"),
        ({"text": "a", "explain": "perhaps"}, "request_invalid"),
        ({"text": "a", "window": "x"}, "request_invalid"),
    ],
)
def test_bad_fields(client: TestClient, form: dict[str, str], code: str) -> None:
    told = client.post("/v1/predict", data=form)
    assert (told.status_code, told.json()["code"]) == (422, code)


@pytest.mark.parametrize("window", ["0", "-1", "nan", "inf", "1e-9"])
def test_bad_windows(client: TestClient, small_media: Path, window: str) -> None:
    told = client.post("/v1/predict", files={"media": (small_media / "talk.wav").open("rb")}, data={"window": window})
    assert (told.status_code, told.json()["code"]) == (422, "window_invalid")


def test_html_in_words_comes_back_as_data(client: TestClient) -> None:
    data = {"text": "<script>alert(1)</script> So good!", "labels": "happy,sad"}
    told = client.post("/v1/predict", data=data)
    assert told.status_code == 200
    assert told.headers["content-type"] == "application/json"
    assert told.headers["x-content-type-options"] == "nosniff"


DEEP = b'{"id": "0", "emotions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
TABLES = {
    "empty": (b"", 422, "score_file_empty"),
    "deep": (DEEP, 422, "score_file_syntax"),
    "list": (b'[{"id": "0"}]', 422, "score_file_syntax"),
    "binary": (b"\0\1\2" * 500, 422, "score_file_syntax"),
    "npz": (b"PK\x03\x04" + b"\0" * 500, 422, "score_file_syntax"),
    "parquet": (b"PAR1" + b"\0" * 500, 422, "score_file_syntax"),
    "no ids": (b"a,b\n1,2\n", 422, "score_column"),
    "long": (b"id,label\n" + b"".join(b"%d,happy\n" % i for i in range(1500)), 422, "score_too_long"),
    "large": (b"id,label\n0," + b"h" * (2 << 20), 413, "upload_too_large"),
    "large number": (b'{"id": "0", "emotions": ' + b"9" * 100_000 + b"}\n", 422, "score_file_syntax"),
}


@pytest.mark.parametrize("what", TABLES)
def test_bad_tables(client: TestClient, untouched: Path, what: str) -> None:
    content, status, code = TABLES[what]
    for side, other in (("pred", "ref"), ("ref", "pred")):
        files = {side: ("../x.npz", content), other: ("y.pkl", b"id,label,emotions\n0,happy,happy\n")}
        told = client.post("/v1/score", files=files, data={"task": "basic"})
        assert (told.status_code, told.json()["code"]) == (status, code), told.text[:300]
        assert "affectrl-serve-" not in told.text


def test_a_picture_that_is_large_but_allowed(client: TestClient) -> None:
    out = io.BytesIO()
    Image.new("L", (5000, 4000)).save(out, "PNG")
    told = client.post("/v1/predict", files={"media": out.getvalue()})
    assert told.status_code in (200, 422), told.text  # no face is in it, which is another matter
