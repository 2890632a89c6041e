"""Adaptations of the page: which model they begin from."""

from __future__ import annotations

import json
from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.models import checkpoint, weights
from affectrl.serving.adapting import JOB, Adaptation


def test_the_packaged_model_is_found_by_its_name(tmp_path: Path) -> None:
    clips = [Clip(id="a", text="So good!")]
    made = Adaptation("affectrl-nano", tmp_path / "adapt-1", clips, votes=2, epochs=1, lr=1e-5)
    try:
        base = json.loads((made.folder / JOB).read_text())["base"]
    finally:
        made.close()
    own = weights.own("affectrl-nano")
    assert own is not None
    assert checkpoint.find(base) == own.resolve()
    assert not made.folder.exists()
