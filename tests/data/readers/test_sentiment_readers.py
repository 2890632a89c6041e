"""CMU-MOSI, CMU-MOSEI, CH-SIMS and CH-SIMS v2: the sign of the sentiment, splits, films, and broken tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from look_alikes import Maker, csv_of

from affectrl.data.load import load_clips
from affectrl.errors import DataError

HEADER = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode"


@pytest.mark.parametrize(("reader", "most"), [("cmu-mosi", 3), ("cmu-mosei", 3), ("ch-sims", 1), ("ch-sims-v2", 1)])
def test_labels_follow_the_sign_and_the_number_is_kept(look_alike, reader: str, most: float) -> None:
    folder = look_alike(reader)
    first, second, third = load_clips(f"{reader}:{folder}")
    assert [clip.id for clip in (first, second, third)] == ["v_1_0001", "v_1_0002", "w_3"]
    assert [clip.labels for clip in (first, second, third)] == [("positive",), ("neutral",), ("negative",)]
    assert [clip.split for clip in (first, second, third)] == ["train", "validation", "test"]
    assert [clip.extras["sentiment"] for clip in (first, second, third)] == [most, 0, -most / 2]
    assert (second.extras["sentiment_text"], second.extras["sentiment_audio"]) == (0.2, -0.1)
    assert "sentiment_video" not in second.extras
    assert (first.text, first.extras["annotation"]) == ("GOOD", "Positive")
    assert first.speaker == ("v_1" if reader.startswith("cmu") else None)
    # The table says 3 and the file is called 0003.
    assert third.video == folder / "Raw/w/0003.mp4"


def test_a_missing_film_keeps_its_place_and_no_films_at_all_are_texts(look_alike, maker: Maker) -> None:
    folder = look_alike("cmu-mosi")
    (folder / "Raw/v_1/0001.mp4").unlink()
    assert load_clips(f"cmu-mosi:{folder}")[0].video == folder / "Raw/v_1/0001.mp4"
    maker.text("texts/label.csv", csv_of(HEADER, "v,1,HI,1,,,,,train"))
    assert load_clips(f"cmu-mosi:{maker.root / 'texts'}")[0].modalities == ("text",)


@pytest.mark.parametrize(
    ("reader", "content", "reason"),
    [
        ("cmu-mosi", csv_of("video_id,clip_id,text,label", "v,1,HI,1"), "lacks the columns mode; expected video_id"),
        ("cmu-mosi", csv_of(HEADER, "v,1,HI,4,,,,,train"), "line 2: label is a number from -3 to 3, not '4'"),
        ("ch-sims", csv_of(HEADER, "v,1,HI,1.5,,,,,train"), "line 2: label is a number from -1 to 1"),
        ("ch-sims", csv_of(HEADER, "v,1,HI,nan,,,,,train"), "line 2: label is a number"),
        ("ch-sims", csv_of(HEADER, "v,1,HI,1,,x,,,train"), "line 2: label_A is a number"),
        ("cmu-mosei", csv_of(HEADER, "v,1,HI,1,,,,,dev"), "line 2: mode is one of train, valid, test, not 'dev'"),
        ("cmu-mosei", csv_of(HEADER, "v,1"), "line 2: the row breaks off before text"),
        ("cmu-mosi", csv_of(HEADER, "v,1,,1,,,,,train"), "line 2: 'v_1' cannot become a clip"),
    ],
)
def test_broken_tables(maker: Maker, reader: str, content: str, reason: str) -> None:
    path = maker.text("s/label.csv", content)
    with pytest.raises(DataError, match=reason) as caught:
        load_clips(f"{reader}:{path.parent}")
    assert caught.value.path == str(path)


def test_published_valences_follow_the_rule(shared_data: Path) -> None:
    """MER-UniBench's CMU-MOSI test labels, written as MMSA's table: 686 clips of which 30 are neutral."""
    from affectrl.data.readers._sentiment import polarity_of

    rows = (shared_data / "unibench/cmumosi/labels.csv").read_text().split()[1:]
    values = [float(row.rsplit(",", 1)[1]) for row in rows]
    signs = [polarity_of(value) for value in values]
    assert len(signs) == 686
    assert signs.count("neutral") == sum(value == 0 for value in values)
    assert signs.count("positive") + signs.count("negative") == 656
