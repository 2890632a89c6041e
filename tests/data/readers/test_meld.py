from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from affectrl.data.load import load_clips
from affectrl.data.readers import meld
from affectrl.errors import DataError

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"


def write(root: Path, name: str, *rows: str, encoding: str = "utf-8") -> None:
    (root / name).write_bytes("\n".join([HEADER, *rows, ""]).encode(encoding))


def test_utterances_in_order_with_the_owners_splits(tmp_path: Path) -> None:
    write(tmp_path, "train_sent_emo.csv", '1,"Oh, no!",Ann,sadness,negative,0,1,8,21,"00:16:16,059","00:16:21,731"')
    write(tmp_path, "dev_sent_emo.csv", "1,Yes.,Bob,Joy,positive,3,0,8,21,x,y")
    first, second = meld.read(tmp_path)
    assert first.id == "train/dia0_utt1"
    assert (first.text, first.speaker, first.labels, first.split) == ("Oh, no!", "Ann", ("sadness",), "train")
    assert first.extras == {"sentiment": "negative", "dialogue": 0, "utterance": 1, "season": 8, "episode": 21}
    assert (second.labels, second.split) == (("joy",), "validation")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_punctuation_is_repaired(tmp_path: Path, encoding: str) -> None:
    broken = "It\x92s me" if encoding == "utf-8" else "It\u2019s me"
    write(tmp_path, "dev_sent_emo.csv", f"1,{broken},Bob,anger,negative,3,0,8,21,x,y", encoding=encoding)
    assert meld.read(tmp_path)[0].text == "It\u2019s me"


def test_films_beside_the_texts(tmp_path: Path) -> None:
    write(tmp_path, "train_sent_emo.csv", "1,a,A,joy,positive,0,0,1,1,x,y", "2,b,B,joy,positive,0,1,1,1,x,y")
    (tmp_path / "train_splits").mkdir()
    for name in ("dia0_utt0.mp4", "._dia0_utt1.mp4"):
        (tmp_path / "train_splits" / name).touch()
    first, second = meld.read(tmp_path)
    assert first.video == tmp_path / "train_splits/dia0_utt0.mp4"
    # A film that the release lacks is a finding of `check`, and no clip of text alone.
    assert second.video == tmp_path / "train_splits/dia0_utt1.mp4"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,a,A,hungry,positive,0,0,1,1,x,y", "line 2: .* 'hungry' is no class"),
        ("1,a,A,joy,positive,zero,0,1,1,x,y", "line 2: not a MELD row"),
        ("1,a,A", "line 2: not a MELD row"),
    ],
)
def test_broken_rows(tmp_path: Path, row: str, reason: str) -> None:
    write(tmp_path, "dev_sent_emo.csv", row)
    with pytest.raises(DataError, match=reason):
        meld.read(tmp_path)


def test_wrong_folder_and_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected train_sent_emo\.csv"):
        meld.read(tmp_path)
    (tmp_path / "dev_sent_emo.csv").write_text("Utterance,Speaker\na,b\n")
    with pytest.raises(DataError, match="lacks the columns Emotion, Sentiment"):
        meld.read(tmp_path)


def test_the_real_files(shared_data: Path) -> None:
    clips = load_clips(f"meld:{shared_data / 'meld'}")
    assert Counter(clip.split for clip in clips) == {"train": 9989, "validation": 1109}
    assert len({clip.id for clip in clips}) == len(clips)
    # Published counts of the training split (Poria et al. 2019, table 4).
    train = Counter(clip.labels[0] for clip in clips if clip.split == "train")
    assert train == {
        "anger": 1109,
        "disgust": 271,
        "fear": 268,
        "joy": 1743,
        "neutral": 4710,
        "sadness": 683,
        "surprise": 1205,
    }
    assert not any("\x80" <= sign < "\xa0" for clip in clips for sign in clip.text or "")
