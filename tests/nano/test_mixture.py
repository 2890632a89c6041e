"""The clips of affectrl-nano, from look-alikes of the four sets in their owners' layouts."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from affectrl.data.clip import Clip
from affectrl.data.load import load_clips
from affectrl.nano import check, mixture
from affectrl.nano.face import shared_out
from affectrl.nano.mixture import COMPOSED, Sizes, practice, read_sets, reasoned, split

FACES = {"angry": 6, "happy": 3, "neutral": 5}
HEADER = ["Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"]


def tone(path: Path, hz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(16_000) / 16_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.sin(2 * np.pi * hz * times) * 9000).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for actor in (1, 2, 16):
        for emotion in (1, 3, 5):
            tone(root / f"ravdess/Actor_{actor:02d}/03-01-{emotion:02d}-01-01-01-{actor:02d}.wav", 100 + 40 * emotion)
    for name in ("03a01Wa", "08a01La", "09a01Fa", "11a02Wa"):
        tone(root / f"emodb/{name}.wav", 180)
    for part in ("train", "test"):
        for label, count in FACES.items():
            for i in range(count * (10 if part == "train" else 1)):
                place = root / f"fer2013/{part}/{label}/{part}{i}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 255, (48, 48), dtype=np.uint8)).save(place)
    (root / "meld").mkdir()
    for part in ("train", "dev"):
        with (root / f"meld/{part}_sent_emo.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(HEADER)
            for i, emotion in enumerate(["anger", "joy", "neutral", "joy"]):
                table.writerow([i, f"I love this so much, {part} {i}!", "Ross", emotion, "positive", i, 0])
    return {name: root / name for name in ("ravdess", "emodb", "fer2013", "meld")}


def face(clip):
    return None if clip.image is None else {"happy": 0.9, "sad": 0.1}


def test_labels_are_ours_and_people_are_kept_apart(folders):
    clips = split(read_sets(folders), Sizes(faces=6, words=3, composed=7), seed=0)
    assert {clip.labels[0] for clip in clips} == {"neutral", "happy", "angry", "bored"}
    assert len({clip.id for clip in clips}) == len(clips)
    train = [clip for clip in clips if clip.split == "train"]
    held = [clip for clip in clips if clip.split == "validation"]
    voices = {clip.speaker for clip in train if clip.audio}
    assert voices == {"ravdess/01", "ravdess/02", "emodb/03", "emodb/08"}
    assert {c.speaker for c in held if c.audio} == {"ravdess/16", "emodb/09", "emodb/11"}
    pictures = {str(clip.image) for clip in train if clip.image}
    assert pictures.isdisjoint({str(clip.image) for clip in held if clip.image})
    assert {c.text for c in train if c.group == "meld"}.isdisjoint({c.text for c in held if c.group == "meld"})
    assert all(clip.text is None for clip in held if clip.audio)


def test_sizes_are_kept(folders):
    clips = split(read_sets(folders), Sizes(faces=7, words=2, composed=5), seed=0)
    by = {name: [c for c in clips if c.group == name and c.split == "train"] for name in (*folders, COMPOSED)}
    assert [len(by[name]) for name in ("fer2013", "meld", COMPOSED)] == [7, 2, 5]


def test_faces_are_those_that_the_encoder_never_saw(folders):
    sets = read_sets(folders)
    seen, kept = shared_out(sets["fer2013"])
    assert (len(seen), len(kept)) == (126, 14)
    clips = split(sets, Sizes(faces=100, words=2, composed=5), seed=0)
    used = {str(clip.image) for clip in clips if clip.image and clip.split == "train"}
    assert used == {str(clip.image) for clip in kept}


def test_practice_is_of_all_voices_and_as_many_faces_as_asked(folders):
    clips = split(read_sets(folders), Sizes(faces=14, words=4, composed=6), seed=0)
    chosen = practice(clips, 7, seed=0)
    by = {name: [clip.labels[0] for clip in chosen if clip.group == name] for name in folders}
    voices = [clip for clip in clips if clip.audio and clip.split == "train" and clip.group != COMPOSED]
    assert len(by["ravdess"] + by["emodb"]) == len(voices) == 8
    assert len(by["fer2013"]) == 7
    assert all(clip.split == "train" and clip.group != COMPOSED for clip in chosen)


def test_words_are_practised_as_the_root_of_their_classes_frequency():
    many = {"neutral": 64, "happy": 16, "angry": 4}
    words = [
        Clip(id=f"{label}{i}", text="So.", labels=(label,), group="meld", split="train")
        for label, n in many.items()
        for i in range(n)
    ]
    said = [clip.labels[0] for clip in practice(words, 14, seed=0)]
    assert {label: said.count(label) for label in many} == {"neutral": 8, "happy": 4, "angry": 2}
    all_there = practice(words, 70, seed=0)
    assert [clip.labels[0] for clip in all_there].count("angry") == 4  # no clip twice
    assert len({clip.id for clip in all_there}) == len(all_there)


def test_a_composed_clip_has_one_emotion_of_three_training_clips(folders):
    clips = split(read_sets(folders), Sizes(faces=14, words=4, composed=6), seed=3)
    by_id = {clip.id: clip for clip in clips}
    composed = [clip for clip in clips if clip.group == COMPOSED]
    assert len(composed) == 6
    for clip in composed:
        voice, picture, words = (by_id[name] for name in clip.extras["composed"])
        assert {voice.split, picture.split, words.split} == {"train"}
        assert {voice.labels, picture.labels, words.labels} == {clip.labels}
        assert (clip.audio, clip.image, clip.text) == (voice.audio, picture.image, words.text)


def test_reasons_are_measured_and_composed_clips_get_those_of_their_parts(folders):
    clips = list(reasoned(split(read_sets(folders), Sizes(14, 4, 6), seed=0), face))
    by_id = {clip.id: clip for clip in clips}
    for clip in clips:
        if clip.split == "validation":
            assert clip.reasoning is None
            continue
        assert ("The voice is" in clip.reasoning) == (clip.audio is not None), clip
        assert ("The face is happy." in clip.reasoning) == (clip.image is not None), clip
        assert ("The words are" in clip.reasoning) == (clip.text is not None), clip
    composed = next(clip for clip in clips if clip.group == COMPOSED)
    voice, _, words = (by_id[name].reasoning for name in composed.extras["composed"])
    assert composed.reasoning.startswith(voice.split(". ")[0].rstrip("."))
    assert composed.reasoning.endswith(words)


def test_the_manifest_can_be_read_back(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(mixture, "face_reader", lambda weights: face)
    place = mixture.write(folders, tmp_path, face_weights="any", sizes=Sizes(4, 2, 3, calibration=2))
    clips = load_clips(tmp_path)
    assert place == tmp_path / "manifest.jsonl"
    practised = load_clips(tmp_path / "practice.jsonl")
    assert {clip.id for clip in practised} < {clip.id for clip in clips}
    assert all(clip.reasoning for clip in practised)
    for_calibration = load_clips(tmp_path / "calibration.jsonl")
    assert {clip.split for clip in for_calibration} == {"validation"}
    assert [sum(clip.group == name for clip in for_calibration) for name in folders] == [2, 2, 2, 2]
    assert {clip.split for clip in clips} == {"train", "validation"}
    assert all(Path(str(clip.image)).is_file() for clip in clips if clip.image)


def test_what_is_held_out_is_asked_in_its_own_choice(folders):
    held = check.held_out(folders)
    assert {name: len(clips) for name, clips in held.items()} == {"ravdess": 3, "emodb": 2, "fer2013": 14, "meld": 4}
    assert check.choice_of("emodb") == ("angry", "disgust", "fear", "happy", "sad", "neutral")
    assert len(check.choice_of("ravdess")) == 8
    assert len(check.held_out(folders, limit=1)["meld"]) == 1
