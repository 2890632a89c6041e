"""Shared fixtures: where the development data lies, and a home of our own for every cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party development data; tests that need it are skipped, aloud, where it is absent."""
    folder = Path(os.environ.get("AFFECTRL_SHARED_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"third-party development data is not at {folder} (set AFFECTRL_SHARED_DATA)")
    return folder
