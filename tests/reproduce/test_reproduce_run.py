"""A whole table in miniature: real trainings of the tiny model, stopped and taken up again, and the page of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from affectrl import jsonl
from affectrl.errors import AffectError, RecipeError, UsageError
from affectrl.evaluation.evaluate import summary as scores_of
from affectrl.recipes.load import load_recipe
from affectrl.recipes.schema import Recipe
from affectrl.reproduce.page import markdown, write
from affectrl.reproduce.run import Results, collect, plan, reproduce
from affectrl.reproduce.summary import as_json, summarize
from affectrl.reproduce.table import Table, load_table
from affectrl.training.train import train

RUNS = ["rl-seed0", "more-seed0", "rl-seed1", "more-seed1"]


@pytest.fixture(scope="module")
def file(base_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of ``table_fields``, for the whole module."""
    fields = {
        "title": "Tiny",
        "paper": {"citation": "Nobody, 2026", "where": "Table 0", "data": "nothing"},
        "base": str(base_recipe),
        "columns": {"war": {"title": "WAR", "metric": "war"}, "n": {"title": "n", "metric": "labels", "set": "seen"}},
        "variants": {
            "rl": {"title": "RL", "published": {"war": [60, 70]}},
            "before": {"title": "cold start", "cold_start_of": "rl", "published": {"war": 50}},
            "more": {"title": "RL | again", "start": "rl", "set": {"rl.lr": 1e-3, "rl.reward_funcs": ["accuracy"]}},
        },
        "claims": [{"say": "RL helps.", "better": "rl", "than": "before", "column": "war"}],
    }
    place = tmp_path_factory.mktemp("table") / "tiny.yaml"
    place.write_text(yaml.safe_dump(fields, sort_keys=False))
    return place


