from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from affectrl.data.clip import Clip
from affectrl.errors import UsageError
from affectrl.inference.inputs import cut
from affectrl.inference.journal import Journal
from affectrl.inference.windows import windows
from affectrl.inference.writers import csv as csv_writer
from affectrl.inference.writers import jsonl, srt, table
from affectrl.report import timeline

ROW = {"id": "a", "path": "a.wav", "top": "happy", "confidence": 0.5, "emotions": ("happy", "sad"), "reasoning": None}
ROW |= {"text": "happy", "modalities": ("audio",), "error": None}
FAILED = ROW | {
    "id": "b",
    "top": None,
    "confidence": None,
    "emotions": (),
    "error": {"code": "media_empty", "message": ""},
}


def rows() -> list[dict]:
    timed = [ROW | {"id": f"a@{i}", "start": 4.0 * i, "end": 4.0 * i + 4} for i in range(2)]
    return [*timed, FAILED | {"path": "a.wav", "start": 8.0, "end": 3723.5}]


@pytest.mark.parametrize(
    ("length", "seconds", "edges"),
    [
        (1.0, 4, [0, 1]),
        (1.0, 0.5, [0, 0.5, 1]),
        (1.0, 0.45, [0, 0.45, 1]),
        (1.0, 0.35, [0, 0.35, 0.7, 1]),
    ],
)
def test_windows_cover_a_recording(small_media: Path, length: float, seconds: float, edges: list[float]) -> None:
    """The film lasts a second; a rest of less than half a window joins the one before."""
    found = windows(Clip(id="talk", audio=small_media / "talk.wav", text="Well."), seconds)
    assert [c.start for c in found] == pytest.approx(edges[:-1])
    assert [c.end for c in found] == pytest.approx(edges[1:], abs=0.01)
    assert all(c.text == "Well." for c in found)
    assert len({c.id for c in found}) == len(found)


def test_a_window_of_a_window(small_media: Path) -> None:
    found = windows(Clip(id="t", audio=small_media / "talk.wav", start=0.2, end=0.8), 0.3)
    assert [(c.start, c.end) for c in found] == [pytest.approx((0.2, 0.5)), pytest.approx((0.5, 0.8))]
    assert [c.id for c in found] == ["t@0.2-0.5", "t@0.5-0.8"]


def test_what_has_no_length_stays_whole(small_media: Path) -> None:
    clips = [Clip(id="p", image=small_media / "face.png"), Clip(id="w", text="Well.")]
    assert cut(clips, 4.0) == clips


def test_what_cannot_be_cut_is_a_failed_row(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFFnothing")
    (found,) = cut([Clip(id="bad", audio=tmp_path / "bad.wav")], 4.0)
    assert found.error is not None
    assert found.error["code"] == "media_corrupt"


def test_csv_can_be_read_back() -> None:
    scored = ROW | {"scores": {"happy": 0.5, "sad": 0.5}, "shares": {"audio": 0.3, "nothing": 0.2}}
    found = list(csv.DictReader(io.StringIO(csv_writer.render([scored, FAILED]))))
    assert found[0]["emotions"] == "happy;sad"
    assert (found[0]["score_sad"], found[0]["share_audio"], found[1]["score_sad"]) == ("0.5", "0.3", "")
    assert (found[1]["error"], found[1]["top"]) == ("media_empty", "")


def test_subtitles() -> None:
    text = srt.render(rows())
    assert "00:00:00,000 --> 00:00:04,000\nhappy 50%" in text
    assert "00:00:04,000 --> 00:00:08,000" in text
    assert text.count("-->") == 2


@pytest.mark.parametrize("wrong", [[ROW], [rows()[0], rows()[0] | {"path": "b.wav"}]])
def test_subtitles_need_times_of_one_recording(wrong: list[dict]) -> None:
    with pytest.raises(UsageError) as error:
        srt.check(wrong)
    assert error.value.code == "srt_times"


def test_a_table_names_times_and_failures() -> None:
    lines = table.render(rows()).splitlines()
    assert lines[0].split() == ["clip", "seconds", "emotion", "sure", "from"]
    assert "8.0-3723.5" in lines[-1]
    assert "media_empty" in lines[-1]


def test_jsonl_is_the_rows() -> None:
    assert [json.loads(line)["id"] for line in jsonl.render(rows()).splitlines()] == ["a@0", "a@1", "b"]


def test_a_timeline_is_drawn(tmp_path: Path) -> None:
    timeline.draw(rows(), tmp_path / "t.svg")
    assert "seconds" in (tmp_path / "t.svg").read_text() or "<path" in (tmp_path / "t.svg").read_text()
    timeline.draw(rows(), tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(UsageError, match="suffix"):
        timeline.draw(rows(), tmp_path / "t.doc")


def test_a_stopped_call_goes_on(tmp_path: Path, small_media: Path) -> None:
    clips = [Clip(id=i, audio=small_media / "talk.wav", start=s, end=s + 0.5) for i, s in (("a", 0.0), ("b", 0.5))]
    out = tmp_path / "out.csv"
    first = Journal(out, "csv")
    first.begin()
    first.add([ROW | {"id": "a", "path": clips[0].path, "start": 0.0, "end": 0.5}])
    first.add([FAILED | {"id": "b", "path": clips[1].path, "start": 0.5, "end": 1.0}])
    assert not out.exists()
    again = Journal(out, "csv", resume=True)
    assert [item.id for item in again.left(clips)] == ["b"]
    again.begin()
    again.add([ROW | {"id": "b", "path": clips[1].path, "start": 0.5, "end": 1.0}])
    again.close()
    assert [row["id"] for row in csv.DictReader(out.open())] == ["a", "b"]
    assert list(tmp_path.iterdir()) == [out]
