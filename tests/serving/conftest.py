"""A server over the tiny model: one in this process for the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from affectrl.serving.app import build
from affectrl.serving.limits import Limits
from affectrl.serving.service import Settings

HERE = "http://127.0.0.1:7860"
SMALL = Limits(body_bytes=4 << 20, seconds=30.0, table_bytes=1 << 20, timeout_s=60.0, waiting=8, rows=1000)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def client(tiny_model: Path, scratch: Path) -> Iterator[TestClient]:
    """The API alone, on this machine alone, with small limits."""
    app = build(Settings(tiny_model, limits=SMALL, page=False, scratch=scratch))
    with TestClient(app, base_url=HERE, raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def serving(tiny_model: Path, tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """``serving(token=..., limits=...)``: a server of one test's own."""
    opened = []

    def start(**settings: object) -> TestClient:
        app = build(Settings(tiny_model, page=False, scratch=tmp_path, **settings))  # type: ignore[arg-type]
        found = TestClient(app, base_url=HERE, raise_server_exceptions=False)
        found.__enter__()
        opened.append(found)
        return found

    yield start
    for each in opened:
        each.__exit__(None, None, None)
