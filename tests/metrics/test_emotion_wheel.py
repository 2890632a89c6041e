"""EW and hit rate, against a straightforward implementation, hand-worked cases and the official scorers' figures."""

from __future__ import annotations

import csv
import importlib.util
import math
import random
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectrl.emotions.lexicon.lexicon import lexicon
from affectrl.emotions.space import Reading, WheelSpace
from affectrl.emotions.wheel import Wheel
from affectrl.errors import UsageError
from affectrl.metrics.emotion_wheel import EWScore, ew, ew_of_sums, jaccard, one
from affectrl.metrics.hit_rate import hit_rate
from affectrl.metrics.label_masks import read_labels
from affectrl.metrics.wheel_rules import RULES, rules, switched

YEARS = ("2025", "2026")
OURS = RULES["affectrl"]


@pytest.fixture(scope="module")
def straightforward() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "straightforward_ew.py"
    spec = importlib.util.spec_from_file_location("straightforward_ew", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def space() -> WheelSpace:
    """Two small wheels: the second has no fear."""
    first = Wheel("first", {"sad": {"low": ["blue"]}, "glad": {"merry": ["jolly"]}, "fear": {"worry": ["dread"]}})
    second = Wheel("second", {"bad": {"sad": ["blue"]}, "good": {"glad": ["jolly"]}})
    forms = [(word, [f"{word}ly"]) for word in (*first.words(), *second.words(), "happy")]
    synonyms = [("glad", ["happy"]), ("blue", ["glad"])]
    return WheelSpace((first, second), lexicon("small", forms, synonyms, [*first.words(), *second.words()]))


def column(file: Path, name: str) -> dict[str, str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return {row["name"]: row[name] for row in csv.DictReader(lines)}


def triples(score: EWScore) -> tuple[tuple[float, float, float], ...]:
    return tuple((t.f1, t.precision, t.recall) for t in (score.level1, score.level2))


# By hand, on the small wheels


def test_a_worked_case(space: WheelSpace) -> None:
    # first: {sad, glad} against {sad, fear}: P = R = 1/2. second: {bad, good} against {bad}: P = 1, R = 1/2.
    score = ew([["blue", "jolly"]], [["low", "sad", "dread"]], space, RULES["mer2025"])
    assert [(w.level1.precision, w.level1.recall, w.n) for w in score.per_wheel] == [(0.5, 0.5, 1), (1.0, 0.5, 1)]
    assert score.f1 == pytest.approx((0.5 + 2 / 3) / 2)
    assert score.level1.precision == 0.75
    assert score.level1.recall == 0.5


def test_the_alphabet_decides_officially_and_the_word_itself_for_us(space: WheelSpace) -> None:
    # glad is also listed as a synonym of blue, and b comes before g.
    official = space.masks(RULES["mer2025"].reading)
    assert [step.level1 for step in official.steps("glad")] == ["sad", "bad"]
    assert [step.level1 for step in space.masks(OURS.reading).steps("glad")] == ["glad", "good"]
    assert [step.rule for step in space.masks(OURS.reading).steps("gladly")] == ["base word", "base word"]
    assert [step.rule for step in space.masks(OURS.reading).steps("glad")] == ["itself", "itself"]
    assert [step.level1 for step in official.steps("happy")] == ["glad", "good"]


def test_a_word_off_one_wheel_skips_the_sample_there(space: WheelSpace) -> None:
    score = ew([["dread"], ["sad"]], [["dread"], ["sad"]], space, RULES["mer2025"])
    assert [w.n for w in score.per_wheel] == [2, 1]
    assert score.f1 == 1.0
    assert score.n_skipped == 0


def test_corners_of_the_two_years(space: WheelSpace) -> None:
    nothing_shared = ([["sad"]], [["jolly"]])
    assert math.isnan(ew(*nothing_shared, space, RULES["mer2025"]).f1)
    assert ew(*nothing_shared, space, RULES["mer2026"]).f1 == 0.0
    one_wheel = ([["dread"]], [["dread"]])
    assert math.isnan(ew(*one_wheel, space, RULES["mer2025"]).f1)
    assert ew(*one_wheel, space, RULES["mer2026"]).f1 == 0.5, "a perfect answer is capped by the wheel that lacks it"
    assert ew(*one_wheel, space, OURS).f1 == 1.0
    empty = ([["sad"], ["sad"]], [[], ["sad"]])
    assert ew(*empty, space, RULES["mer2025"]).level1.precision == 0.5


def test_neutral_and_unknown_words(space: WheelSpace) -> None:
    assert ew([["neutral"]], [["Neutral"]], space, RULES["mer2026"]).n_skipped == 1
    assert ew([["neutral"]], [["Neutral "]], space, OURS).f1 == 1.0
    assert ew([["neutral"]], [["sad"]], space, OURS).f1 == 0.0
    junk = (["sad"], ["sad", "zzz", "ZZZ ", "qqq"])
    assert one(*junk, space, OURS) == 1.0, "unknown words are dropped"
    wrong = OURS.but(unknown="wrong")
    assert one(*junk, space, wrong) == pytest.approx(2 * (1 / 3) / (1 / 3 + 1))
    assert wrong.name == "affectrl+unknown=wrong"
    assert switched(OURS, {"unknown": "wrong", "neutral": "on"}) == wrong, "what stands so already changes nothing"
    assert switched(OURS, {"neutral": "off"}).reading == Reading(direct_first=True, spelling=True)
    assert ew([junk[0]], [junk[1]], space, wrong).f1 == one(*junk, space, wrong)
    assert one(["zzz"], ["zzz"], space, OURS) is None


def test_what_stood_there(space: WheelSpace) -> None:
    score = ew(["[sad, zzz]", "sad"], ["['qqq', 'QQQ', 'sad']", ""], space, RULES["mer2025"])
    assert score.prediction.unknown == {"qqq": 2}
    assert score.prediction.unknown_share == pytest.approx(2 / 3)
    assert (score.reference.labels_per_sample, score.prediction.labels_per_sample) == (1.5, 1.5)
    assert math.isnan(ew([], [], space, OURS).prediction.unknown_share)


def test_a_constant_answer_is_read_once_and_counted_each_time(space: WheelSpace) -> None:
    same = ["sad", "zzz"]
    truth = [["sad"], ["jolly"], ["dread"]]
    constant, copies = (
        ew(truth, answers, space, OURS.but(unknown="wrong")) for answers in ([same] * 3, [[*same] for _ in truth])
    )
    assert (constant.columns == copies.columns).all()
    assert constant.prediction == copies.prediction
    assert constant.prediction.unknown == {"zzz": 3}


def test_spelling_counts_only_officially() -> None:
    space = WheelSpace.builtin()
    assert one(["let down"], ["Let_down"], space, OURS) == 1.0
    assert one(["let down"], ["let_down"], space, RULES["mer2026"]) == 0.0


def test_jaccard_by_hand(space: WheelSpace) -> None:
    # first: {sad, glad} and {sad, fear}: 1/3. second: {bad, good} and {bad}: 1/2.
    assert jaccard(["blue", "jolly"], ["sad", "dread"], space, OURS) == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert jaccard(["dread"], ["dread"], space, OURS) == 1.0
    assert jaccard(["dread"], ["dread"], space, RULES["mer2026"]) == 0.5
    assert jaccard(["zzz"], [], space, OURS) is None


def test_hit_rate_by_hand(space: WheelSpace) -> None:
    truth, answers = ["sad", "dread", "jolly"], ["[blue, merry]", "dread", "[]"]
    score = hit_rate(truth, answers, space, RULES["mer2025"])
    assert score.n_per_wheel == {"first": 3, "second": 2}
    assert score.per_wheel == {"first": pytest.approx(2 / 3), "second": 0.5}
    assert score.hitrate == pytest.approx((2 / 3 + 1 / 2) / 2)
    # first: 1/2 (of sad, glad), 1, 0; second: merry is not on it, so 1/1, 0.
    assert score.mscore == pytest.approx((1.5 / 3 + 1 / 2) / 2)
    narrow = hit_rate(truth[:1], answers[:1], space, RULES["mer2025"])
    assert narrow.mscore == 1.0, "clusters that no class of the set has do not count"
    assert hit_rate(truth[:1], answers[:1], space, RULES["mer2025"], classes=["sad", "jolly"]).mscore == 0.75


def test_wrong_calls(space: WheelSpace) -> None:
    for metric in (ew, hit_rate):
        with pytest.raises(UsageError, match="2 references but 1 predictions"):
            metric(["sad", "sad"], ["sad"], space, OURS)
    with pytest.raises(UsageError, match="Did you mean 'mer202"):
        rules("mer2024")


# Against a straightforward implementation and the official figures


def noisy_lists(words: list[str], n: int, seed: int) -> list[str | list[str]]:
    """Lists with odd case, blanks, repetition, unknown words, quotes, lost brackets, and empty ones."""
    rng = random.Random(seed)
    made: list[str | list[str]] = []
    for _ in range(n):
        labels = [
            rng.choice([*rng.sample(words, 3), "zzz", "neutral", "Happy", "un known"]) for _ in range(rng.randrange(6))
        ]
        labels += labels[: rng.randrange(3)]
        labels = [rng.choice([str.upper, str.title, str, lambda s: f"  {s} "])(label) for label in labels]
        quote = rng.choice(["", "'", '"'])
        inner = rng.choice([", ", ",", " , ", ",,"]).join(f"{quote}{label}{quote}" for label in labels)
        made.append(
            rng.choice([labels, inner, f"[{inner}]", f"[{inner}", f"{inner}]"])
            if labels
            else rng.choice([[], "", "[]"])
        )
    return made


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_straightforward_one(shared_data: Path, straightforward: ModuleType, year: str, seed: int) -> None:
    folder = shared_data / f"emotion_wheel_{year}"
    space, tables = WheelSpace.official(folder), straightforward.read_tables(folder)
    words = sorted(space.lexicon.forms)
    truth, answers = noisy_lists(words, 300, seed), noisy_lists(words, 300, seed + 100)
    score = ew(truth, answers, space, RULES[f"mer{year}"])
    for level in (1, 2):
        expected = straightforward.ew(truth, answers, tables, level, int(year))
        assert len(expected) == 5
        found = [w.level1 if level == 1 else w.level2 for w in score.per_wheel]
        assert [w.n for w in score.per_wheel] == [n for *_, n in expected]
        table = [(t.f1, t.precision, t.recall) for t in found]
        np.testing.assert_allclose(table, [row[:3] for row in expected], rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            triples(score)[level - 1], np.mean([row[:3] for row in expected], 0), rtol=0, atol=1e-12
        )
    for i in range(40):
        alone = np.mean([row[0] for row in straightforward.ew([truth[i]], [answers[i]], tables, 1, int(year))])
        lists = [straightforward.read_list(side) for side in (truth[i], answers[i])]
        np.testing.assert_allclose(one(*lists, space, RULES[f"mer{year}"]), alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("year", YEARS)
def test_equals_the_official_scorers(
    shared_data: Path, straightforward: ModuleType, year: str, official_ew: dict[str, object]
) -> None:
    folder = shared_data / f"emotion_wheel_{year}"
    truth = column(shared_data / "ov_mer2024" / "check-openset.csv", "openset")
    answers = column(shared_data / "ov_mer2024" / "predict-openset.csv", "openset")
    score = ew([*truth.values()], [answers[name] for name in truth], WheelSpace.official(folder), RULES[f"mer{year}"])
    np.testing.assert_allclose(triples(score), official_ew[year], rtol=0, atol=1e-12)
    assert [w.n for w in score.per_wheel] == [327, 328, 324, 327, 316]
    expected = straightforward.ew(
        [*truth.values()], [answers[name] for name in truth], straightforward.read_tables(folder), 1, int(year)
    )
    assert [w.level1.f1 for w in score.per_wheel] == pytest.approx([row[0] for row in expected], abs=1e-12)


@pytest.mark.parametrize(
    ("folder", "checkpoint", "year", "hit", "mscore"),
    [
        ("meld", 30, "2025", 0.556491, 0.380449),
        ("meld", 30, "2026", 0.563338, None),
        ("mer2023", 50, "2025", 0.785387, None),
        ("mer2023", 50, "2026", 0.785387, None),
    ],
)
def test_published_hit_rates(
    shared_data: Path,
    straightforward: ModuleType,
    folder: str,
    checkpoint: int,
    year: str,
    hit: float,
    mscore: float | None,
) -> None:
    tables = shared_data / f"emotion_wheel_{year}"
    truth = column(shared_data / "unibench" / folder / "labels.csv", "label")
    answers = column(shared_data / "unibench" / folder / f"checkpoint_{checkpoint}.csv", "openset")
    lists = [answers[name] for name in truth]
    score = hit_rate([*truth.values()], lists, WheelSpace.official(tables), RULES[f"mer{year}"])
    assert score.hitrate == pytest.approx(hit, abs=5e-7)
    if mscore is not None:
        assert score.mscore == pytest.approx(mscore, abs=5e-7)
    expected = straightforward.hit_rate([*truth.values()], lists, straightforward.read_tables(tables))
    assert list(score.per_wheel.values()) == pytest.approx([row[0] for row in expected], abs=1e-12)
    assert score.mscore == pytest.approx(float(np.mean([row[1] for row in expected])), abs=1e-12)
    assert list(score.n_per_wheel.values()) == [row[2] for row in expected]


# Properties, on the space that comes with the package

BUILTIN = WheelSpace.builtin()
WORDS = sorted(BUILTIN.lexicon.forms)
labels = st.lists(st.sampled_from([*WORDS, "neutral", "zzz", "not a word"]), max_size=6)
known = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6)
modes = st.sampled_from([*RULES.values(), OURS.but(unknown="wrong")])


@given(truth=labels, answer=labels, mode=modes, data=st.data())
def test_order_case_blanks_and_repetition_do_not_matter(
    truth: list[str], answer: list[str], mode: object, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*answer, *answer[:2]]))
    dressed = [data.draw(st.sampled_from([str.upper, str.title, lambda s: f" {s}  "]))(word) for word in shuffled]
    for metric in (one, jaccard):
        left, right = metric(truth, answer, BUILTIN, mode), metric(truth, dressed, BUILTIN, mode)
        assert left == right or (left is not None and right is not None and math.isnan(left) and math.isnan(right))


