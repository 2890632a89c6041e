"""The whole page, on whole and on partial runs."""

from __future__ import annotations

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from affectrl.errors import AffectError, UsageError
from affectrl.metrics.intervals import Estimate
from affectrl.report.load import load_run
from affectrl.report.scores import interval, percent, points
from affectrl.report.write import fallbacks, write_report


class Page(HTMLParser):
    """Words, headings and addresses of a page; unbalanced tags are an error."""

    VOID = frozenset({"meta", "img", "br", "path", "use", "rect", "line", "circle", "polygon"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.addresses, self.open, self.ids = "", [], [], []  # type: ignore[var-annotated]
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data") and v]
        self.ids += [found["id"]] if "id" in found else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words += " " + data.strip()


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text("utf-8"))


def test_a_whole_run_tells_its_story(run_folder: Path) -> None:
    target = write_report(run_folder)
    assert target == run_folder / "report.html"
    assert target.stat().st_size < 6_000_000
    page = Page(target.read_text("utf-8"))
    for words in (
        "SYNTHETIC DATA.",
        "Accuracy rose from",
        "What it was trained and tested on",
        "split test, speakers 31-40",
        "voice (whisper), face (face-hog), words",
        "First came the cold start: the model was shown 160 clips",
        "GRPO: entropy",
        "Rewards over training",
        "Calibration error",
        "Right when named (precision)",
        "Wrong before, right after",
        "media_corrupt: broken off after 0 packets.",
        "no_face: no face was found, so the whole frame is used.",
        "recipe.yaml",
        "packages.torch",
    ):
        assert words in page.words, words
    assert "The brows are drawn <together>" in page.words  # escaped in the source, read back by the parser
    assert len(page.ids) == len(set(page.ids))


def test_it_reaches_for_nothing(run_folder: Path) -> None:
    html = write_report(run_folder).read_text("utf-8")
    addresses = Page(html).addresses
    assert addresses
    assert all(a.startswith(("#", "data:image/jpeg;base64,")) for a in addresses)
    assert not re.search(r"<script|@import|url\((?!#)|on(load|click|error)=", html)
    assert "default-src 'none'" in html


KEPT = {
    "nothing but a manifest": (["manifest.json"], "No training step was logged"),
    "cold start under way": (["manifest.json", "recipe.yaml", "metrics.jsonl"], "There is no evaluation"),
    "before GRPO": (["manifest.json", "metrics.jsonl", "eval/cold-start.jsonl"], "only one evaluation"),
    "no rollouts": (["manifest.json", "metrics.jsonl", "eval"], "No sampled answers were kept"),
    "only predictions": (["predictions.jsonl"], "manifest.json is absent or unreadable"),
}


@pytest.mark.parametrize("case", KEPT)
def test_partial_runs(case: str, run_folder: Path, tmp_path: Path) -> None:
    kept, remark = KEPT[case]
    part = tmp_path / "part"
    for name in kept:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (run_folder / name).is_dir() else shutil.copy
        copy(run_folder / name, part / name)
    page = page_of(part)
    assert remark in page.words
    assert ("After RL" in page.words) == ("metrics.jsonl" in kept and any("eval" in k for k in kept))


def test_only_a_cold_start(run_folder: Path) -> None:
    rows = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    (run_folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows if r["stage"] == "sft"))
    for name in ("rollouts.jsonl", "predictions.jsonl", "eval/final.jsonl"):
        (run_folder / name).unlink()
    words = page_of(run_folder).words
    assert "At the end" in words
    assert "Then came GRPO" not in words


@pytest.mark.parametrize(("status", "remark"), [("interrupted", "was interrupted"), ("running", "has not finished")])
def test_unfinished_runs_say_so(tmp_path: Path, status: str, remark: str) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"status": status}))
    assert remark in page_of(tmp_path).words


def test_synthetic_is_told_from_the_recipe_alone(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("data: {train: {source: data/sandbox}}")
    assert "SYNTHETIC DATA." in page_of(tmp_path).words


def test_real_data_are_not_called_synthetic(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("data: {train: {source: 'ravdess:/data'}, eval: {source: 'ravdess:/data'}}")
    (tmp_path / "manifest.json").write_text(json.dumps({"limits": "24 actors, one language."}))
    words = page_of(tmp_path).words
    assert "SYNTHETIC" not in words
    assert "24 actors, one language." in words
    assert "ravdess:/data" in words


def test_hostile_text_stays_text(run_folder: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (run_folder / "predictions.jsonl").read_text().splitlines()]
    for row in rows:
        row |= {"reasoning": "<script>alert(1)</script>", "labels": ['"><img src=x>'], "id": row["id"] + "</p>"}
    (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    html = write_report(tmp_path).read_text("utf-8")
    assert "alert(1)" in html
    assert "<script" not in html
    assert "<img src=x" not in html


def test_a_second_report_replaces_the_first(run_folder: Path) -> None:
    first = write_report(run_folder).read_bytes()
    assert write_report(run_folder).read_bytes() == first
    assert not [p for p in run_folder.iterdir() if p.name.endswith(".tmp")]


def test_no_run_and_no_room(tmp_path: Path, run_folder: Path) -> None:
    with pytest.raises(AffectError, match="not a run folder"):
        write_report(tmp_path)
    (run_folder / "report.html").mkdir()
    (run_folder / "report.html" / "x").touch()
    if os.geteuid() != 0:
        run_folder.chmod(0o500)
        with pytest.raises(UsageError, match="cannot be written"):
            write_report(run_folder)
        run_folder.chmod(0o700)


def test_fallbacks_are_counted_by_clip(run_folder: Path) -> None:
    ((remark, n),) = fallbacks(load_run(run_folder))
    assert remark.startswith("no_face: ")
    assert n == len({p.id for p in load_run(run_folder).after if p.fallbacks})


def test_figures_in_words() -> None:
    nan = float("nan")
    assert (percent(0.6128), percent(nan), percent(None)) == ("61.3 %", "–", "–")
    assert (points(0.042), points(-0.1), points(nan)) == ("+4.2", "-10.0", "–")
    assert interval(Estimate(0.5, 0.41, 0.6, 9)) == "41.0 to 60.0"
    assert interval(Estimate(0.1, -0.01, 0.2, 9), signed=True) == "-1.0 to +20.0"
    assert interval(Estimate(0.5, nan, nan, 1)) == "too few to say"


def test_the_command(tmp_path: Path) -> None:
    import typer

    from affectrl.cli.report import report

    app = typer.Typer()
    app.command()(report)
    (tmp_path / "manifest.json").write_text("{}")
    result = CliRunner().invoke(app, [str(tmp_path)])
    assert (result.exit_code, result.output.replace("\n", "")) == (0, str(tmp_path / "report.html"))
    missing = CliRunner().invoke(app, [str(tmp_path / "nowhere")])
    assert isinstance(missing.exception, UsageError)
