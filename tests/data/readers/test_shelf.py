from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from look_alikes import BUILDERS
from typer.testing import CliRunner

from affectrl import shelves
from affectrl.cli.data import app
from affectrl.data.check import check
from affectrl.data.load import READERS, load_clips
from affectrl.emotions import label_set
from affectrl.errors import AffectError


def test_every_reader_keeps_the_contract(tmp_path: Path) -> None:
    names = shelves.names(READERS)
    for name in names:
        reader = shelves.load(READERS, name)
        assert name == reader.NAME
        assert reader.LABEL_SET is None or len(label_set(reader.LABEL_SET)) > 1
        assert reader.LICENCE
        assert "http" in reader.ABOUT
        with pytest.raises(AffectError, match="expected"):
            reader.read(tmp_path)
        with pytest.raises(AffectError, match="no such folder"):
            reader.read(tmp_path / "nowhere")
    assert len(names) >= 4


@pytest.mark.parametrize("name", BUILDERS)
def test_look_alikes_read_describe_and_check_clean(name: str, look_alike: Callable[[str], Path]) -> None:
    source = f"{name}:{look_alike(name)}"
    clips = load_clips(source)
    assert len(clips) == BUILDERS[name][1]
    assert len({clip.id for clip in clips}) == len(clips)
    told = CliRunner().invoke(app, ["describe", source], env={"COLUMNS": "200", "TERM": "dumb"})
    assert told.exit_code == 0, told.output
    assert f"{len(clips)} clips" in told.stdout
    findings = {finding.code for finding in check(clips, labels=None, quiet=True)}
    # Look-alikes repeat one film and one sound; nothing else may be wrong with them.
    assert findings <= {"content_in_two_splits", "speaker_in_two_splits"}
    labels = shelves.load(READERS, name).LABEL_SET
    assert labels is None or {label for clip in clips for label in clip.labels} <= set(label_set(labels).labels)


def test_the_list_names_every_reader_and_its_licence() -> None:
    listed = CliRunner().invoke(app, ["list"], env={"COLUMNS": "250", "TERM": "dumb"}).stdout
    for name in shelves.names(READERS):
        assert f"  {name} " in listed
        assert shelves.load(READERS, name).LICENCE in listed


def test_no_reader_is_without_a_test() -> None:
    assert set(shelves.names(READERS)) == {*BUILDERS, "ravdess", "emodb", "fer2013"}
