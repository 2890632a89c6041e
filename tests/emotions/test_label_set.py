from __future__ import annotations

from pathlib import Path

import pytest

from affectrl.emotions import label_set, label_sets, normalise
from affectrl.errors import DataError, UsageError

SIZES = {
    "ravdess": 8,
    "emodb": 7,
    "fer2013": 7,
    "meld": 7,
    "sandbox": 7,
    "ekman6": 6,
    "iemocap4": 4,
    "mer2023": 6,
}


def test_every_set_on_the_shelf_is_whole() -> None:
    visited = 0
    for name in label_sets():
        labels = label_set(name)
        assert labels.name == name
        assert len(labels.source) > 20
        assert all(labels.canonical(word) == word for word in labels.labels)
        assert set(labels.aliases.values()) <= set(labels.labels)
        visited += 1
    assert visited >= len(SIZES)


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_sizes_as_published(name: str, size: int) -> None:
    assert len(label_set(name)) == size


@pytest.mark.parametrize(
    ("name", "word", "expected"),
    [
        ("sandbox", "Happiness", "happy"),
        ("sandbox", " joy ", "happy"),
        ("sandbox", "FEAR", "fearful"),
        ("sandbox", "no_emotion", "neutral"),
        ("meld", "happy", "joy"),
        ("ravdess", "disgusted", "disgust"),
        ("ravdess", "surprise", "surprised"),
        ("emodb", "bored", "boredom"),
        ("iemocap4", "excited", "happy"),
        ("mer2023", "surprised", "surprise"),
        ("emodb", "surprised", None),
        ("sandbox", "calm", None),
        ("sandbox", "xyzzy", None),
        ("sandbox", "", None),
    ],
)
def test_canonical(name: str, word: str, expected: str | None) -> None:
    assert label_set(name).canonical(word) == expected


def test_normalise_joins_blanks_and_hyphens() -> None:
    assert normalise("  Well-\tMEANT_joy ") == "well meant joy"


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="ravdess"):
        label_set("ravdes")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nlabels: [up, down]\naliases: {high: up}\nsource: me\n")
    mine = label_set(str(path))
    assert mine.canonical("High") == "up"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[a, b]", "mapping"),
        ("name: x\nsource: y\n", "labels"),
        ("name: x\nlabels: [no, maybe]\nsource: y\n", "Quote"),
        ("name: x\nlabels: [a, A]\nsource: y\n", "twice"),
        ("name: x\nlabels: [a]\naliases: {b: c}\nsource: y\n", "no label"),
        ("name: [x", "YAML"),
        (None, "no such"),
    ],
)
def test_broken_files_say_why(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=reason):
        label_set(str(path))
