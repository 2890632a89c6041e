"""Two hours and 8K: time and memory stay bounded, because readers jump instead of decoding everything.

Memory is the growth of a fresh process's high-water mark, so that nothing of the test's own counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from affectrl.data.media.probe import probe

WATCHED = """
import json, pathlib, sys, time
from affectrl.data.media.audio import read_audio
from affectrl.data.media.video import read_frames

def high_water_mib():
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024

path = pathlib.Path(sys.argv[1])
before, began = high_water_mib(), time.perf_counter()
result = {call}
report = dict(mib=high_water_mib() - before, seconds=time.perf_counter() - began, notes=[n.code for n in result.notes])
report["times"] = result.times_s.tolist() if hasattr(result, "times_s") else []
report["duration"] = getattr(result, "duration_s", None)
print(json.dumps(report))
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc to measure memory")


def watched(call: str, path: Path) -> dict:
    script = WATCHED.replace("{call}", call)
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def two_hours(tmp_path_factory, make_in) -> Path:
    maker = make_in(tmp_path_factory.mktemp("long"))
    minute = maker.video("minute.mp4", frames=120, fps=2, size=(64, 48), sound_s=60, gop=20)
    path = maker.repeated("long.mp4", minute, 120)
    assert probe(path).duration_s > 7200
    return path


def test_frames_of_a_two_hour_video(two_hours):
    got = watched("read_frames(path, count=16)", two_hours)
    assert len(got["times"]) == 16
    assert got["times"][-1] > 6900
    assert got["mib"] < 64
    assert got["seconds"] < 10


def test_a_window_late_in_a_two_hour_video(two_hours):
    got = watched("read_frames(path, count=4, start=7000, end=7020)", two_hours)
    assert all(7000 <= t < 7020 for t in got["times"])
    assert len(got["times"]) == 4
    assert got["mib"] < 64


def test_sound_late_in_a_two_hour_video(two_hours):
    got = watched("read_audio(path, start=7000, end=7005)", two_hours)
    assert got["duration"] == pytest.approx(5.0, abs=1e-3)
    assert got["mib"] < 64


def test_the_beginning_of_two_hours_of_sound(two_hours):
    got = watched("read_audio(path, max_seconds=30)", two_hours)
    assert got["duration"] == 30.0
    assert got["notes"] == ["audio_cut"]
    assert got["mib"] < 64


def test_8k_frames(make):
    path = make.video("8k.mp4", frames=3, fps=2, size=(7680, 4320))
    got = watched("read_frames(path, count=3, max_side=320)", path)
    assert len(got["times"]) == 3
    assert got["mib"] < 768
