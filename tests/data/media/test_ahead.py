"""Decoding in worker processes: what it gives, in which order, and what becomes of it when something dies."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from affectrl.data.clip import Blob
from affectrl.data.media import ahead
from affectrl.data.media.ahead import Workers, default_workers
from affectrl.data.media.audio import read_audio
from affectrl.data.media.faces import find_faces
from affectrl.data.media.image import read_image
from affectrl.data.media.video import read_frames
from affectrl.errors import DataError, MediaError, UsageError


def decoded(source: Path | Blob) -> tuple:
    """All that is read of a file, as plain arrays and notes."""
    name = str(source)
    if name.endswith(".wav"):
        wave = read_audio(source, max_seconds=5)
        return wave.samples, wave.notes
    frames = read_image(source) if name.endswith(".jpg") else read_frames(source, count=4)
    faces = [(track.crops, track.boxes, track.found, track.notes) for track in find_faces(frames, size=48)]
    return frames.rgb, frames.times_s, frames.notes, faces


def plain(value: object) -> object:
    """Arrays as their type, shape and bytes, so that equal means equal to the last bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return tuple(plain(item) for item in value) if isinstance(value, tuple | list) else value


def living(session: int) -> list[int]:
    """Processes of a session that have not ended; one that has, but whom nobody asked, is dead enough."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture
def sources(files, speak, paint) -> list[Path | Blob]:
    wavs = [files.sound(f"{i}.wav", speak(i, 0.3 + 0.2 * i)) for i in range(3)]
    film = files.film("film.mp4", 1, speak(9, 0.5), side=64)
    image = files.image("a.jpg", paint(4, 64))
    return [wavs[0], film, wavs[1], image, Blob(wavs[2].read_bytes(), "blob.wav"), film, wavs[2]]


def test_results_are_the_same_to_the_last_bit_and_in_order(sources) -> None:
    direct = [plain(decoded(source)) for source in sources]
    assert [plain(result) for result in Workers(2).each(sources, decoded)] == direct
    assert len(set(direct)) == len(sources) - 2  # the film is there twice, and the blob is the last file


def test_only_decoding_leaves_this_process_and_one_item_works_at_a_time(sources) -> None:
    busy: list[int] = []

    def work(source: Path | Blob) -> int:
        samples = read_audio(source).samples if str(source).endswith(".wav") else np.zeros(1)
        busy.append(1)
        time.sleep(0.01)
        assert busy == [1], "two items were at work at once"
        busy.clear()
        return os.getpid() + 0 * len(samples)

    assert set(Workers(1).each(sources, work)) == {os.getpid()}


def test_it_begins_a_few_items_ahead_and_no_more(sources) -> None:
    begun: list[int] = []

    def numbers():
        for i in range(50):
            begun.append(i)
            yield i

    results = Workers(1).each(numbers(), lambda i: i * i)
    assert next(results) == 0
    assert len(begun) == 3
    assert list(results) == [i * i for i in range(1, 50)]


def test_errors_come_back_whole_at_their_place(sources, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF????WAVEjunk")
    paths = [sources[0], tmp_path / "broken.wav", tmp_path / "gone.wav", sources[2]]

    def told(path: Path) -> tuple | int:
        try:
            return len(read_audio(path).samples)
        except MediaError as error:
            return type(error), error.code, error.message, error.path, error.hint, str(error)

    assert list(Workers(1).each(paths, told)) == [told(path) for path in paths]
    results = Workers(1).each(paths, lambda path: len(read_audio(path).samples))
    next(results)
    with pytest.raises(MediaError) as caught:
        next(results)
    assert caught.value.code == "media_corrupt"


@pytest.mark.parametrize("kind", [MediaError, DataError, UsageError])
def test_errors_survive_pickling(kind: type) -> None:
    error = kind("what.", code="a_code", path="p", hint="Do it.")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.code, again.path, again.hint) == (kind, "what.", "a_code", "p", "Do it.")
    assert str(again) == str(error)


def test_a_worker_that_dies_is_told_and_ends_the_work(sources) -> None:
    workers = Workers(1)

    def work(source: Path | Blob) -> int:
        pool = workers._pool
        assert isinstance(pool, ProcessPoolExecutor)
        for child in list(pool._processes or ()):
            os.kill(child, signal.SIGKILL)
        return len(read_audio(source).samples)

    with pytest.raises(MediaError) as caught:
        list(workers.each([sources[0]] * 4, work))
    assert caught.value.code == "decode_worker"


def test_ctrl_c_ends_it_at_once_and_leaves_nothing_behind(sources, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, sys, time
            from pathlib import Path
            from affectrl.data.media.ahead import Workers
            from affectrl.data.media.audio import read_audio

            def work(path):
                found = len(read_audio(path).samples)
                print("done", flush=True)
                return found

            if __name__ == "__main__":
                workers = Workers(1)
                try:
                    for _ in workers.each((Path({str(sources[0])!r}) for _ in range(10**9)), work):
                        pass
                except KeyboardInterrupt:
                    print("stopped", flush=True)
            """
        )
    )
    run = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "done\n"
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert out.splitlines()[-1] == "stopped"
    assert "Traceback" not in err, err
    deadline = time.monotonic() + 20
    while living(run.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert living(run.pid) == []


def test_how_many_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, name, expected in ((2, "affectrl", 0), (8, "affectrl", 4), (64, "affectrl", 8), (8, "my_script.py", 0)):
        monkeypatch.setattr(sys, "argv", [f"/somewhere/bin/{name}"])
        monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert default_workers() == expected
    for count in (-1, 65):
        with pytest.raises(UsageError, match=f"not {count}"):
            Workers(count)


def test_a_ctrl_c_that_python_dropped_is_raised_at_the_next_item(sources) -> None:
    """Exceptions in callbacks of weak references are printed and forgotten; so would Ctrl-C be."""
    usual = signal.getsignal(signal.SIGINT)
    found = Workers(1).each([sources[0]] * 50, lambda path: len(read_audio(path).samples))
    next(found)
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        next(found)
    assert signal.getsignal(signal.SIGINT) is usual
