from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from affectrl.cli.sandbox import sandbox
from affectrl.data.manifest import read_manifest
from affectrl.errors import UsageError

app = typer.Typer()
app.command()(sandbox)


def test_the_command_writes_a_set_and_prints_its_manifest(tmp_path: Path) -> None:
    asked = [str(tmp_path), "--n", "3", "--workers", "1", "--splits", "train=0.5,test=0.5", "--quiet"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    clips = read_manifest(Path(result.stdout.strip()))
    assert len(clips) == 3
    assert {clip.split for clip in clips} <= {"train", "test"}


def test_an_unknown_domain_is_wrong_usage(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, [str(tmp_path), "--domain", "moon"]).exit_code == 2


@pytest.mark.parametrize("splits", ["train", "train=a,test=b", "train=0.5,test=0.2", ""])
def test_bad_splits_are_wrong_usage(splits: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--n", "2", "--splits", splits])
    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "sandbox_share"
