"""Clips for RL that the cold start has not drawn, so that a model does not practise on what it was just taught.

A run keeps the ids that its cold start's steps drew in ``met.jsonl``. Another run that begins from its model
(``start``) finds them there, beside the model's folder, and keeps them too.
"""

from __future__ import annotations

from pathlib import Path

from affectrl import jsonl
from affectrl.errors import DataError, RecipeError
from affectrl.models import checkpoint
from affectrl.models.features import ClipFeatures
from affectrl.recipes.schema import Recipe
from affectrl.training.session import Session

FILE = "met.jsonl"


def note(session: Session) -> None:
    """Write into the run's folder the ids, each once, that its cold start's steps draw, after those of its ``start``.

    Of a start that does not say what it has met, nothing is written: the rest would be half the truth.
    """
    recipe, cold = session.recipe, session.recipe.cold_start
    before = [] if recipe.start is None else [_of_start(recipe.start)]
    if not all(file.is_file() for file in before):
        return
    batches = (session.batch("cold_start", "sft", cold.batch_size, step) for step in range(cold.steps))
    ids = [row["id"] for file in before for row in jsonl.read_rows(file)]
    ids += [clip.clip.id for batch in batches for clip in batch]
    jsonl.write_rows(session.folder.path / FILE, [{"id": name} for name in dict.fromkeys(ids)])


def check(recipe: Recipe) -> None:
    """Refuse ``rl.clips: unseen`` where nobody knows what was seen.

    Raises:
        ModelError: There is no model at ``start``.
        RecipeError: ``recipe_invalid``: the run that ``start`` is of has no ``met.jsonl``.
    """
    if recipe.rl.clips == "unseen" and recipe.start is not None and not _of_start(recipe.start).is_file():
        raise RecipeError(
            f"rl.clips: {FILE}, which says what its cold start has seen, is not beside the model at start.",
            path=recipe.start,
            hint="Start from a run folder (runs/NAME/cold-start), or take rl.clips=all.",
        )


def left(session: Session) -> list[ClipFeatures]:
    """The clips of ``data.train`` whose ids no cold start has drawn, neither this run's nor that of its ``start``.

    Raises:
        DataError: ``no_clips``: none is left.
    """
    clips = session.features["train"]
    met = {row["id"] for row in jsonl.read_rows(session.folder.path / FILE)}
    found = [clip for clip in clips if clip.clip.id not in met]
    if not found:
        raise DataError(
            f"the cold start has drawn all {len(clips)} clips of data.train, and rl.clips is unseen.",
            code="no_clips",
            path=session.recipe.data.train.source,
            hint="Shorten cold_start.steps, name more clips, or take rl.clips=all.",
        )
    return found


def _of_start(start: str) -> Path:
    return checkpoint.fetch(start).parent / FILE
