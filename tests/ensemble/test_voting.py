"""Whole votes: agreement against scikit-learn and brute force, scores, minority, and the command with its mistakes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from affectrl.ensemble.agreement import agreement
from affectrl.ensemble.judged import Known
from affectrl.ensemble.opinions import of_ballots
from affectrl.ensemble.vote import vote
from affectrl.metrics.agreement import fleiss_kappa, krippendorff_alpha
from affectrl.metrics.emotion_wheel import ew

WORDS = ["angry", "happy", "sad"]
N = 60


def columns(seed: int = 0, empty: float = 0.1) -> tuple[dict[str, list[list[str]]], list[str]]:
    rng = np.random.default_rng(seed)
    truth = [WORDS[i] for i in rng.integers(0, 3, N)]
    made = {
        name: [
            [] if rng.random() < empty else [t if rng.random() < rate else WORDS[int(rng.integers(0, 3))]]
            for t in truth
        ]
        for name, rate in (("one", 0.8), ("two", 0.6), ("three", 0.5))
    }
    return made, truth


def test_agreement_equals_scikit_learn_and_brute_force() -> None:
    from sklearn.metrics import cohen_kappa_score

    made, _ = columns()
    found = agreement(of_ballots([str(i) for i in range(N)], made), Known())
    names = sorted(made)
    rows = [[made[v][n][0] if made[v][n] else None for v in names] for n in range(N)]
    modal = Counter(max(Counter(x for x in row if x).values(), default=0) for row in rows)
    assert found.counts == tuple(float(modal[k]) for k in range(4))
    assert sum(found.shares) == pytest.approx(1)
    for i in range(3):
        for j in range(3):
            both = [(row[i], row[j]) for row in rows if row[i] and row[j]]
            assert found.kappa[i, j] == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))
    assert found.alpha == pytest.approx(krippendorff_alpha(rows))


def test_fleiss_kappa_equals_statsmodels() -> None:
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater", reason="statsmodels is not installed")
    made, _ = columns(empty=0.0)
    rows = [[made[v][n][0] for v in sorted(made)] for n in range(N)]
    table, _ = inter_rater.aggregate_raters(np.array([[WORDS.index(x) for x in row] for row in rows]))
    assert fleiss_kappa(rows) == pytest.approx(inter_rater.fleiss_kappa(table))


def test_agreement_of_lists_is_over_groups() -> None:
    made = {"one": [["happy", "sad"]], "two": [["joyful"]], "three": [["furious"]]}
    found = agreement(of_ballots(["a"], made), Known())
    assert found.over == "groups"
    known = Known()
    most = []
    for w in range(5):
        steps = {word: known.space.masks(known.rules.reading).steps(word)[w].level1
                 for word in ("happy", "sad", "joyful", "furious")}  # fmt: skip
        ballots = [{steps[x] for x in ballot[0]} - {None} for ballot in made.values()]
        most.append(max(Counter(g for b in ballots for g in b).values()))
    assert found.counts == tuple(most.count(k) / 5 for k in range(4))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    made, truth = columns()
    for name, given in made.items():
        rows = "".join(f"c{n},{ballot[0] if ballot else ''}\n" for n, ballot in enumerate(given))
        (tmp_path / f"{name}.csv").write_text(f"id,top\n{rows}", "utf-8")
    (tmp_path / "ref.csv").write_text("id,label\n" + "".join(f"c{n},{t}\n" for n, t in enumerate(truth)), "utf-8")
    return tmp_path


ALL = ("one.csv", "two.csv", "three.csv")


def test_vote_with_a_reference(affectrl_command, files: Path) -> None:
    done = affectrl_command(
        "vote", *ALL, "--rule", "majority", "--rule", "head", "--ref", "ref.csv", "--out", "out", "--json", "v.json",
        "--report", "v.html", "--resamples", "50",
    )  # fmt: skip
    assert done.status == 0, done.err
    whole = json.loads(Path("v.json").read_text("utf-8"))
    made, truth = columns()
    for name in made:
        right = np.mean([b == [t] for b, t in zip(made[name], truth, strict=True)])
        assert whole["scores"]["voters"][name][""]["value"] == pytest.approx(right)
    somebody = np.mean([any(made[v][n] == [t] for v in made) for n, t in enumerate(truth)])
    assert whole["scores"]["oracle"][""]["value"] == pytest.approx(somebody)
    m = whole["minority"]
    assert m["majority_right"] + m["minority_right"] == pytest.approx(somebody)
    assert m["majority_right"] == pytest.approx(whole["scores"]["rules"]["majority"][""]["value"])
    assert m["majority_right"] + m["minority_right"] + m["nobody_right"] == pytest.approx(1)
    assert sum(row["clips"] for row in m["by_votes"]) == N
    head = m["overturned"]["head"]
    gained = whole["scores"]["rules"]["head"][""]["value"] - m["majority_right"]
    assert (head["gained"] - head["lost"]) / N == pytest.approx(gained)
    for rule in ("majority", "head"):
        scored = affectrl_command("score", "--task", "basic", "--pred", f"out/{rule}.jsonl", "--ref", "ref.csv",
                                  "--json", "-", "--resamples", "0")  # fmt: skip
        assert json.loads(scored.out)["war"] == pytest.approx(whole["scores"]["rules"][rule][""]["value"])
    page = Path("v.html").read_text("utf-8")
    assert "Do minority opinions help?" in page
    assert "<script src" not in page


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_answers_can_be_read_again(affectrl_command, files: Path, suffix: str) -> None:
    done = affectrl_command("vote", *ALL, "--out", f"v.{suffix}")
    assert done.status == 0, done.err
    again = affectrl_command("score", "--task", "basic", "--pred", f"v.{suffix}", "--ref", "ref.csv", "--json", "-",
                             "--resamples", "0")  # fmt: skip
    assert again.status == 0, again.err
    made, truth = columns()
    right = 0
    for n, t in enumerate(truth):
        counts = Counter(made[v][n][0] for v in made if made[v][n])
        right += min(counts, key=lambda word: (-counts[word], word), default=None) == t
    assert json.loads(again.out)["war"] == pytest.approx(right / N)


def test_lists_against_the_metric_itself(files: Path) -> None:
    rng = np.random.default_rng(4)
    truth = [[WORDS[i] for i in rng.permutation(3)[: rng.integers(1, 3)]] for _ in range(20)]
    made = {f"v{m}": [[w for w in WORDS if rng.random() < (0.7 if w in t else 0.3)] for t in truth] for m in range(4)}
    for name, given in {**made, "truth": truth}.items():
        rows = "".join(f'c{n},"[{", ".join(ballot)}]"\n' for n, ballot in enumerate(given))
        (files / f"{name}.csv").write_text(f"name,openset\n{rows}", "utf-8")
    found = vote({v: files / f"{v}.csv" for v in made}, ["majority"], ref=files / "truth.csv", resamples=0)
    assert found.scores is not None
    known = Known()
    answers = found.outcomes["majority"].lists()
    for n in range(20):
        counts = Counter(w for v in made for w in made[v][n])
        cast = sum(bool(made[v][n]) for v in made)
        kept = {w for w, votes in counts.items() if votes >= cast / 2}
        assert kept <= set(answers[n])
        assert len(answers[n]) == max(len(kept), bool(counts))
    assert found.scores.rules["majority"]["builtin"].value == pytest.approx(ew(truth, answers, known.space).f1)
    best = [max((made[v][n] for v in sorted(made)),
                key=lambda b: ew([truth[n]], [b], known.space).of_samples()[0]) for n in range(20)]  # fmt: skip
    assert found.scores.oracle["builtin"].value == pytest.approx(ew(truth, best, known.space).f1, abs=0.02)
    levels = found.scores.minority.levels
    assert levels[0].labels >= levels[3].labels >= levels[-1].labels >= 1
    union = [sorted({w for v in made for w in made[v][n]}) for n in range(20)]
    assert levels[0].results["builtin"].value == pytest.approx(ew(truth, union, known.space).f1)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("one.csv", "nowhere.csv"), "score_file"),
        (("one.csv", "two.csv", "--rule", "majorty"), "unknown_name"),
        (("one.csv", "two.csv", "--rule", "head"), "vote_reference"),
        (("one.csv", "two.csv", "--rule", "confidence"), "vote_confidence"),
        (("one.csv", "one.csv"), "vote_names"),
        (("one.csv",), "vote_few"),
        (("one.csv", "two.csv", "--on-mismatch", "maybe"), "vote_option"),
        (("one.csv", "two.csv", "--out", "x.xlsx"), "vote_option"),
        (("one.csv", "two.csv", "--task", "prefer", "--ref", "ref.csv"), "vote_option"),
        (("one.csv", "two.csv", "--ref", "constant.csv"), "metric_constant"),
        (("one.csv", "short.csv"), "vote_clips"),
    ],
)
def test_mistakes_are_told(affectrl_command, files: Path, args: tuple[str, ...], code: str) -> None:
    Path("constant.csv").write_text("id,label\n" + "".join(f"c{n},sad\n" for n in range(N)), "utf-8")
    Path("short.csv").write_text("id,top\nc1,sad\n", "utf-8")
    done = affectrl_command("vote", *args)
    assert done.status == 2
    assert f"[{code}]" in done.err
    assert "Traceback" not in done.err


def test_compare(affectrl_command, files: Path) -> None:
    from scipy.stats import false_discovery_control

    given = ("one.csv", "two.csv", "three.csv", "--ref", "ref.csv", "--resamples", "50")
    done = affectrl_command("compare", *given, "--to", "two", "--json", "c.json")
    assert done.status == 0, done.err
    assert "p, corrected" in done.out
    whole = json.loads(Path("c.json").read_text("utf-8"))
    assert whole["to"] == "two"
    assert "difference" not in whole["systems"]["two"][""]
    raw = {}
    for name in ("one", "three"):
        found = whole["systems"][name][""]
        two = affectrl_command("score", "--task", "basic", "--pred", f"{name}.csv", "--ref", "ref.csv", "--against",
                               "two.csv", "--resamples", "50", "--json", "-", "--tolerant")  # fmt: skip
        scored = json.loads(two.out)
        assert found["value"] == pytest.approx(scored["war"])
        assert found["difference"]["difference"] == pytest.approx(scored["against"]["scores"]["war"]["difference"])
        raw[name] = scored["against"]["scores"]["war"]["p_value"]
        assert found["difference"]["p_value"] == pytest.approx(raw[name])
    expected = dict(zip(raw, false_discovery_control(list(raw.values())), strict=True))
    assert whole["corrected"][""] == pytest.approx(expected)
    assert sum(row["clips"] for row in whole["agreement"]["k_of_n"]) == N
    odd = affectrl_command("compare", *given, "--to", "tow")
    assert odd.status == 2
    assert "Did you mean 'two'" in odd.err


def test_the_report_of_a_comparison(affectrl_command, files: Path) -> None:
    given = ("one.csv", "two.csv", "three.csv", "--ref", "ref.csv", "--resamples", "20", "--to", "two")
    done = affectrl_command("compare", *given, "--report", "c.html", "--json", "c.json")
    assert done.status == 0, done.err
    page = Path("c.html").read_text("utf-8")
    whole = json.loads(Path("c.json").read_text("utf-8"))
    assert "Comparison of 3 systems" in page
    assert sorted(whole["voters"]) == ["one", "three", "two"]
    for name in ("one", "three"):
        assert f"{whole['corrected'][''][name]:.4f}" in page
        assert f"{100 * whole['systems'][name]['']['value']:.1f}" in page
    assert page.count("p, corrected") == 1
    apart = page.split("Where they differ most")[1]
    made, _ = columns()
    votes = [[made[v][n][0] for v in made if made[v][n]] for n in range(N)]
    differ = sum(len(cast) > 1 and max(Counter(cast).values()) < len(cast) for cast in votes)
    assert apart.count("<tr>") == differ + 1 > 10
