"""Pieces of the page: words stay words, pictures tell what they show, and no report lies outside its folder."""

from __future__ import annotations

import asyncio
import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from affectrl.answers.prediction import Prediction
from affectrl.errors import Note, UsageError
from affectrl.serving.adapting import Course
from affectrl.serving.page import drawing, pieces
from affectrl.serving.runs import reports

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&"


class Tags(HTMLParser):
    """Tags and attributes of a piece."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def said(text: str, **more: object) -> Prediction:
    about = {"emotions": (text, "happy"), "top": text, "confidence": 0.7, "reasoning": text, "text": text}
    return Prediction(text, text, **(about | {"notes": (Note("a", text),)} | more))  # type: ignore[arg-type]


def test_words_are_never_markup() -> None:
    rows = [said(EVIL, start=0.0, end=2.0), said(EVIL, start=2.0, end=4.0)]
    whole = [
        pieces.answer(said(EVIL, scores={EVIL: 0.5, "sad": 0.5}, shares={EVIL: 0.1, "nothing": 0.2}), title=EVIL),
        pieces.answer(said("sad"), player=pieces.player(Path(f"/tmp/{EVIL}"), "video", rows, "files=")),
        pieces.error(UsageError(EVIL, hint=EVIL)),
        pieces.course(Course("done", 1, 1, {"Mean reward": [(1, 0.5)]}, [(EVIL, EVIL, EVIL)])),
        pieces.course(Course("failed", 0, 0, {}, [], EVIL)),
    ]
    for html in whole:
        tags = Tags(html).found
        assert tags
        assert not [tag for tag, _ in tags if tag == "script"]
        assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]
        assert all(
            (attrs.get("src") or "").startswith(("data:image/svg", "files=")) for tag, attrs in tags if tag == "img"
        )


def test_what_is_seen_is_told() -> None:
    rows = [said("angry", start=0.0, end=2.0), said("sad", start=2.0, end=5.0, confidence=None)]
    html = pieces.player(Path("/x/talk.mp4"), "video", rows, "files=")
    parts = [attrs for tag, attrs in Tags(html).found if tag == "button"]
    assert [part["aria-label"] for part in parts] == ["0.0 to 2.0 seconds: angry, 70% sure", "2.0 to 5.0 seconds: sad"]
    assert "left:40.000%;width:60.000%" in str(parts[1]["style"])
    for tag, attrs in Tags(pieces.answer(said("sad"))).found:
        assert tag != "img" or attrs["alt"]


def test_a_wheel_puts_words_where_they_stand() -> None:
    address, told, off = drawing.wheel({"angry": 0.6, "qwertz": 0.3, "neutral": 0.1})
    picture = base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()
    assert picture.lstrip().startswith("<?xml")
    assert told == "Emotion wheel: angry 60%, neutral 10%."
    assert off == ["qwertz"]
    assert drawing.colour("furious") == drawing.COLOURS["anger"]
    assert drawing.colour("neutral") == drawing.PLAIN
    assert drawing.wheel({"qwertz": 1.0})[0] == ""
    # Matplotlib would read these as formulas.
    assert drawing.wheel({"angry": 1.0, "$x_{": 0.5, "sad": 0.2})[2] == ["$x_{"]


def test_open_answers_are_drawn_by_rank() -> None:
    row = {"emotions": ["sad", "angry"], "confidence": 0.8, "scores": {}}
    assert drawing.strengths(row) == {"sad": 0.8, "angry": 0.4}
    assert drawing.strengths(row | {"scores": {"sad": 0.1}}) == {"sad": 0.1}


def test_no_report_lies_outside(tmp_path: Path) -> None:
    outside, runs = tmp_path / "outside", tmp_path / "runs"
    for folder in (outside, runs / "mine", runs / "none"):
        folder.mkdir(parents=True)
    (outside / "report.html").write_text("secret")
    (runs / "mine" / "report.html").write_text("mine")
    (runs / "link").symlink_to(outside)
    (runs / "none" / "report.html").symlink_to(outside / "report.html")
    assert list(reports(runs)) == ["mine"]
    assert reports(None) == {} == reports(tmp_path / "nowhere")


def test_the_page_fetches_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    import gradio as gr

    from affectrl.serving.page import refuse_addresses

    with gr.Blocks() as blocks:
        file = gr.File()
    refuse_addresses(blocks)
    mine = tmp_path / "mine.wav"
    mine.write_bytes(b"RIFF")
    assert Path(str(asyncio.run(file.async_move_resource_to_block_cache(str(mine))))).read_bytes() == b"RIFF"
    for place in ("http://127.0.0.1:1/x.wav", "https://example.org/x.wav"):
        with pytest.raises(ValueError, match="not fetched"):
            asyncio.run(file.async_move_resource_to_block_cache(place))


@pytest.mark.parametrize("path", ["/v1/predict", "/health", "/nothing"])
def test_every_answer_carries_the_policy(client: TestClient, path: str) -> None:
    told = client.get(path)
    assert "default-src 'self'" in told.headers["content-security-policy"]
    assert told.headers["x-frame-options"] == "SAMEORIGIN"
