from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from affectrl.data.load import load_clips
from affectrl.data.readers import ravdess
from affectrl.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_every_field_of_a_name_is_read(tmp_path: Path) -> None:
    (clip,) = ravdess.read(touch(tmp_path, "Actor_12/03-01-06-02-02-01-12.wav"))
    assert clip.id == "03-01-06-02-02-01-12"
    assert clip.audio == tmp_path / "Actor_12/03-01-06-02-02-01-12.wav"
    assert clip.labels == ("fearful",)
    assert (clip.speaker, clip.group) == ("12", "female")
    assert clip.text == "Dogs are sitting by the door."
    assert clip.extras == {
        "modality": "audio-only",
        "channel": "speech",
        "intensity": "strong",
        "statement": 2,
        "repetition": 1,
    }


@pytest.mark.parametrize(
    ("code", "label"),
    enumerate(["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"], start=1),
)
def test_emotion_codes(tmp_path: Path, code: int, label: str) -> None:
    (clip,) = ravdess.read(touch(tmp_path, f"03-01-0{code}-01-01-01-01.flac"))
    assert clip.labels == (label,)


def test_films_with_and_without_sound(tmp_path: Path) -> None:
    touch(tmp_path, "Actor_01/01-01-03-01-01-01-01.mp4", "Actor_01/02-01-03-01-01-01-01.mp4")
    both, mute = ravdess.read(tmp_path)
    assert both.modalities == mute.modalities == ("video", "text")
    assert (both.use_video_audio, mute.use_video_audio) == (True, False)


def test_order_is_by_actor_and_other_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "Actor_02/03-01-01-01-01-01-02.wav", "Actor_01/03-01-02-01-01-01-01.wav", "README.wav")
    touch(tmp_path, "Actor_01/03-01-09-01-01-01-01.wav", "Actor_01/03-01-01-01-01-01-01.txt")
    assert [clip.speaker for clip in ravdess.read(tmp_path)] == ["01", "02"]


def test_wav_and_flac_of_one_recording_are_one_clip(tmp_path: Path) -> None:
    touch(tmp_path, "a/03-01-02-01-01-01-01.wav", "b/03-01-02-01-01-01-01.flac")
    assert len(ravdess.read(tmp_path)) == 1


def test_wrong_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Actor_01/03-01.*zenodo") as caught:
        ravdess.read(tmp_path)
    assert caught.value.code == "dataset_layout"


def test_the_real_folder(shared_data: Path) -> None:
    clips = load_clips(f"ravdess:{shared_data / 'ravdess'}")
    assert len(clips) == 1080
    assert Counter(clip.speaker for clip in clips) == {f"{actor:02d}": 60 for actor in range(1, 19)}
    labels = Counter(clip.labels[0] for clip in clips)
    assert labels.pop("neutral") == 4 * 18
    assert set(labels.values()) == {8 * 18}
    assert len(load_clips(f"ravdess:{shared_data / 'ravdess'}", speakers="1-15")) == 900
    assert len(load_clips(f"ravdess:{shared_data / 'ravdess'}", speakers=["16-18"])) == 180
