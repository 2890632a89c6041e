from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from affectrl.data import leaks as module
from affectrl.data.clip import Blob, Clip
from affectrl.data.leaks import leaks


def found(report) -> list[tuple[str, str, str, str]]:
    return [(leak.a, leak.b, leak.match, leak.modality) for leak in report.leaks]


def test_sound_copied_and_stored_anew(files, speak) -> None:
    a = [Clip(id=f"a{i}", audio=files.sound(f"a/{i}.wav", speak(i))) for i in range(6)]
    b = [
        Clip(id="copy", audio=files.text("b/copy.wav", a[0].audio.read_bytes())),
        Clip(id="mp3", audio=files.sound("b/1.mp3", speak(1), 44_100, 64_000)),
        Clip(id="quiet phone", audio=files.sound("b/2.wav", 0.1 * speak(2), 8_000)),
        Clip(id="new", audio=files.sound("b/9.wav", speak(9))),
    ]
    report = leaks(a, b)
    assert report.notes == ()
    assert found(report)[0] == ("a0", "copy", "exact", "audio")
    assert sorted(found(report)[1:]) == [("a1", "mp3", "near", "audio"), ("a2", "quiet phone", "near", "audio")]
    assert report.leaks[0].score == 1.0
    assert all(0.85 <= leak.score <= 1.0 for leak in report.leaks[1:])


def test_pictures(files, paint) -> None:
    a = [Clip(id=f"a{i}", image=files.image(f"{i}.png", paint(i))) for i in range(4)]
    b = [Clip(id="b0", image=files.image("b0.jpg", paint(0)[::2, ::2], quality=60))]
    b.append(Clip(id="b7", image=files.image("b7.jpg", paint(7))))
    assert found(leaks(a, b)) == [("a0", "b0", "near", "image")]


def test_films_need_picture_and_sound(files, speak) -> None:
    a = [Clip(id="a", video=files.film("a.mp4", 1, speak(1)))]
    b = [
        Clip(id="small", video=files.film("b.mp4", 1, speak(1), crf=32, side=64)),
        Clip(id="mute", video=files.film("c.mp4", 1, crf=28)),
        Clip(id="same stage, other words", video=files.film("d.mp4", 1, speak(5))),
        Clip(id="other", video=files.film("e.mp4", 2, speak(6))),
    ]
    assert sorted(row[1] for row in found(leaks(a, b))) == ["mute", "small"]


def test_the_sound_of_a_film_is_found_as_a_file(files, speak) -> None:
    a = [Clip(id="a", video=files.film("a.mp4", 1, speak(3)))]
    b = [Clip(id="b", audio=files.sound("b.flac", speak(3)))]
    assert found(leaks(a, b)) == [("a", "b", "near", "audio")]
    without = [a[0].model_copy(update={"use_video_audio": False})]
    assert found(leaks(without, b)) == []


def test_texts_are_told_once_and_phrases_not_at_all() -> None:
    line = "Kids are talking by the door."
    a = [Clip(id=f"a{i}", text=line) for i in range(3)] + [Clip(id="a3", text="Oh my God!")]
    b = [
        Clip(id="b0", text="kids are talking, by the door"),
        Clip(id="b1", text="Kids were talking by the door!"),
        Clip(id="b2", text="Oh my God!"),
        Clip(id="b3", text="Dogs are sitting by the window."),
    ]
    report = leaks(a, b)
    assert found(report) == [("a0", "b0", "exact", "text"), ("a0", "b1", "near", "text")]
    assert [leak.pairs for leak in report.leaks] == [3, 3]


def test_other_moments_of_one_file_are_no_leak(files, speak) -> None:
    audio = files.sound("a.wav", speak(1, 3.0))
    a = [Clip(id="a", audio=audio, end=1.5)]
    assert found(leaks(a, [Clip(id="b", audio=audio, start=1.5)])) == []
    assert found(leaks(a, [Clip(id="b", audio=audio, start=1.0)])) == [("a", "b", "exact", "audio")]


def test_unreadable_media_are_noted_and_the_rest_compared(files, jpeg) -> None:
    line = "a sentence that is long enough"
    a = [Clip(id="a", audio=files.folder / "none.wav", text=line), Clip(id="c", image=Blob(b"no picture", "c.jpg"))]
    b = [Clip(id="b", image=Blob(jpeg(1), "b.jpg"), text=line)]
    report = leaks(a, b)
    assert [note.code for note in report.notes] == ["media_missing", "media_corrupt"]
    assert found(report) == [("a", "b", "exact", "text")]


def test_empty_sets() -> None:
    assert leaks([], []).leaks == ()
    assert leaks([Clip(id="a", text="x" * 20)], []).leaks == ()


def test_comparing_thousands_takes_seconds() -> None:
    rng = np.random.default_rng(0)
    bits = rng.random((8000, 575)) > 0.5

    def traces(rows: np.ndarray) -> list[module._Traces]:
        return [module._Traces(Clip(id=str(i), text="x"), {}, {"audio": row}) for i, row in enumerate(rows)]

    other = bits[4000:].copy()
    other[7] = bits[7]
    started = time.perf_counter()
    near = list(module._near(traces(bits[:4000]), traces(other)))
    assert [(i, j) for i, j, _ in near] == [(7, 7)]
    assert time.perf_counter() - started < 10


def test_no_false_alarm_between_actors_who_say_the_same(shared_data: Path) -> None:
    from affectrl.data.load import load_clips

    first, second = (
        load_clips(f"ravdess:{shared_data / 'ravdess'}", speakers=actors, limit=40) for actors in ("1", "2")
    )
    assert len(first) == len(second) == 40
    assert {leak.modality for leak in leaks(first, second).leaks} == {"text"}
