"""Measure what is usual in voices, and write ``src/affectrl/cues/reference.yaml``.

    python benchmarks/cue_reference.py [--sandbox 168] [--ravdess FOLDER --every 5] [--out FILE]

The sandbox's reference is of its first clips with a voice, seed 0, source domain; ``ravdess`` of actors 1 to 15, whose
clips all have the same two sentences. Only quantiles are written.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

from affectrl import progress
from affectrl.cues.describe import voice_of
from affectrl.cues.reference import BUILT_IN, Reference, measured, references, save
from affectrl.cues.voice import VoiceMeasures
from affectrl.data.clip import Clip
from affectrl.data.load import load_clips
from affectrl.data.sandbox.generate import generate


def usual(clips: list[Clip], source: str) -> Reference:
    rows: dict[str, list[VoiceMeasures]] = defaultdict(list)
    with progress.bar(source[:20], len(clips)) as advance:
        for clip in clips:
            if (found := voice_of(clip)) is not None:
                rows[clip.speaker or ""].append(found)
            advance(clip.id)
    return measured(rows, source)


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    about.add_argument("--sandbox", type=int, default=168)
    about.add_argument("--ravdess", type=Path)
    about.add_argument("--every", type=int, default=5, help="Every so many clips of RAVDESS.")
    about.add_argument("--out", type=Path, default=BUILT_IN)
    chosen = about.parse_args()
    found = dict(references()) if BUILT_IN.is_file() else {}
    if chosen.sandbox:
        with tempfile.TemporaryDirectory() as folder:
            # Sound alone sounds as the same clip's film does, and is made ten times as fast.
            clips = generate(Path(folder), chosen.sandbox, modalities={"audio+text": 1.0}, workers=1)
            found["sandbox"] = usual(clips, f"affectrl sandbox, seed 0, {chosen.sandbox} clips of voice and words")
    if chosen.ravdess:
        clips = load_clips(f"ravdess:{chosen.ravdess}", speakers="1-15")[:: chosen.every]
        source = f"RAVDESS speech, {len(clips)} clips of actors 1-15 (Livingstone & Russo, PLoS ONE 13, 2018)"
        found["ravdess"] = usual(clips, source)
    save(found, chosen.out)


if __name__ == "__main__":
    main()
