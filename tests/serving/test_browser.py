"""The page as people use it: headless Chromium against a server of its own, over the tiny model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from affectrl.models.checkpoint import CARD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
COMMAND = "from affectrl.cli.main import run; run()"
WAIT_MS = 90_000
FAKES = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """``affectrl serve`` in a process: its address, and the folder for its temporary files."""
    folder = tmp_path_factory.mktemp("served")
    scratch, run = folder / "tmp", folder / "runs" / "<b>odd & run"
    scratch.mkdir()
    run.mkdir(parents=True)
    (run / "report.html").write_text("<title>A run</title><h1>Told</h1><script>document.title = 'ran'</script>")
    shutil.copytree(tiny_model, folder / "runs" / "second" / "model")
    arguments = ["serve", "--model", str(tiny_model), "--port", "0", "--runs", str(folder / "runs")]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    address = ""
    for line in process.stderr:
        if " at http://" in line:
            address = line.strip().rsplit(" ", 1)[1]
            break
    assert address, "the server did not start"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}health", timeout=5).close()
            break
        except OSError:
            time.sleep(0.3)
    yield address, scratch
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert list(scratch.iterdir()) == [], "the server left something behind"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium to drive (Debian: apt install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=chromium, args=FAKES)
        yield found
        found.close()


class Page:
    """A user's tab, and what must not have happened in it."""

    def __init__(self, browser: Any, address: str, **settings: Any) -> None:
        self.context = browser.new_context(permissions=["microphone", "camera"], **settings)
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(WAIT_MS)
        self.elsewhere: list[str] = []
        self.dialogs: list[str] = []
        self.tab.on("request", lambda request: self._watch(request.url, address))
        self.tab.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.tab.goto(address)
        self.tab.wait_for_selector("#predict-go")

    def _watch(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.elsewhere.append(url)

    def open(self, name: str) -> None:
        self.tab.get_by_role("tab", name=name, exact=True).first.click()

    def upload(self, where: str, *files: Path) -> None:
        self.tab.set_input_files(f"#{where} input[type=file]", [str(file) for file in files])
        self.tab.wait_for_selector(f"#{where} .file-preview")

    def words(self, text: str) -> None:
        self.tab.get_by_label("Words").first.fill(text)

    def answer(self, name: str = "predict", *, until: str = ".aff-word, .aff-alert") -> Any:
        # What an earlier press has shown must not be taken for the answer to this one.
        self.tab.evaluate(
            f"document.querySelectorAll('#{name}-out .aff-card, #{name}-out .aff-alert').forEach(e => e.remove())"
        )
        self.tab.click(f"#{name}-go")
        self.tab.wait_for_selector(", ".join(f"#{name}-out {part.strip()}" for part in until.split(",")))
        return self.tab.locator(f"#{name}-out")

    def close(self) -> None:
        self.context.close()
        assert self.elsewhere == []
        assert self.dialogs == []


@pytest.fixture
def page(browser: Any, server: tuple[str, Path]) -> Iterator[Page]:
    found = Page(browser, server[0])
    yield found
    found.close()


def test_a_film_is_answered_with_a_timeline(page: Page, tmp_path: Path) -> None:
    import numpy as np

    from small_films import write_film

    film = tmp_path / "long.mp4"
    t = np.arange(16_000 * 5) / 16_000
    still = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_film(film, (0.4 * np.sin(1200 * t)).astype(np.float32), [np.roll(still, 4 * i, axis=1) for i in range(50)])
    page.upload("predict-file", film)
    page.words("So good!")
    page.tab.locator("#predict-window input").click()
    page.tab.get_by_role("option", name="Every 2 s").click()
    told = page.answer()
    assert told.locator(".aff-wheel img").get_attribute("alt").startswith("Emotion wheel:")
    assert told.locator("video").count() == 1
    parts = told.locator(".aff-seg")
    assert parts.count() >= 2
    assert "seconds:" in parts.nth(1).get_attribute("aria-label")
    parts.nth(1).press("Enter")
    page.tab.wait_for_function("document.querySelector('video.aff-media').currentTime >= 2")
    names = told.locator(".aff-bar-name").all_inner_texts()
    assert {"voice", "words", "without any"} <= set(names)


def test_a_microphone_and_a_camera_are_recorded(page: Page) -> None:
    page.open("Microphone")
    voice = page.tab.locator("#predict-voice")
    voice.get_by_role("button", name="Record").click()
    page.tab.wait_for_timeout(2500)
    voice.get_by_role("button", name="Stop").click()
    voice.locator("#waveform, .waveform-container").first.wait_for()
    page.tab.wait_for_timeout(1000)
    told = page.answer()
    assert told.locator("audio").count() == 1
    assert "audio" in told.inner_text()
    page.open("Camera")
    film = page.tab.locator("#predict-film")
    film.get_by_text("Click to Access Webcam").click()
    film.locator("video").first.wait_for()
    page.tab.wait_for_timeout(500)
    film.locator(".button-wrap button").first.click()
    page.tab.wait_for_timeout(2500)
    film.locator(".button-wrap button").first.click()
    page.tab.wait_for_timeout(1500)
    told = page.answer()
    assert told.locator("video").count() == 1, told.inner_text()


def test_a_corrupt_file_is_told_in_words(page: Page, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 500)
    page.upload("predict-file", bad)
    told = page.answer(until=".aff-alert").inner_text()
    assert "cannot" in told or "damaged" in told
    assert "affectrl-" not in told  # no place of the server's


def test_html_is_shown_and_never_run(page: Page) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    page.words(f"So good! {evil}")
    page.tab.get_by_label("Choose among").first.fill("happy, sad, <img src=x onerror=alert(3)>")
    page.answer(until=".aff-alert")
    page.open("Adapt")
    page.tab.get_by_label("Or sentences, one a line").fill(f"{evil}")
    told = page.answer("adapt", until=".aff-alert")
    assert told.locator("script, img[src=x]").count() == 0
    page.tab.evaluate("window.ran = 0")
    page.open("Runs")
    frame = page.tab.locator("#runs-out iframe")
    frame.wait_for()
    report = page.tab.frame_locator("#runs-out iframe")
    assert report.locator("h1").inner_text() == "Told"
    assert frame.get_attribute("title") == "Report of <b>odd & run"
    assert page.tab.frames[-1].title() == "A run"  # its script did not run


def test_reports_are_all_that_is_shown_of_a_folder(server: tuple[str, Path]) -> None:
    address, _ = server
    for name in (
        "../served/tmp",
        "..%2f..%2fetc%2fpasswd",
        "second",
        "second/model",
        f"second/model/{CARD}",
        "%2e%2e/x",
    ):
        with pytest.raises(OSError, match="404"):
            urllib.request.urlopen(f"{address}runs/{name}", timeout=10)


def test_two_models_are_compared_and_files_scored(page: Page, tmp_path: Path) -> None:
    page.open("Compare")
    panel = page.tab.get_by_role("tabpanel").filter(has=page.tab.locator("#compare-go"))
    panel.get_by_label("Words").first.fill("Go away!")
    page.tab.locator("#compare-other input").click()
    page.tab.get_by_role("option", name="second").click()
    page.tab.click("#compare-go")
    panel.locator(".aff-word").nth(1).wait_for()
    assert panel.locator(".aff-word").all_inner_texts() == ["angry", "angry"]
    page.open("Score")
    pred, ref = tmp_path / "pred.jsonl", tmp_path / "ref.csv"
    pred.write_text(
        "".join(json.dumps({"id": i, "emotions": [e], "top": e}) + "\n" for i, e in enumerate(["sad", "happy"]))
    )
    ref.write_text("id,label\n0,sad\n1,angry\n")
    page.upload("score-pred", pred)
    page.upload("score-ref", ref)
    told = page.answer("score", until="table").inner_text()
    assert "0.500" in told


def test_two_users_adapt_and_roll_back_apart(browser: Any, server: tuple[str, Path], tiny_model: Path) -> None:
    before = {file: file.read_bytes() for file in tiny_model.rglob("*") if file.is_file()}
    ann, bob = Page(browser, server[0]), Page(browser, server[0], viewport={"width": 390, "height": 800})
    ann.open("Adapt")
    ann.tab.get_by_label("Or sentences, one a line").fill("So good?\nGo away?\nI miss her?")
    ann.tab.get_by_role("radio", name="Bold").check()
    ann.answer("adapt", until="progress")
    # The other is served meanwhile, on a phone; he has no adapted model, and nothing is wider than his screen.
    bob.words("I miss her.")
    assert bob.answer().locator(".aff-word").inner_text() == "sad"
    assert bob.tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    bob.tab.get_by_role("radio", name="My adapted one").check()
    assert "no adapted model" in bob.answer(until=".aff-alert").inner_text()
    told = ann.tab.locator("#adapt-out")
    told.locator("table").wait_for(timeout=240_000)
    assert "step 5 of 5" in told.inner_text()
    assert "at first" in told.locator("img.aff-curves").get_attribute("alt")
    assert told.locator("tbody tr").count() == 3
    ann.open("Predict")
    ann.words("So good!")
    ann.tab.get_by_role("radio", name="My adapted one").check()
    ann.answer(until=".aff-word")
    ann.open("Adapt")
    ann.tab.get_by_role("button", name="Roll back").click()
    ann.tab.get_by_text("The adapted model is removed").wait_for()
    ann.open("Predict")
    assert "no adapted model" in ann.answer(until=".aff-alert").inner_text()
    assert list(server[1].rglob("adapt-*")) == []
    ann.tab.get_by_role("radio", name="As shipped").check()
    assert ann.answer(until=".aff-word").locator(".aff-word").inner_text() == "happy"
    assert {file: file.read_bytes() for file in tiny_model.rglob("*") if file.is_file()} == before
    ann.close()
    bob.close()
