"""Late fusion against sums written out by hand, and what neither order nor copies nor gaps may change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from affectrl import shelves
from affectrl.ensemble.fuse import SHELF, fuse, modality_sets
from affectrl.ensemble.fusions import learned
from affectrl.ensemble.judged import Known, folds
from affectrl.ensemble.opinions import Opinions, of_ballots
from affectrl.ensemble.soft import Fused, Soft, probabilities
from affectrl.errors import AffectError

WORDS = ["angry", "happy", "sad"]


def crowd(n: int = 120, seed: int = 0, gaps: bool = True) -> tuple[Opinions, list[str]]:
    rng = np.random.default_rng(seed)
    truth = [WORDS[i] for i in rng.integers(0, 3, n)]
    columns, told = {}, {}
    for name, rate in (("A", 0.5), ("T", 0.4), ("V", 0.8)):
        right = rng.random(n) < rate
        said = [t if ok else WORDS[int(rng.integers(0, 3))] for t, ok in zip(truth, right, strict=True)]
        columns[name] = [[] if gaps and rng.random() < 0.1 else [word] for word in said]
        told[name] = [float(x) for x in np.round(rng.uniform(0.4, 1, n), 3)]
    return of_ballots([f"c{i}" for i in range(n)], columns, told), truth


def way(name: str, opinions: Opinions, known: Known | None = None, **settings: object) -> Fused:
    soft = Soft(opinions, tuple(range(opinions.m)), **settings)  # type: ignore[arg-type]
    return shelves.load(SHELF, name).fuse(soft, known or Known())


def spread(opinions: Opinions, m: int) -> np.ndarray:
    """A voter's probabilities, entry by entry."""
    table = np.zeros((opinions.n, opinions.k))
    for e in range(len(opinions.clip)):
        if opinions.voter[e] == m:
            c = opinions.confidence[e]
            table[opinions.clip[e]] = (1 - c) / (opinions.k - 1)
            table[opinions.clip[e], opinions.label[e]] = c
    return table


def test_mean_is_the_mean_of_those_who_spoke() -> None:
    opinions, _ = crowd()
    tables = np.stack([spread(opinions, m) for m in range(3)])
    expected = tables.sum(0) / np.maximum(opinions.cast, 1)[:, None]
    np.testing.assert_allclose(way("mean", opinions).value, expected, atol=1e-12)


def test_confidence_counts_the_label_alone() -> None:
    opinions, _ = crowd()
    expected = np.zeros((opinions.n, opinions.k))
    for e in range(len(opinions.clip)):
        expected[opinions.clip[e], opinions.label[e]] += opinions.confidence[e]
    expected /= np.maximum(opinions.cast, 1)[:, None]
    np.testing.assert_allclose(way("confidence", opinions).value, expected, atol=1e-12)


def test_validation_weights_are_accuracies_of_the_other_folds() -> None:
    opinions, truth = crowd()
    fold = folds(opinions.n, truth, None)
    found = way("validation", opinions, Known(truth=truth, fold=fold))
    right = opinions.codes == opinions.truth_codes(truth)[:, None]
    for n in (0, 17, 60):
        w = right[fold != fold[n]].mean(0) * opinions.spoke[n]
        expected = sum(w[m] * spread(opinions, m)[n] for m in range(3)) / w.sum()
        np.testing.assert_allclose(found.value[n], expected, atol=1e-9)


def test_mixture_weights_are_where_em_ends() -> None:
    opinions, truth = crowd(400)
    soft = Soft(opinions, (0, 1, 2))
    codes = opinions.truth_codes(truth)
    said = np.stack([soft.table(m)[np.arange(opinions.n), codes] for m in range(3)], axis=1)
    p = np.maximum(said, 1e-3)
    w = np.full(3, 1 / 3)
    # EM of a mixture with known components has the same optimum.
    for _ in range(3000):
        share = p * w
        w = (share / share.sum(1, keepdims=True)).mean(0)
    np.testing.assert_allclose(learned.mixture(said), w, atol=2e-3)
    assert w[2] > 0.5


def test_nothing_is_learned_from_the_clip_itself() -> None:
    opinions, truth = crowd()
    fold = folds(opinions.n, truth, None)
    other = list(truth)
    other[5] = next(word for word in WORDS if word != truth[5])
    for name in ("validation", "learned", "head"):
        before, after = (way(name, opinions, Known(truth=t, fold=fold)).value[5] for t in (truth, other))
        np.testing.assert_allclose(before, after, atol=1e-9)


