"""Are false claims about sandbox clips found, and true ones left alone? The sandbox knows what it synthesised.

    python benchmarks/grounding.py [--clips 150] [--seed 9] [--strangers] [--out FILE]

For each clip we write a text of claims whose truth follows from the clip's plan alone, by no measure: of the voice
what it was told to be (level, pitch, rate, brightness, each where the plan moved it by at least the threshold of
``data/sandbox/cues.py``, or half of that with ``--clear 0.5``), what is said (quotations, questions), and whether there
is a voice or face at all. Half of the claims are turned into their opposite. Detected are contradicted ones; undecided
claims count as not detected. `measured` are the qualities of voices alone.
With ``--strangers`` no other clip of a speaker is known.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from affectrl.cues.claims import claims
from affectrl.cues.describe import usual_by_speaker, voice_of
from affectrl.cues.verdicts import judge, truth_of
from affectrl.data.sandbox.generate import generate
from affectrl.data.sandbox.plan import Plan, Settings, plan
from affectrl.data.sandbox.utterances import utterances

MIX = {"audio+text": 0.7, "audio": 0.1, "text": 0.1, "image+text": 0.1}
SPEAKERS = 12
TOLD = {
    # cue: plan's parameter, its middle, threshold at which data/sandbox/cues.py says so, words for low and high
    "level": (
        "loudness",
        0.0,
        3.2,
        ("The voice is quiet", "Her tone is soft"),
        ("The voice is loud", "He is shouting"),
    ),
    "pitch": (
        "pitch",
        0.0,
        2.2,
        ("The pitch is low", "A deep voice"),
        ("The pitch is high", "The tone is high-pitched"),
    ),
    "rate": (
        "rate",
        1.0,
        0.12,
        ("The speech is slow", "She speaks slowly"),
        ("The speech is fast", "He is talking rapidly"),
    ),
    "brightness": (
        "tilt",
        0.0,
        4.5,
        ("The voice is dull", "The tone is muffled"),
        ("The voice is sharp", "A harsh voice"),
    ),
}


def written(planned: Plan, draw: random.Random, clear: float) -> Iterator[tuple[str, str, bool]]:
    """Kind, text and truth of each claim about a planned clip."""
    has = planned.parts
    if "voice" in has:
        for cue, (name, middle, threshold, low, high) in TOLD.items():
            moved = (getattr(planned.voice, name) - middle) / threshold
            if abs(moved) >= clear:
                true = draw.random() < 0.5
                yield cue, draw.choice(high if (moved > 0) == true else low), true
    else:
        yield "no voice", draw.choice([*TOLD["level"][3], *TOLD["level"][4]]), False
    if not has & {"face", "photo"}:
        yield "no face", draw.choice(["The face is sad", "Her brows show anger", "A happy smile"]), False
    if "words" in has:
        other = draw.choice([u.text for group in utterances().values() for u in group])
        true = draw.random() < 0.5 or other == planned.utterance.text
        quoted = (planned.utterance.text if true else other).rstrip(".!?")
        yield "quote", f'The words are "{quoted}"', true
        asks = planned.utterance.text.rstrip().endswith("?")
        true = draw.random() < 0.5
        yield "asks", "The words are a question" if asks == true else "The words are not a question", true
    else:
        yield "no words", 'He says "I have no idea at all"', False


def measure(count: int, seed: int, clear: float, *, strangers: bool) -> dict[str, dict[str, float]]:
    """Per kind and over all: claims, precision and recall of the detected false ones."""
    settings = Settings(seed, modalities=MIX, speakers=SPEAKERS)
    draw = random.Random(seed)
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])  # detected and false, detected, false, all
    with tempfile.TemporaryDirectory() as folder:
        clips = generate(Path(folder), count, seed=seed, modalities=MIX, speakers=SPEAKERS, workers=1)
        measures = [voice_of(clip) for clip in clips]
        own = {} if strangers else usual_by_speaker(clips, measures)
        for i, (clip, measured) in enumerate(zip(clips, measures, strict=True)):
            truth = truth_of(clip, own=own.get(clip.speaker or ""), measures=measured)
            for kind, text, true in written(plan(i, settings), draw, clear):
                read = claims(text)
                found = any(judge(claim, truth)[0] == "contradicted" for claim in read)
                for name in (kind, "all", *(["measured"] if kind in TOLD else [])):
                    row = tally[name]
                    row[0] += found and not true
                    row[1] += found
                    row[2] += not true
                    row[3] += 1
    return {
        kind: {
            "claims": every,
            "false": false,
            "precision": hit / found if found else float("nan"),
            "recall": hit / false if false else float("nan"),
        }
        for kind, (hit, found, false, every) in tally.items()
    }


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    about.add_argument("--clips", type=int, default=150)
    about.add_argument("--seed", type=int, default=9, help="Not 0, of which the reference was measured.")
    about.add_argument("--clear", type=float, default=1.0, help="Share of the threshold from which a claim is made.")
    about.add_argument("--strangers", action="store_true")
    about.add_argument("--out", type=Path)
    chosen = about.parse_args()
    found = measure(chosen.clips, chosen.seed, chosen.clear, strangers=chosen.strangers)
    for kind, row in found.items():
        print(f"{kind:12} " + "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
    if chosen.out:
        chosen.out.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
