"""The gallery: who is shown, and what of a clip can be seen and heard."""

from __future__ import annotations

import base64
import io
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from affectrl.report.gallery import SIZE, envelope, find_media, gallery
from affectrl.report.load import load_run


def test_kinds_are_mixed_and_the_draw_is_fixed(run_folder: Path) -> None:
    run = load_run(run_folder)
    cards = gallery(run.before, run.after, run_folder)
    assert len(cards) == SIZE
    assert Counter(c.kind for c in cards) == {"fixed": 3, "broken": 3, "right": 3, "wrong": 3}
    assert [c.shown.id for c in cards] == [c.shown.id for c in gallery(run.before, run.after, run_folder)]
    for card in cards:
        assert card.before
        assert card.after
        right = (card.before.correct, card.after.correct)
        assert right == {"fixed": (False, True), "broken": (True, False)}.get(card.kind, right)


def test_what_each_kind_of_clip_shows(run_folder: Path) -> None:
    run = load_run(run_folder)
    wanted = {name: next(p for p in run.after if p.path and p.path.endswith(name)) for name in FILES}
    cards = {Path(c.shown.path or "").name: c for c in gallery([], list(wanted.values()), run_folder)}
    for name, (frames, has_wave) in FILES.items():
        assert (len(cards[name].frames), cards[name].wave is not None) == (frames, has_wave)
    frame = Image.open(io.BytesIO(base64.b64decode(cards["0.mp4"].frames[0].split(",")[1])))
    assert frame.size == (160, 160)
    assert cards["lost.mp4"].notes[0].code == "media_gone"
    assert cards["talk.wav"].seconds == 1.0


FILES = {"0.mp4": (4, True), "talk.wav": (0, True), "face.png": (1, False), "lost.mp4": (0, False)}


def test_broken_media_are_a_note_on_the_card(run_folder: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    (tmp_path / "bad.mp4").write_bytes(b"no film")
    clip = replace(load_run(run_folder).after[0], path="bad.mp4")
    (card,) = gallery([], [clip], tmp_path)
    assert not card.frames
    assert card.notes
    assert card.notes[0].code.startswith("media_")


def test_a_photograph_beside_a_recording_is_no_problem(run_folder: Path) -> None:
    from dataclasses import replace

    talk = next(p for p in load_run(run_folder).after if p.path and p.path.endswith("talk.wav"))
    (card,) = gallery([], [replace(talk, modalities=("audio", "image"))], run_folder)
    assert card.wave
    assert not card.notes


def test_media_are_looked_for_beside_the_run(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    (tmp_path / "a.wav").touch()
    assert find_media("a.wav", run) == tmp_path.resolve() / "a.wav"
    assert find_media("b.wav", run) is None
    assert find_media(None, run) is None


def test_envelope() -> None:
    loud = envelope(np.concatenate([np.zeros(900), np.ones(900)]).astype(np.float32))
    assert loud.startswith("M0,20.0 ")
    assert " 179,1.0 179,39.5 " in loud
    assert "nan" not in envelope(np.zeros(10, np.float32)) + envelope(np.zeros(0, np.float32))
