"""The packaged tables: every recipe in them is one, and their published figures are the suites'."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from affectrl.errors import UsageError
from affectrl.reproduce.table import Table, load_table, packaged, recipe_of

TABLES = sorted(packaged())
REPO = Path(__file__).resolve().parents[2]


def test_the_tables_that_the_documents_name() -> None:
    text = (REPO / "docs" / "reproduce.md").read_text("utf-8")
    listed = re.findall(r"^\| `([a-z0-9.-]+)` \|.*\| (\d+) \|$", text, re.MULTILINE)
    assert {name: int(runs) for name, runs in listed} == {n: len(load_table(n).runs_for(())) for n in TABLES}


@pytest.mark.parametrize("name", TABLES)
def test_every_run_has_a_valid_recipe(name: str) -> None:
    table = load_table(name)
    runs = table.runs_for(())
    assert runs
    for variant in runs:
        whole, quick = (recipe_of(table, variant, 2, Path("out/runs"), quick=short) for short in (False, True))
        assert whole.seed == quick.seed == 2
        assert whole.name == quick.name == f"{variant}-seed2"
        assert quick.cold_start.steps <= whole.cold_start.steps
        assert quick.rl.steps <= whole.rl.steps
        assert (quick.data.eval.limit or 99) <= 24
        sets = {"eval", *whole.data.also}
        assert {column.set for column in table.columns.values()} <= sets
        if table.variants[variant].start:
            start = recipe_of(table, table.variants[variant].start, 2, Path("out/runs"))
            assert (start.model, start.answers) == (whole.model, whole.answers)
            assert whole.cold_start.steps == 0


@pytest.mark.parametrize("name", TABLES)
def test_runs_of_a_table_differ(name: str) -> None:
    table = load_table(name)
    recipes = [recipe_of(table, v, 0, Path("runs")).model_dump_json(exclude={"name"}) for v in table.runs_for(())]
    same = len(recipes) - len(set(recipes))
    assert same == 0, f"{same} runs are the same twice"


@pytest.mark.parametrize("name", TABLES)
def test_claims_are_what_the_paper_prints(name: str) -> None:
    table = load_table(name)
    assert table.claims
    for claim in table.claims:
        better, than = (table.variants[v].printed(claim.column) for v in (claim.better, claim.than))
        if better is not None and than is not None:
            assert better > than, claim.say
    printed = any(variant.published for variant in table.variants.values())
    assert printed == (table.paper.figures == "printed")


def suite_rows(suite: str, table: str) -> dict[str, list[Any]]:
    file = Path(load_table.__code__.co_filename).parents[1] / "suites" / f"{suite}.yaml"
    tables = {t["id"]: t for t in yaml.safe_load(file.read_text())["tables"]}
    return {row["system"]: row["values"] for group in tables[table]["groups"] for row in group["rows"]}


def test_figures_of_merit_are_those_of_its_suite() -> None:
    table, rows = load_table("merit-2"), suite_rows("merit", "alpha")
    for variant, system in {
        "binary": "0 (binary reward)",
        "alpha-0.5": "0.5",
        "alpha-1": "1.0",
        "alpha-2": "2.0",
    }.items():
        assert [table.variants[variant].printed(c) for c in ("accuracy", "macro-f1")] == rows[system]


def test_emo_r3_averages_are_those_that_the_paper_prints() -> None:
    # Table 1, columns A^I and A^O of the rows with 8 rollouts, and those of the untuned model and of SFT.
    printed = {"vanilla": (50.77, 45.71), "sft": (73.34, 29.09), "grpo": (72.66, 52.42), "dapo": (66.30, 52.22),
               "emo-r3": (74.06, 53.60)}  # fmt: skip
    table = load_table("emo-r3-1")
    assert set(printed) == set(table.variants)
    for variant, pair in printed.items():
        for column, value in zip(("in", "out"), pair, strict=True):
            assert table.variants[variant].printed(column) == pytest.approx(value, abs=0.011), (variant, column)


def test_lists_of_published_figures_are_averaged(tiny_table: Table) -> None:
    assert tiny_table.variants["rl"].printed("war") == fmean([60, 70])
    assert tiny_table.variants["more"].printed("war") is None


def test_what_a_variant_needs_is_trained_too(tiny_table: Table) -> None:
    assert tiny_table.runs_for(()) == ["rl", "more"]
    assert tiny_table.runs_for(("more",)) == ["rl", "more"]
    assert tiny_table.runs_for(("before",)) == ["rl"]
    with pytest.raises(UsageError, match="Did you mean 'more'") as caught:
        tiny_table.runs_for(("mor",))
    assert caught.value.code == "unknown_name"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variants": {"a": {"title": "A", "start": "b"}, "b": {"title": "B"}}, "claims": []}, "no earlier variant"),
        ({"variants": {"a": {"title": "A", "cold_start_of": "b"}}, "claims": []}, "no variant with a cold start"),
        (
            {"claims": [{"say": "x", "better": "rl", "than": "nobody", "column": "war"}]},
            "no variant is called 'nobody'",
        ),
        ({"claims": [{"say": "x", "better": "rl", "than": "more", "column": "uar"}]}, "no column is called 'uar'"),
        ({"colums": {}}, "colums"),
        ({"variants": {"a": {"title": "A", "published": {"f1": 1}}}, "claims": []}, "no column is called 'f1'"),
    ],
)
def test_a_wrong_table_is_refused(table_fields: dict[str, Any], tmp_path: Path, change: Any, words: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(table_fields | change, sort_keys=False))
    with pytest.raises(UsageError, match=words) as caught:
        load_table(str(file))
    assert caught.value.code == "table_invalid"


def test_an_unknown_table_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'merit-2'"):
        load_table("merit2")
