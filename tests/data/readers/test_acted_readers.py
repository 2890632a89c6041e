"""IEMOCAP in four and six classes, and CREMA-D: what file names and evaluation files say."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from look_alikes import Maker, csv_of

from affectrl.data.load import load_clips
from affectrl.data.readers import cremad
from affectrl.errors import DataError

EVALUATION = "mer/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


def test_four_classes(look_alike) -> None:
    folder = look_alike("iemocap4")
    first, second = load_clips(f"iemocap4:{folder}")
    assert (first.id, first.labels, first.text) == ("Ses01F_impro01_F000", ("neutral",), "Line 0.")
    # Excited counts as happy; frustrated and undecided turns are left out.
    assert (second.labels, second.extras["code"]) == (("happy",), "exc")
    assert [(clip.speaker, clip.group) for clip in (first, second)] == [("Ses01F", "female"), ("Ses01M", "male")]
    # The film shows both; she wore the markers, so she sits on the left.
    assert [clip.extras["side"] for clip in (first, second)] == ["left", "right"]
    assert (first.split, first.extras["valence"], second.extras["activation"]) == ("session1", 2.5, 3.5)
    assert first.video == folder / "Session1/dialog/avi/DivX/Ses01F_impro01.avi"
    assert (second.start, second.end) == (0.1, 0.2)


def test_six_classes_and_sound_alone(look_alike) -> None:
    folder = look_alike("iemocap6")
    shutil.rmtree(folder / "Session1/dialog/avi")
    clips = load_clips(f"iemocap6:{folder}")
    assert [clip.labels[0] for clip in clips] == ["neutral", "excited", "frustrated"]
    assert clips[2].audio == folder / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F001.wav"
    assert clips[2].start is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[0.1 - 0.2]\tSes01F_impro01_F000\tmad\t[2, 2, 2]", "line 1: 'mad' is no code of IEMOCAP"),
        ("[0.1 - 0.2]\tSes9X_impro01_F000\tneu\t[2, 2, 2]", "line 1: expected a turn such as"),
        ("[0.1 - 0.2]\tSes01F_impro01_F000\tneu\t[2, 2]", r"line 1: expected \[valence, activation, dominance\]"),
        ("[0.2 - 0.2]\tSes01F_impro01_F000\tneu\t[2, 2, 2]", "line 1: .*cannot become a clip: end"),
    ],
)
def test_broken_evaluations(look_alike, maker: Maker, line: str, reason: str) -> None:
    folder = look_alike("iemocap4")
    maker.text(EVALUATION, line)
    with pytest.raises(DataError, match=reason):
        load_clips(f"iemocap4:{folder}")


def test_cremad_films_sounds_votes_and_actors(look_alike) -> None:
    folder = look_alike("cremad")
    first, second = load_clips(f"cremad:{folder}")
    assert (first.id, first.labels, first.text) == ("1001_IEO_NEU_XX", ("neutral",), "It's eleven o'clock.")
    assert first.modalities == ("video", "audio", "text")
    assert second.modalities == ("audio", "text")
    assert (first.speaker, first.group, second.group) == ("1001", "male", "female")
    assert first.extras["voice_vote"] == ["neutral"]
    assert first.extras["both_vote"] == ["anger", "disgust"]
    assert (second.labels, second.extras["intensity"]) == (("anger",), "high")


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("VideoDemographics.csv", "Actor,Sex\n1001,Male\n", "lacks the columns ActorID"),
        ("processedResults/summaryTable.csv", csv_of("FileName,VoiceVote", "x,N"), "lacks the columns FaceVote"),
        (
            "processedResults/summaryTable.csv",
            csv_of("FileName,VoiceVote,FaceVote,MultiModalVote", "x,N,N,Q"),
            "line 2: MultiModalVote: 'Q' is no emotion",
        ),
    ],
)
def test_broken_tables_of_cremad(look_alike, maker: Maker, file: str, content: str, reason: str) -> None:
    folder = look_alike("cremad")
    maker.text(f"mer/{file}", content)
    with pytest.raises(DataError, match=reason):
        load_clips(f"cremad:{folder}")


def test_cremad_names_that_no_owner_gave(maker: Maker) -> None:
    maker.sounds("c/AudioWAV/1001_IEO_MAD_XX.wav")
    with pytest.raises(DataError, match="1001_IEO_MAD_XX: 'MAD' is no class of cremad"):
        cremad.read(maker.root / "c")


def test_cremad_with_the_published_tables(shared_data: Path, maker: Maker) -> None:
    """All 7,442 names of the owners' own list, with their demographics and votes; the sounds are empty files."""
    table = (shared_data / "cremad/SentenceFilenames.csv").read_text().splitlines()[1:]
    names = [line.split(",")[1].strip('"') for line in table]
    folder = maker.root / "c"
    (folder / "AudioWAV").mkdir(parents=True)
    for name in names:
        (folder / f"AudioWAV/{name}.wav").touch()
    for name in ("VideoDemographics.csv", "summaryTable.csv"):
        shutil.copy(shared_data / "cremad" / name, folder / name)
    clips = cremad.read(folder)
    assert len(clips) == len(set(names)) == 7442
    assert len({clip.speaker for clip in clips}) == 91
    # 48 of the 91 actors are men (Cao et al. 2014, section 3).
    assert Counter({clip.speaker: clip.group for clip in clips}.values()) == {"male": 48, "female": 43}
    assert all(clip.text and clip.extras["both_vote"] for clip in clips)
    assert Counter(clip.labels[0] for clip in clips)["neutral"] == 1087
