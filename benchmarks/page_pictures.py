"""The pictures of the page in docs/serve.md, of a server that runs: ``affectrl serve`` in another terminal, then

    python benchmarks/page_pictures.py http://127.0.0.1:7860/ film.mp4 --out docs/pictures

``film.mp4`` is any recording of some seconds with a face and a voice.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

WAIT_MS = 300_000
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SENTENCES = ("So good!", "Go away!", "I miss her.", "What was that noise?")


def opened(browser: Any, address: str, size: dict[str, int]) -> Any:
    """A tab that shows the page."""
    tab = browser.new_context(viewport=size).new_page()
    tab.set_default_timeout(WAIT_MS)
    tab.goto(address)
    tab.wait_for_selector("#predict-go")
    return tab


def upload(tab: Any, where: str, file: Path) -> None:
    """Give a file to an input."""
    tab.set_input_files(f"#{where} input[type=file]", str(file))
    tab.wait_for_selector(f"#{where} .file-preview")


def predict(tab: Any, film: Path, window: str | None) -> None:
    """Ask about a film, in windows where ``window`` names the choice."""
    upload(tab, "predict-file", film)
    if window is not None:
        tab.locator("#predict-window input").click()
        tab.get_by_role("option", name=window).click()
    tab.click("#predict-go")
    tab.wait_for_selector("#predict-out .aff-word")


def main() -> None:
    """Three pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("address")
    parser.add_argument("film", type=Path)
    parser.add_argument("--window", help="such as 'Every 2 s'")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    args = parser.parse_args()

    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, size in (("serve-predict", WIDE), ("serve-phone", PHONE)):
            tab = opened(browser, args.address, size)
            predict(tab, args.film, args.window)
            tab.wait_for_timeout(1500)
            tab.screenshot(path=args.out / f"{name}.png", full_page=True)
        tab = opened(browser, args.address, WIDE)
        tab.get_by_role("tab", name="Adapt", exact=True).first.click()
        tab.get_by_label("Or sentences, one a line").fill("\n".join(SENTENCES))
        tab.click("#adapt-go")
        tab.wait_for_selector("#adapt-out table")
        tab.wait_for_timeout(1500)
        tab.screenshot(path=args.out / "serve-adapt.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
