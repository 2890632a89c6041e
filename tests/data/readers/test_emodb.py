from __future__ import annotations

from pathlib import Path

import pytest

from affectrl.data.load import load_clips
from affectrl.data.readers import emodb
from affectrl.errors import DataError


@pytest.mark.parametrize(
    ("letter", "label"),
    zip("WLEAFTN", ["anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"], strict=True),
)
def test_emotion_letters(tmp_path: Path, letter: str, label: str) -> None:
    (tmp_path / "wav").mkdir()
    (tmp_path / f"wav/08a02{letter}b.wav").touch()
    (clip,) = emodb.read(tmp_path)
    assert clip.id == f"08a02{letter}b"
    assert clip.labels == (label,)
    assert clip.text == "Das will sie am Mittwoch abgeben."
    assert (clip.speaker, clip.group) == ("08", "female")
    assert clip.extras == {"language": "de", "sentence": "a02", "version": "b"}


def test_flat_flac_folder_and_strange_files(tmp_path: Path) -> None:
    for name in ("16b10Wa.flac", "03a01Fa.flac", "03a01Xa.flac", "99a01Fa.flac", "notes.txt"):
        (tmp_path / name).touch()
    assert [clip.id for clip in emodb.read(tmp_path)] == ["03a01Fa", "16b10Wa"]


def test_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="03a01Fa"):
        emodb.read(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        emodb.read(tmp_path / "nowhere")


def test_the_real_folder(shared_data: Path) -> None:
    clips = load_clips(f"emodb:{shared_data / 'emodb'}")
    assert {clip.speaker for clip in clips} == {"03", "08", "09", "10", "11"}
    assert len({clip.labels[0] for clip in clips}) == 7
    assert len(clips) == len(list((shared_data / "emodb").glob("*.flac")))
