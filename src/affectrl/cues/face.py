"""Scores of what a face shows, from whoever can give them: a trained encoder, a head of ``baseline``, a model.

We measure no face ourselves. A *face reader* is any function from a clip to the probability of each emotion, or to
``None`` where no face is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from affectrl.data.clip import Clip

FaceReader = Callable[[Clip], Mapping[str, float] | None]
"""A clip's emotions with their probabilities, by the clip's face alone."""

SURE, LIKELY = 0.75, 0.5
"""Probabilities from which a face is said to look so, and to seem so."""
