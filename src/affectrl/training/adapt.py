"""Test-time RL: a finished model learns from the votes of its own answers to clips that nobody has labelled.

MERIT (section 3.4): for each clip the model answers N times, the label that most answers give stands in for the truth,
and every answer is paid by its distance to it. Here that is a recipe like any other: :func:`plan` writes it, and
:func:`affectrl.training.train.train` runs it into a run folder of its own. The model that it starts from is only read.

Where the clips happen to have labels, those judge the outcome and nothing else: no reward, no choice of checkpoint and
no early stop sees them. Scores on the adapted clips (transductive, what MERIT's tables give) and on held-out ones are
kept apart, since the first say how well a set was fitted and only the second what was learned from it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from affectrl import jsonl
from affectrl.answers.parser import plain
from affectrl.errors import RecipeError, UsageError
from affectrl.evaluation import open_vocabulary
from affectrl.evaluation.evaluate import Row, answered, unread
from affectrl.metrics.comparison import compare_answers
from affectrl.metrics.intervals import Estimate, clusters
from affectrl.models import checkpoint, hub
from affectrl.recipes.load import load_recipe
from affectrl.recipes.schema import DataSpec, Recipe
from affectrl.rewards import majority_vote
from affectrl.training.clips import clips_of
from affectrl.training.preflight import check_stops
from affectrl.training.run_folder import RunFolder
from affectrl.training.train import RUNS, train

ADAPTED, HELD_OUT = "adapted", "held-out"
LOOKS = 4
"""Evaluations on the way, where labels are there to be compared with."""
_SCALARS = ("majority_ratio", "top_vote_share", "vote_accuracy", "answer_accuracy", "reward_accuracy", "drift")


@dataclass(frozen=True, slots=True)
class How:
    """How to adapt. The defaults are MERIT's where it gives any."""

    votes: int = 8
    """Answers a clip (N); MERIT takes 5, TTRL 64."""
    train: int | None = None
    """Of these that are trained on (k); all by default. TTRL takes half."""
    epochs: int | None = None
    """Times that every clip is met, 3 by default; with ``stream`` always once."""
    stream: bool = False
    """Meet the clips in their order, each once, as they would come in use."""
    algorithm: str = "merit-grpo"
    kernel: Literal["distance", "binary"] | None = None
    """Pay by distance to the vote, ``1 / (1 + alpha W)``, or 1 and 0; by distance wherever there is a closed choice."""
    alpha: float = 1.0
    distance: str = "plutchik"
    """W: a file of ``emotions/distances``; with ``binary`` it breaks ties."""
    seed: int = 0
    restandardize: int | None = 16
    """First move the scale of the features to that of the clips, the old scale counting as so many clips (see
    ``rl.restandardize``); ``None`` keeps it. A native model has none."""

    @property
    def rounds(self) -> int:
        """Epochs that are gone through.

        Raises:
            UsageError: A stream of several epochs.
        """
        if self.stream and self.epochs is not None:
            raise UsageError("a stream is met once, so that it has no epochs.", hint="Give --epochs or --stream.")
        return 1 if self.stream else self.epochs or 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What adaptation left behind."""

    folder: Path
    """The run folder; its ``model`` is the adapted one."""
    base: Path
    """The model folder that it started from, as it was."""
    rows: dict[str, tuple[list[Row], list[Row]]]
    """``adapted`` and, if there is one, ``held-out``: rows before and after."""
    is_open: bool = False
    """Whether the model answers in open vocabulary."""
    votes: list[dict[str, Any]] = field(default_factory=list)
    """Logged figures of each step; see :func:`affectrl.rl.votes.vote_scalars`, and ``drift``."""
    ended: str | None = None
    """Why it stopped before its last step, if it did."""

    def labelled(self) -> dict[str, tuple[list[Row], list[Row]]]:
        """The sets of which any clip has a label."""
        return {name: pair for name, pair in self.rows.items() if any(row["labels"] for row in pair[1])}

    def changed(self, name: str) -> tuple[int, int]:
        """Of a set: clips whose first label is another than before, and clips."""
        before, after = self.rows[name]
        return sum(a["top"] != b["top"] for a, b in zip(before, after, strict=True)), len(after)

    def gain(self, name: str, *, seed: int = 0) -> tuple[str, Estimate, float | None]:
        """After minus before on the same clips of a labelled set: the score's name, its paired interval, a p-value.

        Accuracy for a closed choice; for open vocabulary EW, of which no swap test is made.
        """
        before, after = ([row for row in rows if row["labels"] and not unread(row)] for rows in self.rows[name])
        speakers = clusters([row["speaker"] for row in after])
        if self.is_open:
            references = [row["labels"] for row in after]
            old, new = (open_vocabulary.score(references, [answered(r) for r in rows]) for rows in (before, after))
            return "EW", new.gain(old, speakers, seed)["ew"], None
        truth = [plain(row["labels"][0]) for row in after]
        found = compare_answers(
            truth, [r["top"] for r in before], [r["top"] for r in after], groups=speakers, seed=seed
        )
        return "accuracy", found.difference, found.p_value

    def course(self) -> dict[str, tuple[float, float]]:
        """Mean of each vote figure over the first and over the last quarter of the steps."""
        quarter = max(1, len(self.votes) // 4)
        found = {}
        for key in _SCALARS:
            values = [row[key] for row in self.votes if row.get(key) is not None]
            if values:
                ends = values[:quarter], values[-quarter:]
                found[key] = (sum(ends[0]) / len(ends[0]), sum(ends[1]) / len(ends[1]))
        return found


def plan(
    model: str | Path,
    data: DataSpec,
    *,
    held_out: DataSpec | None = None,
    how: How | None = None,
    name: str | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """The recipe of an adaptation.

    Args:
        model: A run folder, a model folder or a repository of the Hugging Face hub (``ORG/NAME``) to start from.
        data: The clips to adapt to; labels that they have are hidden from rewards.
        held_out: Clips of the same kind that are only evaluated.
        how: See :class:`How`.
        name: Of the run; made of the model's and the data's by default.
        overrides: ``dotted.key=value``, changes to any field of the recipe.

    Raises:
        ModelError: As :func:`affectrl.models.checkpoint.fetch` and ``read_card``.
        RecipeError: A field is wrong, the reward is degenerate, or labels would choose the weights.
        DataError: As :func:`affectrl.training.clips.clips_of`.
        UsageError: Likewise; or ``how`` contradicts itself.
    """
    how = how or How()
    base = checkpoint.fetch(model)
    fields = _fields(base, data, held_out, how, name or _name(hub.repo_of(model) or base, data.source))
    recipe = _checked(fields, overrides)
    clips = clips_of(recipe, "train").clips
    fields["rl"]["steps"] = steps = -(-len(clips) * how.rounds // recipe.rl.batch_size)
    fields["eval"]["every"] = max(1, steps // LOOKS) if any(clip.labels for clip in clips) else steps
    recipe = _checked(fields, overrides)
    _refuse_peeking(recipe)
    check_stops(recipe)
    return recipe


def adapt(recipe: Recipe, *, runs: Path = RUNS, fresh: bool = False, report: bool = True) -> Outcome:
    """Run what :func:`plan` wrote, or go on with it.

    Raises:
        UsageError: ``base_overwritten``: the run's folder and the model's lie in one another.
        AffectError: As :func:`affectrl.training.train.train`.
        Interrupted: Likewise.
    """
    assert recipe.start is not None
    base = Path(recipe.start)
    keep_apart(base, runs / recipe.name)
    return read(train(recipe, runs=runs, fresh=fresh, report=report), base)


def read(folder: Path, base: Path) -> Outcome:
    """The outcome of a finished run folder."""
    sets = {ADAPTED: "", HELD_OUT: f"@{HELD_OUT}"}
    rows = {}
    for name, at in sets.items():
        files = [folder / "eval" / f"{stage}{at}.jsonl" for stage in ("cold-start", "final")]
        if all(file.is_file() for file in files):
            rows[name] = (jsonl.read_rows(files[0]), jsonl.read_rows(files[1]))
    logged = jsonl.read_rows(folder / "metrics.jsonl")
    votes = [row for row in logged if row["stage"] == "rl" and row["kind"] == "train"]
    is_open = load_recipe(str(folder / "recipe.yaml")).answers.labels is None
    return Outcome(folder, base, rows, is_open, votes, RunFolder(folder).manifest().get("ended"))


def keep_apart(base: Path, run: Path) -> None:
    """Refuse a run folder that holds the model to start from, is it, or lies in it: a run may replace its folder.

    Raises:
        UsageError: ``base_overwritten``.
    """
    ours, theirs = run.resolve(), base.resolve()
    if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise UsageError(
            "lies where the model to start from lies, which is never written to.",
            code="base_overwritten",
            path=run,
            hint="Choose another --name or --runs.",
        )


def _fields(base: Path, data: DataSpec, held_out: DataSpec | None, how: How, name: str) -> dict[str, Any]:
    spec, task = checkpoint.read_card(base)
    clips = data.model_dump(mode="json", exclude={"unlabelled"})
    kernel = how.kernel or ("binary" if task.labels is None else "distance")
    majority_vote.check(task.labels, kernel=kernel, alpha=how.alpha, distance=how.distance)
    reward = {"kernel": kernel, "distance": how.distance} | ({"alpha": how.alpha} if kernel == "distance" else {})
    rl = {
        "algorithm": how.algorithm,
        "steps": 1,
        "batch_size": 12,
        "order": "stream" if how.stream else "shuffled",
        "num_generations": how.votes,
        "train_generations": how.train,
        "max_completion_length": _answer_length(base),
        "train": "adapter",
        "restandardize": None if spec.family == "native" else how.restandardize,
        "reward_funcs": ["majority-vote"],
        "reward_settings": {"majority-vote": reward},
        "lr": 5e-5,
        "stop": {"collapse": 0.9},
    }
    return {
        "name": name,
        "about": "Test-time RL on unlabelled clips.",
        "seed": how.seed,
        "start": str(base),
        "data": {
            "train": clips | {"unlabelled": True},
            # The same clips as are adapted to: chosen without a look at labels, which only judge.
            "eval": clips | {"unlabelled": True},
            "also": {} if held_out is None else {HELD_OUT: held_out.model_dump(mode="json")},
        },
        "model": spec.model_dump(mode="json"),
        "answers": {"format": task.format, "labels": None if task.labels is None else list(task.labels)},
        "optim": {"warmup_steps": 2},
        "cold_start": {"steps": 0},
        "rl": rl,
        "eval": {"every": 1},
    }


def _checked(fields: dict[str, Any], overrides: Sequence[str]) -> Recipe:
    import yaml

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "adapt.yaml"
        file.write_text(yaml.safe_dump(fields, allow_unicode=True), "utf-8")
        try:
            return load_recipe(str(file), overrides)
        except RecipeError as error:
            # The file is nobody's but ours, and gone.
            raise RecipeError(error.message, code=error.code, hint=error.hint) from error


def _refuse_peeking(recipe: Recipe) -> None:
    if not recipe.data.train.unlabelled:
        raise RecipeError("data.train.unlabelled: test-time RL must not see labels.", hint="Train on them instead.")


def _answer_length(base: Path) -> int:
    """The longest answer that the model was trained to give, if its run folder still says."""
    for folder in (base.parent, base.parent.parent):
        if (folder / "recipe.yaml").is_file():
            return load_recipe(str(folder / "recipe.yaml")).rl.max_completion_length
    return Recipe.model_fields["rl"].default.max_completion_length


def _name(base: str | Path, source: str) -> str:
    place = Path(base).resolve()
    own = place.parent.name if place.name == "model" else place.name
    where = Path(source if Path(source).exists() else source.rpartition(":")[2])
    there = where.resolve().parent.name if where.stem == "manifest" else where.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{own}-on-{there}").lstrip("._-") or "adapted"
