"""A torchvision built for CUDA beside a torch for CPUs: ours get past it, others never meet it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from affectrl.models.torchvision_fit import BESIDE

OURS = """
import affectrl.models
from transformers import AutoImageProcessor, AutoVideoProcessor, Qwen2VLVideoProcessor
import numpy as np, peft, torch, torchvision
video = np.zeros((2, 32, 32, 3), np.uint8)
size = {"shortest_edge": 56 * 56, "longest_edge": 56 * 56}
print(tuple(Qwen2VLVideoProcessor(size=size)(videos=[video], return_tensors="pt")["pixel_values_videos"].shape))
try:
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
except RuntimeError as error:
    print(str(error)[:36])
"""
OTHERS = """
import importlib.util, peft
from transformers import AutoImageProcessor
print(importlib.util.find_spec("torchvision"))
from affectrl.models.torchvision_fit import need
need()
"""
LOADED = """
import sys
{}
print("torchvision" in sys.modules)
"""
APART = pytest.mark.skipif(not (BESIDE / "torchvision").is_dir(), reason="torchvision is not apart: make native")


def run(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    start = "".join(f"import sys; sys.path.insert(0, {str(folder)!r})\n" for folder in path)
    command = [sys.executable, "-W", "ignore", "-c", start + code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@APART
def test_processors_work_and_operators_say_that_they_are_missing() -> None:
    done = run(OURS)
    assert done.returncode == 0, done.stderr
    shape, *told = done.stdout.splitlines()
    assert shape == "(16, 1176)"  # 56 by 56 pixels of two frames, in patches of 14
    assert told in ([], ["Couldn't load custom C++ ops. This c"])  # the first where it does fit torch


@APART
def test_other_programs_do_not_see_it_and_come_too_late_for_ours() -> None:
    done = run(OTHERS)
    assert done.stdout.strip() == "None", done.stderr
    assert "Import affectrl.models before transformers" in done.stderr


def test_one_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::x does not exist')"
    )
    code = "from affectrl.cli.main import run; sys.argv = ['affectrl', 'predict', 'none.wav', '--model', '.']; run()"
    done = run(code, tmp_path)
    assert done.returncode == 2
    assert "[package_missing]" in done.stderr
    assert "does not fit torch" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_stands_left_of_models_never_loads_it() -> None:
    done = run(LOADED.format("import affectrl.cli.main, affectrl.data.load, affectrl.scoring.score"))
    assert done.stdout.split() == ["False"], done.stderr