@given(truth=known, answer=labels)
def test_synonyms_do_not_matter(truth: list[str], answer: list[str]) -> None:
    masks = BUILTIN.masks(OURS.reading)
    same = [next((w for w in WORDS if w != word and masks[w] == masks[word]), word) for word in answer]
    assert one(truth, answer, BUILTIN, OURS) == one(truth, same, BUILTIN, OURS)


@given(truth=labels, answer=labels, mode=modes)
def test_bounded(truth: list[str], answer: list[str], mode: object) -> None:
    for value in (one(truth, answer, BUILTIN, mode), jaccard(truth, answer, BUILTIN, mode)):
        assert value is None or math.isnan(value) or 0 <= value <= 1 + 1e-12
    ours = one(truth, answer, BUILTIN, OURS)
    assert ours is None or not math.isnan(ours)


@given(truth=known)
def test_one_on_itself(truth: list[str]) -> None:
    assert one(truth, truth, BUILTIN, OURS) == pytest.approx(1.0)
    assert jaccard(truth, truth, BUILTIN, OURS) == 1.0
    score = ew([truth], [truth], BUILTIN, OURS)
    assert triples(score) == (pytest.approx((1.0, 1.0, 1.0)), pytest.approx((1.0, 1.0, 1.0)))


@given(pairs=st.lists(st.tuples(labels, labels), min_size=1, max_size=12), mode=modes)
def test_single_calls_and_sets_agree(pairs: list[tuple[list[str], list[str]]], mode: object) -> None:
    for truth, answer in pairs:
        # A set reads "touch and go" as two labels; a single call is given labels that are read already.
        truth, answer = (read_labels(side, mode) for side in (truth, answer))
        single, bulk = one(truth, answer, BUILTIN, mode), ew([truth], [answer], BUILTIN, mode).f1
        assert math.isnan(bulk) if single is None or math.isnan(single) else single == pytest.approx(bulk, abs=1e-12)


