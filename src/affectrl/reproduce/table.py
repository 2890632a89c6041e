"""What ``tables/NAME.yaml`` may say, and the recipes that it stands for. Torch-free, so that checking is quick."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from affectrl.errors import UsageError
from affectrl.evaluation.columns import Metric
from affectrl.recipes.load import load_recipe
from affectrl.recipes.schema import Recipe
from affectrl.recipes.section import Section
from affectrl.shelves import nearest
from affectrl.yaml_file import read_yaml

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
QUICK_PART = 6
"""``--quick`` trains a sixth of the steps."""
QUICK_CLIPS = 24


class Paper(Section):
    """Where the published figures stand."""

    citation: str
    where: str
    """Table or figure."""
    data: str
    """What the paper's figures are of."""
    arxiv: str | None = None
    figures: Literal["printed", "plotted"] = "printed"
    """``plotted``: the paper gives no numbers, only a plot."""


class Column(Section):
    """One figure of each variant."""

    title: str
    metric: Metric
    set: str = "eval"
    """``eval``, or a name of ``data.also``."""

    @property
    def is_share(self) -> bool:
        """Whether it is shown in percent."""
        return self.metric != "labels"


class Variant(Section):
    """One row."""

    title: str
    base: str | None = None
    """A packaged recipe, when it is not the table's."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Fields to change: ``dotted.key: value``."""
    start: str | None = None
    """RL begins with the model that this earlier variant ended with, of the same seed; no cold start of its own."""
    cold_start_of: str | None = None
    """No run of its own: the evaluation after the cold start of this variant's."""
    published: dict[str, float | tuple[float, ...]] = Field(default_factory=dict)
    """The paper's figures by column, as printed; of several sets the mean is shown."""

    def printed(self, column: str) -> float | None:
        """The paper's figure, or the mean of its figures; ``None`` when it has none."""
        given = self.published.get(column)
        return sum(given) / len(given) if isinstance(given, tuple) else given


class Claim(Section):
    """An ordering to check."""

    say: str
    better: str
    than: str
    column: str


class Table(Section):
    """One table or figure of a paper."""

    title: str
    paper: Paper
    base: str
    set: dict[str, Any] = Field(default_factory=dict)
    """Fields to change for all variants."""
    columns: Annotated[dict[Name, Column], Field(min_length=1)]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    """What differs from the paper, and what is wrong with its table."""

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Table:
        seen: dict[str, Variant] = {}
        for name, variant in self.variants.items():
            if variant.start is not None and (variant.start not in seen or seen[variant.start].cold_start_of):
                raise ValueError(f"variant {name}: start {variant.start!r} is no earlier variant with a run")
            if variant.cold_start_of is not None and (variant.set or variant.base or variant.start):
                raise ValueError(f"variant {name}: cold_start_of leaves nothing to set")
            if unknown := sorted(set(variant.published) - set(self.columns)):
                raise ValueError(f"variant {name}: no column is called {unknown[0]!r}")
            seen[name] = variant
        for name, variant in seen.items():
            other = variant.cold_start_of
            if other is not None and (other not in seen or seen[other].cold_start_of or seen[other].start):
                raise ValueError(f"variant {name}: {other!r} is no variant with a cold start of its own")
        for claim in self.claims:
            if missing := [v for v in (claim.better, claim.than) if v not in seen]:
                raise ValueError(f"claim {claim.say!r}: no variant is called {missing[0]!r}")
            if claim.column not in self.columns:
                raise ValueError(f"claim {claim.say!r}: no column is called {claim.column!r}")
        return self

    def run_of(self, variant: str) -> str:
        """The variant whose run holds this one's answers: itself, or the one whose cold start it is."""
        return self.variants[variant].cold_start_of or variant

    def runs_for(self, variants: tuple[str, ...]) -> list[str]:
        """Variants to train, in order: the wanted ones and those that they start from.

        Raises:
            UsageError: ``unknown_name``: the table has no such variant.
        """
        needed: set[str] = set()
        for name in variants or self.variants:
            if name not in self.variants:
                raise UsageError(
                    f"the table has no variant {name!r}.", code="unknown_name", hint=nearest(name, self.variants)
                )
            run: str | None = self.run_of(name)
            while run is not None:
                needed.add(run)
                run = self.variants[run].start
        return [name for name in self.variants if name in needed]


def packaged() -> dict[str, Path]:
    """Tables that come with the package, by name."""
    folder = Path(str(resources.files("affectrl.reproduce"))) / "tables"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def load_table(name: str) -> Table:
    """A packaged table, or one from a YAML file.

    Raises:
        UsageError: ``unknown_name``: no such table; ``table_invalid``: a file that is none.
        DataError: ``table_invalid``: not readable.
    """
    file = packaged().get(name)
    if file is None and name.endswith((".yaml", ".yml")):
        file = Path(name)
    if file is None:
        raise UsageError(f"there is no table {name!r}.", code="unknown_name", hint=nearest(name, packaged()))
    fields = read_yaml(file, code="table_invalid", what="table")
    try:
        return Table.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'table'}: {p['msg']}" for p in error.errors())
        raise UsageError(wrong, code="table_invalid", path=file) from error


def recipe_of(table: Table, variant: str, seed: int, runs: Path, *, quick: bool = False) -> Recipe:
    """The recipe of one run.

    Args:
        table: The table.
        variant: One with a run of its own.
        seed: Of the training; the clips stay the same.
        runs: The folder of run folders, where ``start`` finds its model.
        quick: A sixth of the steps, and few clips: to see that all of it runs.

    Raises:
        RecipeError: An override fits no recipe.
    """
    chosen = table.variants[variant]
    fields = {**table.set, **chosen.set, "name": run_name(variant, seed), "seed": seed}
    if chosen.start is not None:
        fields |= {"start": str(runs / run_name(chosen.start, seed) / "model"), "cold_start.steps": 0}
    base = chosen.base or table.base
    recipe = load_recipe(base, _overrides(fields))
    return load_recipe(base, _overrides(fields | _shorter(recipe))) if quick else recipe


def run_name(variant: str, seed: int) -> str:
    """The name of a run folder."""
    return f"{variant}-seed{seed}"


def _overrides(fields: dict[str, Any]) -> list[str]:
    # What JSON writes is YAML on one line, which is what an override's value is.
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]


def _shorter(recipe: Recipe) -> dict[str, Any]:
    def fewer(n: int | None) -> int:
        return min(n or QUICK_CLIPS, QUICK_CLIPS)

    steps = {"cold_start.steps": recipe.cold_start.steps, "rl.steps": recipe.rl.steps}
    limits = {"data.eval.limit": recipe.data.eval.limit, "eval.limit": recipe.eval.limit}
    limits |= {f"data.also.{name}.limit": spec.limit for name, spec in recipe.data.also.items()}
    return {key: -(-n // QUICK_PART) for key, n in steps.items()} | {key: fewer(n) for key, n in limits.items()}
