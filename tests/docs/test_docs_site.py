"""The site builds without a warning and without a network, and asks nobody for anything when it is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from doc_pages import DOCS, REPO

pytest.importorskip("material", reason="the extra `docs` is not installed")
CLOSED = "http://127.0.0.1:9"
"""A proxy that is not there: whatever asks the network while building fails."""


class Fetched(HTMLParser):
    """Addresses that a browser asks for by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio"):
            self.found.append(given.get("src") or "")
        elif tag == "link" and set((given.get("rel") or "").split()) & {"stylesheet", "preload", "preconnect", "icon"}:
            self.found.append(given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), CLOSED)
    there = {**os.environ, **proxies, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=REPO, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_every_page_is_there_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = [page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")]
    assert len(pages) > 40
    addresses = []
    for page in pages:
        parser = Fetched()
        parser.feed((site / page).read_text("utf-8"))
        addresses += parser.found
    sheets = [address for sheet in site.rglob("*.css") for address in re.findall(r"url\(([^)]+)\)", sheet.read_text())]
    print(f"visited {len(addresses)} addresses of {len(pages)} pages and {len(sheets)} of style sheets")
    assert len(addresses) > 100
    assert [a for a in (*addresses, *sheets) if re.match(r"['\"]?(?:https?:)?//", a)] == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("inference", ("affectrl.inference.model.EmotionModel.predict", "affectrl.inference.model.load")),
        ("rewards", ("affectrl.rewards.accuracy.reward", "affectrl.rl.rubric.Rubric.score")),
        ("metrics", ("affectrl.metrics.shapley.shapley",)),
        ("rl", ("affectrl.rl.losses.clipped_surrogate", "affectrl.training.adapt.adapt")),
    ],
)
def test_the_reference_is_made_from_docstrings(site: Path, page: str, names: tuple[str, ...]) -> None:
    text = (site / "reference" / f"{page}.html").read_text("utf-8")
    assert [name for name in names if f'id="{name}"' not in text] == []
    assert "Raises" in text or page == "rl"
