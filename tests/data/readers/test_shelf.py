from __future__ import annotations

from pathlib import Path

import pytest

from affectrl import shelves
from affectrl.data.load import READERS
from affectrl.emotions import label_set
from affectrl.errors import AffectError


def test_every_reader_keeps_the_contract(tmp_path: Path) -> None:
    names = shelves.names(READERS)
    for name in names:
        reader = shelves.load(READERS, name)
        assert name == reader.NAME
        assert len(label_set(reader.LABEL_SET)) > 1
        assert "http" in reader.ABOUT
        with pytest.raises(AffectError, match="expected"):
            reader.read(tmp_path)
    assert len(names) >= 4