def test_scores_of_a_file_are_its_probabilities() -> None:
    opinions, _ = crowd(3, gaps=False)
    told = np.array([[0.2, 0.7, 0.1], [0.5, np.nan, np.nan], [2.0, 1.0, 1.0]], dtype=np.float32)
    scored = Opinions(opinions.ids, opinions.voters, opinions.labels, opinions.clip, opinions.voter, opinions.label,
                      opinions.rank, opinions.confidence, scores={0: told})  # fmt: skip
    expected = [[0.2, 0.7, 0.1], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]
    np.testing.assert_allclose(probabilities(scored, 0), expected, atol=1e-6)
    np.testing.assert_allclose(probabilities(scored, 0, top_n=1)[1], [0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(probabilities(scored, 0, top_n=2)[1], [0.5, 0.25, 0], atol=1e-6)


def test_combinations() -> None:
    names = ["A.hubert", "A.whisper", "T", "V"]
    joined = ["".join(one) for one in modality_sets(names, True)]
    assert joined == ["A", "T", "V", "AT", "AV", "TV", "ATV"]
    assert modality_sets(names, False) == [("A", "T", "V")]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    opinions, truth = crowd()
    place = {name: tmp_path / f"{name}.csv" for name in opinions.voters}
    for m, name in enumerate(opinions.voters):
        entries = {int(opinions.clip[e]): e for e in np.flatnonzero(opinions.voter == m)}
        rows = [
            f"{opinions.ids[n]},{opinions.labels[opinions.label[e]]},{opinions.confidence[e]}"
            for n, e in entries.items()
        ]
        place[name].write_text("id,top,confidence\n" + "\n".join(rows) + "\n", "utf-8")
    (tmp_path / "ref.csv").write_text(
        "id,label\n" + "".join(f"{i},{t}\n" for i, t in zip(opinions.ids, truth, strict=True)), "utf-8"
    )
    return place


def answers(files: dict[str, Path], by: tuple[str, ...] = ("all",), **settings: object) -> dict[str, dict[str, str]]:
    found = fuse(files, by, on_mismatch="abstain", resamples=0, **settings)  # type: ignore[arg-type]
    return {cell.name: {row["id"]: (row["top"], row["confidence"]) for row in cell.rows()} for cell in found.cells}


def test_every_combination_in_one_call_and_order_does_not_matter(files: dict[str, Path]) -> None:
    ref = files["A"].parent / "ref.csv"
    ways = ("learned", "mean")
    forward = answers(files, ways, ref=ref, combine=True, top_n=(1, 2))
    back = answers(dict(reversed(files.items())), ways, ref=ref, combine=True, top_n=(1, 2))
    assert len(forward) == 7 * 2 * 2
    assert forward == back


def test_a_copy_of_a_file_changes_nothing(files: dict[str, Path]) -> None:
    copy = files["A"].with_name("Z.csv")
    copy.write_bytes(files["A"].read_bytes())
    assert answers(files) == answers({**files, "A2": copy})


def test_rows_that_are_missing_change_no_other_clip(files: dict[str, Path]) -> None:
    whole = answers(files)
    lines = files["V"].read_text("utf-8").splitlines()
    gone = [line.split(",")[0] for line in lines[-10:]]
    files["V"].write_text("\n".join(lines[:-10]) + "\n", "utf-8")
    less = answers(files)
    for name, rows in whole.items():
        assert {i: row for i, row in rows.items() if i not in gone} == {
            i: row for i, row in less[name].items() if i not in gone
        }
    assert any(whole["ATV.mean"][i] != less["ATV.mean"].get(i) for i in gone)


def test_best_files_of_a_modality(files: dict[str, Path]) -> None:
    ref = files["A"].parent / "ref.csv"
    named = {"A.poor": files["A"], "A.good": files["V"], "T": files["T"]}
    found = fuse(named, ["mean"], top_n=(1,), top_of="files", ref=ref, on_mismatch="abstain", resamples=0)
    alone = fuse({"A.good": files["V"], "T": files["T"]}, ["mean"], ref=ref, on_mismatch="abstain", resamples=0)
    at = {i: n for n, i in enumerate(alone.opinions.ids)}
    best, two = found.cells[0], alone.cells[0]
    assert best.name == "AT.top1.mean"
    for n, i in enumerate(found.opinions.ids):
        np.testing.assert_allclose(best.fused.value[n], two.fused.value[at[i]], atol=1e-9)
    assert best.fused.weights is not None
    assert best.fused.weights["A.poor"] == 0
    with pytest.raises(AffectError, match="top-n of files learns from a reference"):
        fuse(named, ["mean"], top_n=(1,), top_of="files", on_mismatch="abstain")


def test_learned_fusion_passes_the_best_voter(files: dict[str, Path]) -> None:
    found = fuse(files, ["head", "mean"], ref=files["A"].parent / "ref.csv", on_mismatch="abstain", resamples=0)
    assert found.best == "V"
    assert found.results is not None
    head = found.results["ATV.head"][""]
    assert head.against is not None
    assert head.value == pytest.approx(
        head.against["scores"]["war"]["other"] + head.against["scores"]["war"]["difference"]
    )
    assert head.value > found.voters["V"][""].value - 0.02  # type: ignore[index]


def test_fuse_command_writes_what_score_reads(affectrl_command, files: dict[str, Path], tmp_path: Path) -> None:
    ref, out = files["A"].parent / "ref.csv", tmp_path / "fused"
    given = [f"{name}={path}" for name, path in files.items()]
    done = affectrl_command(
        "fuse", *given, "--by", "mean", "--by", "head", "--combine", "--ref", ref, "--on-mismatch", "abstain",
        "--out", out, "--json", tmp_path / "f.json", "--report", tmp_path / "f.html", "--resamples", "0",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert sorted(p.name for p in out.iterdir()) == sorted(
        f"{m}.{by}.csv" for m in ("A", "T", "V", "AT", "AV", "TV", "ATV") for by in ("mean", "head")
    )
    whole = json.loads((tmp_path / "f.json").read_text("utf-8"))
    scored = affectrl_command("score", "--task", "basic", "--pred", out / "AV.head.csv", "--ref", ref, "--json", "-",
                              "--missing", "wrong")  # fmt: skip
    assert json.loads(scored.out)["war"] == pytest.approx(whole["scores"]["rules"]["AV.head"][""]["value"])
    page = (tmp_path / "f.html").read_text("utf-8")
    assert "Where they differ most" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    one = affectrl_command("fuse", *given, "--on-mismatch", "intersect", "--out", tmp_path / "one.jsonl")
    assert one.status == 0
    assert "vote_intersection" in one.err
    rows = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text("utf-8").splitlines()]
    assert all(set(row["minority"].values()) <= set(WORDS) - {row["top"]} for row in rows)
    assert all(abs(sum(row["scores"].values()) - 1) < 1e-4 for row in rows)