@given(pairs=st.lists(st.tuples(labels, labels), min_size=1, max_size=12))
def test_sums_carry_the_whole_score(pairs: list[tuple[list[str], list[str]]]) -> None:
    score = ew([t for t, _ in pairs], [a for _, a in pairs], BUILTIN, RULES["mer2026"])
    assert ew_of_sums(score.columns.sum(0)[None], 5, score.rules)[0] == pytest.approx(
        [*triples(score)[0], *triples(score)[1]]
    )
    kept = score.of_samples()[score.kept.any(1)]
    assert ((kept >= 0) & (kept <= 1 + 1e-12)).all()


@given(st.lists(st.sampled_from(["happy", "sad", "angry", "neutral"]), min_size=1, max_size=30), st.randoms())
def test_hit_rate_is_accuracy_when_each_class_is_a_cluster(truth: list[str], rng: random.Random) -> None:
    answers = [rng.choice(["happy", "sad", "angry", "neutral"]) for _ in truth]
    apart = {"happy", "sad", "angry", "neutral"}
    wheels = [
        k for k in range(5) if len({BUILTIN.masks(OURS.reading).steps(word)[k].level1 for word in apart}) == len(apart)
    ]
    score = hit_rate(truth, [[answer] for answer in answers], BUILTIN, OURS)
    accuracy = sum(t == a for t, a in zip(truth, answers, strict=True)) / len(truth)
    assert wheels, "no wheel tells the four apart"
    assert [score.per_wheel[score.wheels[k]] for k in wheels] == pytest.approx([accuracy] * len(wheels))
