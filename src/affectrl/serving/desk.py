"""The models that a server has in memory: the one it was started with, and a few others that were asked for."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from uuid import uuid4

from affectrl.inference.model import EmotionModel, load
from affectrl.models import checkpoint
from affectrl.models.cache import FeatureCache
from affectrl.serving.batcher import Batcher
from affectrl.serving.figures import Figures
from affectrl.serving.limits import Limits

OTHERS = 2
"""Models in memory beside the first; the one that was asked for longest ago makes room."""


class Desk:
    """See the module's text.

    Args:
        place: Of the first model: a run folder, a model folder, or a name on the hub.
        limits: Of each model's batches.
        figures: Told of them.
        scratch: Where features of uploads lie while they are used.
    """

    def __init__(self, place: str | Path, limits: Limits, figures: Figures, scratch: Path) -> None:
        self.place, self.limits, self.figures, self.scratch = Path(place), limits, figures, scratch
        self.name = name_of(self.place)
        self._first = self._batcher(load(place))
        self._others: dict[Path, Batcher] = {}
        self._lock = Lock()

    @property
    def base(self) -> Batcher:
        """The model that the server was started with."""
        return self._first

    def of(self, place: Path | None) -> Batcher:
        """The model of a folder, loaded if need be; ``None`` is the first one.

        Raises:
            ModelError: As :func:`affectrl.inference.model.load`.
        """
        if place is None:
            return self._first
        with self._lock:
            batcher = self._others.pop(place, None)
            if batcher is None:
                while len(self._others) >= OTHERS:
                    self._others.pop(next(iter(self._others))).close()
                batcher = self._batcher(load(place))
            self._others[place] = batcher
            return batcher

    def forget(self, place: Path) -> None:
        """Take a model out of memory, if it is there."""
        with self._lock:
            batcher = self._others.pop(place, None)
        if batcher is not None:
            batcher.close()

    def close(self) -> None:
        """End every model's thread."""
        for batcher in (self._first, *self._others.values()):
            batcher.close()

    def _batcher(self, model: EmotionModel) -> Batcher:
        # Features of strangers' faces and voices do not belong in the cache of this machine's user.
        model.extractor.cache = FeatureCache(self.scratch / f"features-{uuid4().hex}")
        return Batcher(model, self.limits, self.figures)


def name_of(place: Path) -> str:
    """What people call a model: its run folder's name, else its own."""
    return place.parent.name if place.name == "model" and place.parent.name else place.name or str(place)


def finished(runs: Path | None) -> dict[str, Path]:
    """Finished models in a folder of run folders, the newest first, by name."""
    if runs is None or not runs.is_dir():
        return {}
    cards: list[Path] = sorted(runs.glob(f"*/model/{checkpoint.CARD}"), key=_time, reverse=True)
    return {card.parents[1].name: card.parents[1] for card in cards}


def _time(file: Path) -> float:
    return file.stat().st_mtime
