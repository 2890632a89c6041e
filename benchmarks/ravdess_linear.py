"""The linear baseline on RAVDESS, on the same actors and the same features as the recipe `ravdess-speech`.

    python benchmarks/ravdess_linear.py [../shared/data/ravdess]

Logistic regression and ridge on each clip's mean and spread of all Whisper layers, standardized, with and without
principal components; trained on actors 1-15, tested on 16-18. Also says how fast an empty feature cache fills
(set AFFECTRL_HOME to a new folder to see that).
"""

from __future__ import annotations

import sys
import time

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affectrl.data.load import load_clips
from affectrl.metrics.classification import uar, war
from affectrl.metrics.intervals import bootstrap
from affectrl.models.features import FeatureExtractor, extract_all
from affectrl.recipes.schema import ModelSpec


def table(extractor: FeatureExtractor, source: str, speakers: str) -> tuple[np.ndarray, list[str]]:
    """Pooled features ``(N, 2 D)`` and labels."""
    clips = load_clips(source, speakers=speakers)
    extractor.encoder("voice")
    start = time.perf_counter()
    features = list(extract_all(extractor, clips, lambda clip, error: print(clip.id, error)))
    seconds = time.perf_counter() - start
    counts = extractor.cache.counts
    print(f"actors {speakers}: {len(clips) / seconds:.1f} clips a second, {counts.hits} hits, {counts.misses} misses")
    streams = [f.streams["voice"].float() for f in features]
    pooled = np.stack([np.concatenate([s.mean(0), s.std(0, unbiased=False)]) for s in streams])
    return pooled, [f.clip.labels[0] for f in features]


def main() -> None:
    """Print one line a classifier."""
    source = f"ravdess:{sys.argv[1] if len(sys.argv) > 1 else '../shared/data/ravdess'}"
    extractor = FeatureExtractor(ModelSpec(face=None, words=False))
    train_x, train_y = table(extractor, source, "1-15")
    test_x, test_y = table(extractor, source, "16-18")
    strengths = np.logspace(-2, 6, 17)
    classifiers = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)),
        "ridge": make_pipeline(StandardScaler(), RidgeClassifierCV(strengths)),
        "128 components, ridge": make_pipeline(
            StandardScaler(), PCA(128, random_state=0), RidgeClassifierCV(strengths)
        ),
    }
    for name, classifier in classifiers.items():
        answers = [str(a) for a in classifier.fit(train_x, train_y).predict(test_x)]
        scores = [bootstrap(score, test_y, answers) for score in (war, uar)]
        print(name, *(f"{s.value:.3f} [{s.low:.3f}, {s.high:.3f}]" for s in scores))


if __name__ == "__main__":
    main()