@pytest.fixture(scope="module")
def finished(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two runs and two seeds, and a page after each."""
    out = tmp_path_factory.mktemp("out")
    return reproduce("tiny", load_table(str(file)), seeds=2, out=out, after=write)


def test_every_run_is_there(finished: Results) -> None:
    assert sorted(p.name for p in (finished.folder / "runs").iterdir()) == sorted(RUNS)
    assert sorted(finished.done) == [("more", 0), ("more", 1), ("rl", 0), ("rl", 1)]
    recipe = load_recipe(str(finished.folder / "runs" / "more-seed1" / "recipe.yaml"))
    assert recipe.start == str(finished.folder / "runs" / "rl-seed1" / "model")
    assert (recipe.seed, recipe.cold_start.steps, recipe.rl.reward_funcs) == (1, 0, ("accuracy",))


def test_figures_are_those_of_the_runs(finished: Results) -> None:
    found = as_json(summarize(finished))
    for variant, run, stage in (("rl", "rl", "final"), ("before", "rl", "cold-start"), ("more", "more", "final")):
        ours = found["variants"][variant]["figures"]["war"]["ours"]
        for seed in (0, 1):
            rows = jsonl.read_rows(finished.folder / "runs" / f"{run}-seed{seed}" / "eval" / f"{stage}.jsonl")
            assert ours["by_seed"][seed] == pytest.approx(scores_of(rows)["war"])
    assert found["variants"]["rl"]["figures"]["war"]["paper"] == 65
    assert (
        found["variants"]["rl"]["figures"]["n"]["ours"]["clips"]
        > found["variants"]["rl"]["figures"]["war"]["ours"]["clips"]
    )
    assert found["claims"][0]["paper"] == 15
    assert found["claims"][0]["verdict"] in ("holds", "does not hold", "within noise")


def test_the_start_of_a_run_is_the_end_of_the_other(finished: Results) -> None:
    runs = finished.folder / "runs"
    end, start = (jsonl.read_rows(runs / r / "eval" / f"{s}.jsonl") for r, s in
                  (("rl-seed0", "final"), ("more-seed0", "cold-start")))  # fmt: skip
    assert [row["text"] for row in end] == [row["text"] for row in start]


def test_the_page_says_it_all(finished: Results) -> None:
    page = write(finished).read_text()
    assert page.count('class="forest"') == 2
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "Nano scale" in page
    text = (finished.folder / "table.md").read_text()
    assert "RL \\| again" in text
    assert "| 65.00 |" in text
    assert json.loads((finished.folder / "table.json").read_text())["runs"] == {"done": 4, "wanted": 4}
    assert "Claims: 1 " in text


def test_again_trains_nothing(finished: Results, file: Path) -> None:
    def refuse(recipe: Recipe, runs: Path) -> None:
        raise AssertionError(recipe.name)

    again = reproduce("tiny", load_table(str(file)), seeds=2, out=finished.folder, train=refuse)
    assert as_json(summarize(again)) == as_json(summarize(finished))


def test_one_seed_has_no_verdict(finished: Results) -> None:
    found = summarize(collect("tiny", finished.table, seeds=1, out=finished.folder))
    assert [j.verdict for j in found.judged] == ["one seed"]
    assert "1 one seed" in found.verdict


def test_another_table_in_the_same_folder_is_refused(finished: Results, file: Path, tmp_path: Path) -> None:
    fields = yaml.safe_load(file.read_text())
    fields["variants"]["rl"]["set"] = {"rl.steps": 5}
    other = tmp_path / "tiny.yaml"
    other.write_text(yaml.safe_dump(fields, sort_keys=False))
    with pytest.raises(RecipeError, match=r"rl\.steps.*Choose another --out") as caught:
        reproduce("tiny", load_table(str(other)), seeds=2, out=finished.folder)
    assert caught.value.code == "run_differs"


KILLED = """
import sys
from pathlib import Path
from affectrl.reproduce.run import reproduce
from affectrl.reproduce.table import load_table
reproduce("tiny", load_table(sys.argv[1]), seeds=2, out=Path(sys.argv[2]), only=["more"])
"""


@pytest.mark.slow
def test_killed_it_goes_on_and_ends_where_it_would_have(finished: Results, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(file), str(out)], env={**os.environ})
    until = time.monotonic() + 100
    while time.monotonic() < until and not list(out.glob("runs/*-seed0/checkpoints/step-*2")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "runs" / "rl-seed1").exists()
    results = reproduce("tiny", load_table(str(file)), seeds=2, out=out)
    assert len(results.done) == 4
    for at in ("eval", "seen"):
        ours, known = (
            {run: [r["text"] for r in rows] for run, rows in x.answers(at).items()} for x in (results, finished)
        )
        assert ours == known


def test_a_diverged_run_is_reported_and_the_rest_goes_on(tiny_table: Table, tmp_path: Path) -> None:
    trained = []

    def fail(recipe: Recipe, runs: Path) -> None:
        trained.append(recipe.name)
        if recipe.name == "rl-seed0":
            raise AffectError("the run diverged in rl step 2.", code="diverged")
        train(recipe, runs=runs, report=False)

    results = reproduce("tiny", tiny_table, seeds=2, out=tmp_path / "out", train=fail, after=write)
    assert trained == ["rl-seed0", "rl-seed1", "more-seed1"]
    assert sorted(results.failed) == [("more", 0), ("rl", 0)]
    text = markdown(summarize(results))
    assert "seed 0: the run diverged in rl step 2." in text
    assert "seed 0: rl, which it starts from, failed" in text


def test_other_failures_stop_at_once(tiny_table: Table, tmp_path: Path) -> None:
    def fail(recipe: Recipe, runs: Path) -> None:
        raise AffectError("no space.", code="output_unwritable")

    with pytest.raises(AffectError, match="no space"):
        reproduce("tiny", tiny_table, seeds=2, out=tmp_path / "out", train=fail)


def test_what_cannot_be_trained_is_refused_before_anything_is(table_fields: dict[str, Any], tmp_path: Path) -> None:
    table_fields["variants"]["more"]["set"] = {"rl.reward_funcs": ["acuracy"]}
    place = tmp_path / "wrong.yaml"
    place.write_text(yaml.safe_dump(table_fields, sort_keys=False))
    with pytest.raises(AffectError, match="acuracy"):
        reproduce("tiny", load_table(str(place)), seeds=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_seeds_come_one_after_the_other(tiny_table: Table) -> None:
    assert plan(tiny_table, 2, ()) == [("rl", 0), ("more", 0), ("rl", 1), ("more", 1)]
    assert plan(tiny_table, 1, ["before"]) == [("rl", 0)]
    with pytest.raises(UsageError):
        plan(tiny_table, 0, ())


def test_an_empty_folder_has_a_page_too(tiny_table: Table, tmp_path: Path) -> None:
    found = summarize(collect("tiny", tiny_table, seeds=3, out=tmp_path))
    assert [j.verdict for j in found.judged] == ["not run"]
    assert "So far 0 of 6 runs are done." in found.verdict
    assert write(found.results).is_file()


def test_the_command(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import typer
    from typer.testing import CliRunner

    from affectrl.cli.reproduce import reproduce as command

    app = typer.Typer()
    app.command()(command)
    listed = CliRunner().invoke(app, [], env={"COLUMNS": "200"})
    assert listed.exit_code == 0, listed.output
    assert "merit-2" in listed.output
    done = CliRunner().invoke(app, [str(file), "--quick", "--seeds", "1", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "Quick run" in done.output
    assert "| – |" in done.output
    assert (tmp_path / "out" / "index.html").is_file()
    assert load_recipe(str(tmp_path / "out" / "runs" / "rl-seed0" / "recipe.yaml")).rl.steps == 1
