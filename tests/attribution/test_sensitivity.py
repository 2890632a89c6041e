"""Damage that is as large as it says, and scores that are paired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affectrl.answers.prediction import Prediction
from affectrl.attribution.sensitivity import ANOTHER, CLEAN, fewer_frames, noisy, paired, told, wrong_words
from affectrl.data.clip import Clip
from affectrl.data.media.audio import read_audio
from affectrl.evaluation.evaluate import row
from affectrl.report import probes


@pytest.mark.parametrize("snr", [20, 0, -10])
def test_noise_is_as_loud_as_asked(small_media: Path, snr: int) -> None:
    clip = Clip(id="film", video=small_media / "film.mp4")
    clean = read_audio(clip.video).samples.astype(float)  # type: ignore[arg-type]
    noised = noisy(clip, snr)
    assert not noised.use_video_audio
    mixed = read_audio(noised.audio).samples.astype(float)  # type: ignore[arg-type]
    assert len(mixed) == len(clean)
    # The clean sound's share of the mix by least squares; what is left is the noise.
    share = float(mixed @ clean / (clean @ clean))
    noise = mixed - share * clean
    found = 10 * np.log10(np.mean((share * clean) ** 2) / np.mean(noise**2))
    assert found == pytest.approx(snr, abs=0.6)
    assert noisy(clip, snr).audio == noised.audio, "the same noise each time"


def test_frames_go_by_share(make_features) -> None:
    clip = make_features(1, face=8, text="Well.")
    assert [len(fewer_frames(clip, share).streams["face"]) for share in (0, 25, 50, 75)] == [8, 6, 4, 2]
    gone = fewer_frames(clip, 100)
    assert "face" not in gone.streams
    assert gone.text == "Well."
    assert "voice" in gone.streams


def test_words_go_by_share(make_features) -> None:
    clip = make_features(2, text="one two three four")
    others = ["aa bb cc", "dd ee"]
    kept = [
        sum(w in ["one", "two", "three", "four"] for w in (wrong_words(clip, s, others).text or "").split())
        for s in (25, 50, 100)
    ]
    assert kept == [3, 2, 0]
    assert wrong_words(clip, ANOTHER, others).text in others


def test_differences_are_paired_and_shown(tmp_path: Path) -> None:
    def rows(right: int) -> list[dict]:
        clips = [Clip(id=f"c{i}", text="x", labels=(("sad", "happy")[i % 2],)) for i in range(40)]
        said = [c.labels[0] if i < right else "angry" for i, c in enumerate(clips)]
        return [row(Prediction(id=c.id, path=None, emotions=(s,), top=s), c) for c, s in zip(clips, said, strict=True)]

    found = paired({CLEAN: rows(32), "20 dB": rows(32), "0 dB": rows(20)}, "war")
    assert found[CLEAN][0].value == pytest.approx(0.8)
    assert (found["20 dB"][1].value, found["20 dB"][1].low, found["20 dB"][1].high) == (0, 0, 0)
    assert found["0 dB"][1].value == pytest.approx(-0.3)
    assert found["0 dB"][1].high < 0
    findings = told({"audio": found}, "war", 0)
    page = probes.write(findings, tmp_path).read_text()
    assert "<svg" in page
    assert "-0.300" in page
    assert findings.save(tmp_path).is_file()
