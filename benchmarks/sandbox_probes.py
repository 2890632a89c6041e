"""How much of a sandbox clip's emotion each channel gives away to a linear probe.

    python benchmarks/sandbox_probes.py [--seed 0] [--train 300] [--test 150] [--test-domain shifted] [--out FOLDER]

Logistic regressions are trained on clips that hold all three channels and tested on clips of other speakers saying
other sentences: words (the states of SmolLM2's layers over the word pieces, and a bag of words and word pairs), face
(HOG of the face crop), voice (pooled Whisper states, and log-mel statistics), and the sum of the log-probabilities of
the words, face and voice probes. It also prints in which share of the frames OpenCV's Haar cascade finds the face.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affectrl.data.clip import Clip
from affectrl.data.media.audio import read_audio
from affectrl.data.media.faces import find_faces
from affectrl.data.media.video import read_frames
from affectrl.data.sandbox.generate import generate
from affectrl.models import backbone
from affectrl.models.encoders import face_hog, whisper

FRAMES = 8
LAYER = 22  # the most telling one of SmolLM2's 30


def face_row(clip: Clip, hog: face_hog.FaceHog) -> tuple[np.ndarray, float]:
    """Pooled HOG of the face track, and the share of frames in which a face was found."""
    track = find_faces(read_frames(clip.video, count=FRAMES))[0]
    shown = hog.encode(track)
    return np.concatenate([shown.mean(0), shown.max(0)]), float(track.found.mean())


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Mean, spread and movement of 40 log-mel bands, with level percentiles."""
    from transformers import WhisperFeatureExtractor

    mel = WhisperFeatureExtractor(feature_size=80)(samples, sampling_rate=16_000, padding=False, return_tensors="np")
    bands = mel.input_features[0].reshape(40, 2, -1).mean(1)
    return np.concatenate([bands.mean(1), bands.std(1), np.abs(np.diff(bands)).mean(1), [len(samples) / 16_000]])


def word_rows(texts: list[str]) -> np.ndarray:
    """Mean and last state of a middle layer of the language model over the word pieces of each text."""
    reader = backbone.load("smollm2-135m-instruct")
    rows = []
    with torch.inference_mode():
        for text in texts:
            pieces = reader.tokenizer(text, return_tensors="pt")
            states = reader.model(**pieces, output_hidden_states=True).hidden_states[LAYER][0]
            rows.append(torch.cat([states.mean(0), states[-1]]).numpy())
    return np.stack(rows)


def features(clips: list[Clip]) -> tuple[dict[str, np.ndarray], float]:
    """Feature rows by channel, and the share of frames in which the cascade found a face."""
    hog, ears = face_hog.build(), whisper.build()
    rows: dict[str, list[np.ndarray]] = {"face": [], "voice": [], "voice (log-mel)": []}
    found = []
    for clip in clips:
        face, share = face_row(clip, hog)
        rows["face"].append(face)
        found.append(share)
        sound = read_audio(clip.video)
        states = ears.encode(sound)
        rows["voice"].append(np.concatenate([states.mean(0), states.std(0)]))
        rows["voice (log-mel)"].append(log_mel(sound.samples))
    columns = {name: np.stack(column) for name, column in rows.items()}
    return {**columns, "words": word_rows([clip.text for clip in clips])}, float(np.mean(found))


def probe(train: list[Clip], test: list[Clip]) -> dict[str, float]:
    """Accuracy of each probe on ``test``, and the cascade's hit rate."""
    known = np.array([clip.labels[0] for clip in train])
    asked = np.array([clip.labels[0] for clip in test])
    columns, found = features([*train, *test])
    scores, logs = {"haar_rate": found}, {}
    for name, rows in columns.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.002, max_iter=2000)).fit(
            rows[: len(train)], known
        )
        logs[name] = model.predict_log_proba(rows[len(train) :])
        scores[name] = float(np.mean(model.classes_[logs[name].argmax(1)] == asked))
    bag = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[!?]"), LogisticRegression(C=30, max_iter=2000)
    )
    scores["words (bag)"] = float(bag.fit([c.text for c in train], known).score([c.text for c in test], asked))
    together = logs["face"] + logs["voice"] + logs["words"]
    scores["together"] = float(np.mean(model.classes_[together.argmax(1)] == asked))
    return scores


def clips_of(out: Path, domain: str, split: str, asked: argparse.Namespace) -> list[Clip]:
    """The first clips of a split, of the number that was asked for, all with three channels."""
    share = asked.train / (asked.train + asked.test)
    clips = generate(
        out / domain,
        round(1.15 * (asked.train + asked.test)),
        seed=asked.seed,
        domain=domain,
        splits={"train": share, "test": 1 - share},
        modalities={"video+audio+text": 1.0},
    )
    return [clip for clip in clips if clip.split == split][: getattr(asked, split)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=300)
    parser.add_argument("--test", type=int, default=150)
    parser.add_argument("--test-domain", default="source", help="source or shifted")
    parser.add_argument("--out", type=Path, help="keep the clips here")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        out = asked.out or Path(scratch)
        train = clips_of(out, "source", "train", asked)
        test = clips_of(out, asked.test_domain, "test", asked)
        scores = probe(train, test)
    print(json.dumps({"train": len(train), "test": len(test), **{k: round(v, 3) for k, v in scores.items()}}))


if __name__ == "__main__":
    main()
