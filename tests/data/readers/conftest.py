from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from look_alikes import BUILDERS, Maker


@pytest.fixture
def maker(files, speak, paint) -> Maker:
    return Maker(files, speak, paint)


@pytest.fixture
def look_alike(maker: Maker) -> Callable[[str], Path]:
    """A tiny folder in a reader's published layout."""

    def build(name: str) -> Path:
        BUILDERS[name][0](maker)
        return maker.root / "mer"

    return build
