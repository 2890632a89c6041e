"""The voting-head paper's tables 1 to 4 in our form, for any model and labelled clips; and its head at equal compute.

    python benchmarks/voting_head.py MODEL DATA --out DIR [--split test] [--speakers 16-18] [--limit 60] [--samples 4]

The paper scored them against a reference that was one and the same label, on heads that were none of Emotion-LLaMA;
here the model itself answers, against the clips' own labels, with intervals over speakers where these are known.

1. Each modality alone, under each prompt (the paper: each modality under two extractors).
2. Every combination of modalities: the model that gets them all, and late fusion of its answers to each alone, with the
   1 or 2 likeliest labels of each kept (the paper: four combinations, top-n 1 and 2).
3. Agreement of the answers to single modalities (the paper: of six models, k of 6).
4. Agreement of the eight fusions AV, AT, VT, AVT with top-n 1 and 2 (the paper: k of 8), and how often each k is right.
5. Rules over sampled opinions of all prompts, and the vote head (the model as its own judge, which reads the opinions
   and chooses a label, without and with the clip before it) against the best simple rule at equal compute.

Compute is positions through the language model, prefixes and answers; a shared prefix counts once. The simple rule gets
as many samples more as the head's own reading costs. DIR keeps all opinions, and a second call goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from affectrl import jsonl, progress
from affectrl.attribution.kept import in_words_of
from affectrl.data.load import load_clips
from affectrl.ensemble.agreement import accuracy_by_votes, agreement
from affectrl.ensemble.compare import compare
from affectrl.ensemble.fuse import Fusion, fuse
from affectrl.ensemble.opinions import of_ballots
from affectrl.ensemble.sampled import Sampled, choice_of, sampled
from affectrl.ensemble.vote import Voted, score_rows, vote
from affectrl.ensemble.vote_head import hear
from affectrl.errors import AffectError
from affectrl.inference.model import EmotionModel, load
from affectrl.inference.opinions import Sampling
from affectrl.inference.prompts import Prompt, prompts
from affectrl.judges import make
from affectrl.models.senses import SENSES, senses
from affectrl.models.task import Task
from affectrl.recipes.learning import JudgeSpec
from affectrl.scoring.result import Result

LETTERS = {"audio": "A", "vision": "V", "text": "T"}
ORDER = ("A", "V", "T", "AV", "AT", "VT", "AVT")
SCORES = ("war", "uar", "weighted_f1")
SIMPLE = ("majority", "confidence", "ew-cluster", "borda", "dawid-skene")


class Meter:
    """Real positions that a policy puts through its language model: prefixes, and what is written or scored."""

    def __init__(self, model: EmotionModel) -> None:
        self.prefix, self.clips, self.asked = 0, 0, 0
        policy, several, asked = model.policy, model.policy.several, model.policy.asked

        def counted_several(*args: Any) -> Any:
            found = several(*args)
            self.clips += 1
            self.prefix += found.shared + int(found.keep[:, found.shared :].sum())
            return found

        def counted_asked(*args: Any) -> Any:
            found = asked(*args)
            self.asked += int(found.keep.sum())
            return found

        policy.several, policy.asked = counted_several, counted_asked  # type: ignore[method-assign]


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"#### {title}", "", f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""])


def cells(result: Result) -> list[str]:
    return [f"{100 * e.value:.1f} [{100 * e.low:.1f}, {100 * e.high:.1f}]" for e in (result.metrics[s] for s in SCORES)]


def gap(result: Result) -> str:
    if result.against is None:
        return ""
    row = result.against["scores"][result.main]
    return f"{100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}], p {row['p_value']:.3f}"


class Study:
    """One model on one set."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.place, self.out = given, given.model, Path(given.out)
        self.model = load(given.model)
        self.meter = Meter(self.model)
        labels = given.labels.split(",") if given.labels else self.model.task.labels
        if not labels:
            raise SystemExit("The model has no choice of labels: give --labels.")
        self.task = Task(self.model.task.format, tuple(labels))
        found = load_clips(given.data, split=given.split, speakers=given.speakers, limit=given.limit)
        found = in_words_of(found, self.task.labels)
        kinds = {}
        for clip in found:
            if clip.labels and clip.labels[0] in self.task.labels:  # type: ignore[operator]
                try:
                    kinds[clip.id] = senses(self.model.extractor.extract(clip)[0])
                except AffectError:
                    continue
        # Only clips that have all that most have: a modality that is not there cannot be taken alone.
        self.senses = max(Counter(kinds.values()).items(), key=lambda pair: (len(pair[0]), pair[1]))[0]
        self.clips = [clip for clip in found if kinds.get(clip.id) == self.senses]
        if strange := Counter(c.labels[0] for c in found if c.labels and c.labels[0] not in self.task.labels):  # type: ignore[operator]
            print(f"left out, for the model has no such label: {dict(strange)}")
        self.prompts = self._prompts(given.prompts.split(","))

    def _prompts(self, wanted: list[str]) -> tuple[Prompt, ...]:
        found: dict[tuple[str, str], Prompt] = {}
        for prompt in prompts(wanted, self.task):
            found.setdefault((prompt.question, prompt.task.format), prompt)  # own may be label
        return tuple(found.values())

    def opinions(self, name: str, kept: Sequence[str], how: Sampling, *, features: bool = False) -> Sampled:
        """Opinions about the study's clips with these senses left, kept in a folder of their own."""
        return sampled(self.model, self.place, self.clips, how, self.out / name, progress.bar, task=self.task,
                       senses=kept, features=features)  # fmt: skip

    def combinations(self) -> dict[str, tuple[str, ...]]:
        """``AV`` -> its senses, of those that the clips have."""
        here = {LETTERS[sense]: sense for sense in SENSES if sense in self.senses}
        return {name: tuple(here[letter] for letter in name) for name in ORDER if set(name) <= set(here)}

    def sampling(self, samples: int, temperature: float, *, closed: bool) -> Sampling:
        """All prompts, so often and so hot."""
        behind = not self.model.policy.asks_last if self.given.ask == "auto" else self.given.ask == "behind"
        return Sampling(self.prompts, samples, temperature, closed, behind, max_new_tokens=self.given.max_new_tokens)


def tables_1_to_4(study: Study) -> list[str]:
    how = study.sampling(1, 0.0, closed=True)
    found = {name: study.opinions(name, kept, how) for name, kept in study.combinations().items()}
    reference = next(iter(found.values())).reference
    names = [prompt.name for prompt in study.prompts]
    single = {f"{c}.{n}": found[c].files[f"{n}.0"] for c in found if len(c) == 1 for n in names}
    whole = {f"{c}_{n}": found[c].files[f"{n}.0"] for c in found for n in names}
    opts: dict[str, Any] = {"ref": reference, "resamples": study.given.resamples, "n_folds": study.given.folds}
    fused = fuse(single, ["mean", "confidence", "validation", "learned"], combine=True, top_n=[1, 2], **opts)
    given = vote(whole, ["majority"], task="basic", **opts)
    assert fused.voters is not None
    assert fused.results is not None
    assert given.scores is not None
    out = [table("1. One modality alone", ["modality", "prompt", *(s.upper() for s in SCORES)],
                 [[*name.split(".", 1), *cells(results[""])] for name, results in fused.voters.items()])]  # fmt: skip
    rows = []
    for c in study.combinations():
        for n in names:
            rows.append([c, f"the model, prompt {n}", "", *cells(given.scores.voters[f"{c}_{n}"][""]), ""])
        for cell in fused.cells:
            if "".join(sorted(cell.modalities)) == "".join(sorted(c)) and len(c) > 1:
                result = fused.results[cell.name][""]
                rows.append([c, f"fused by {cell.by}", cell.top_n, *cells(result), gap(result)])
    out.append(table("2. Combinations", ["modalities", "who", "top-n", *(s.upper() for s in SCORES),
                                         f"against the best single, {fused.best}"], rows))  # fmt: skip
    out.append(agreed("3. Agreement of the answers to single modalities", fused))
    out.append(eight(fused))
    return out


def agreed(title: str, found: Fusion | Voted) -> str:
    table_of = found.agreement
    n = found.opinions.m
    rows = [[f"{k}/{n}", f"{count:g}", f"{100 * share:.1f} %"]
            for k, (count, share) in enumerate(zip(table_of.counts, table_of.shares, strict=True)) if k]  # fmt: skip
    return table(f"{title}; Krippendorff's alpha {table_of.alpha:.3f}", ["agree", "clips", "share"], rows)


def eight(fused: Fusion) -> str:
    chosen = [cell for cell in fused.cells if len(cell.modalities) > 1 and cell.by == "mean"]
    o = fused.opinions
    words = [*o.labels, ""]
    ballots = {cell.name: [[words[k]] if k >= 0 else [] for k in cell.winners] for cell in chosen}
    if len(ballots) < 2:
        return ""
    of = of_ballots(list(o.ids), ballots)
    told = agreement(of, fused.known)
    truth = of.truth_codes(fused.known.truth or ())
    winners = [max(range(of.k), key=lambda k, row=row: ((row == k).sum(), -k)) for row in of.codes]
    import numpy as np

    right = {k: share for k, _, share in accuracy_by_votes(of, np.array(winners), truth, np.ones(of.n, dtype=bool))}
    rows = [[f"{k}/{of.m}", f"{count:g}", f"{100 * told.shares[k]:.1f} %",
             f"{100 * right[k]:.1f} %" if k in right and count else ""]
            for k, count in enumerate(told.counts) if k]  # fmt: skip
    return table("4. Agreement of the fusions", ["agree", "clips", "share", "majority right"], rows)


def heads(study: Study) -> list[str]:
    """Rules over samples, and the vote head at equal compute."""
    most = study.given.samples
    how = study.sampling(most, 1.0, closed=False)
    before, seen = study.meter.prefix, study.meter.clips
    found = study.opinions("sampled", study.senses, how, features=True)
    cost = study.out / "cost.json"
    if study.meter.prefix > before:
        # A call that goes on where another was stopped has measured the clips that were left.
        cost.write_text(json.dumps({"prefix": study.meter.prefix - before, "clips": study.meter.clips - seen}))
    told = json.loads(cost.read_text())
    prefix = told["prefix"] / told["clips"]
    written = written_by(study, found.files)

    def opts() -> dict[str, Any]:
        return {"task": "basic", "ref": found.reference, "resamples": study.given.resamples,
                "n_folds": study.given.folds, "on_mismatch": "abstain"}  # fmt: skip

    def first(samples: int) -> dict[str, Path]:
        return {name: file for name, file in found.files.items() if int(name.rsplit(".", 1)[1]) < samples}

    def at(samples: int) -> float:
        return prefix + sum(written[name] for name in first(samples))

    rows = []
    for prompt in study.prompts:
        files = {name: file for name, file in found.files.items() if name.rsplit(".", 1)[0] == prompt.name}
        if len(files) > 1:
            rows += rule_rows(vote(files, ["majority", "confidence"], **opts()), f"{prompt.name} x {most}", None)
    everything = vote(first(most), [*SIMPLE, "validation", "head"], **opts())
    rows += rule_rows(everything, f"all x {most}", at(most))
    out = [table(f"5. Prompts x rules ({len(study.clips)} clips)", HEADER, rows),
           agreed(f"Agreement of all prompts x {most}", everything)]  # fmt: skip

    voted = vote(first(1), list(SIMPLE), **opts())
    rows = rule_rows(voted, "all x 1", at(1))
    judge = make(JudgeSpec(kind="policy", settings={"choose": True, "batch_size": 8}), study.model.policy)
    spent, heard = 0.0, {}
    for name, clips in (("reads", None), ("reads and sees", found.features)):
        start = study.meter.asked
        answers = hear(voted.opinions, voted.files, judge, label_set=choice_of(study.task.labels), clips=clips)
        choosing = sum(len(study.model.policy.tokens(label)) + 1 for label in study.task.labels or ())
        own = (study.meter.asked - start) / len(study.clips) + choosing
        spent = max(spent, own)
        result = score_rows(voted, answers, "judge")[""]
        rows.append([f"vote head: {name}", "all x 1", f"{at(1) + own:.0f}", *cells(result), gap(result)])
        heard[f"head, {name}"] = answers
        silent = sum(row.get("error") is not None for row in answers)
        print(f"vote head, {name}: {own:.0f} positions of its own a clip; {silent} clips without an answer")
    affordable = max((m for m in range(1, most + 1) if at(m) <= at(1) + spent), default=1)
    rivals = vote(first(affordable), list(SIMPLE), **opts()) if affordable > 1 else voted
    if affordable > 1:
        rows += rule_rows(rivals, f"all x {affordable}", at(affordable))
    title = (
        f"6. Vote head and simple rules at equal compute: {affordable} x all prompts cost no more than 1 x and a head"
    )
    out.append(table(title, HEADER, rows))
    out.append(head_to_head(study, heard, rivals, found.reference))
    return out


def head_to_head(study: Study, heard: dict[str, list[dict[str, Any]]], rivals: Voted, reference: Path | None) -> str:
    """Each head against each simple rule that costs no more, clip by clip."""
    assert reference is not None
    folder = study.out / "equal"
    folder.mkdir(exist_ok=True)
    answers = heard | {rule: list(found.rows()) for rule, found in rivals.outcomes.items()}
    files = {name: folder / f"{name.replace(', ', '-').replace(' ', '-')}.jsonl" for name in answers}
    for name, file in files.items():
        jsonl.write_rows(file, answers[name])
    rows = []
    for head in heard:
        given = {name: file for name, file in files.items() if name == head or name not in heard}
        found = compare(given, reference, to=head, task="basic", on_mismatch="abstain",
                        resamples=study.given.resamples)  # fmt: skip
        for rule in rivals.outcomes:
            rows.append([head, f"`{rule}`", gap(found.results[rule][""]), f"{found.corrected[''][rule]:.3f}"])
    return table("6b. Simple rules minus the head, WAR", ["head", "rule", "rule minus head", "p corrected"], rows)


HEADER = ["rule", "opinions", "positions a clip", *(s.upper() for s in SCORES), "against the best voter"]


def rule_rows(voted: Voted, of: str, positions: float | None) -> list[list[str]]:
    assert voted.scores is not None
    told = "" if positions is None else f"{positions:.0f}"
    rows = [[f"`{name}`", of, told, *cells(results[""]), gap(results[""])]
            for name, results in voted.scores.rules.items()]  # fmt: skip
    best = voted.scores.best
    return [[f"best voter, {best}", of, told, *cells(voted.scores.voters[best][""]), ""], *rows,
            ["oracle", of, told, *cells(voted.scores.oracle[""]), ""]]  # fmt: skip


def written_by(study: Study, files: dict[str, Path]) -> dict[str, float]:
    """Tokens that each voter wrote, mean over clips, the end of the answer included."""
    found = {}
    for name, file in files.items():
        texts = [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines()]
        found[name] = sum(len(study.model.policy.tokens(text)) + 1 for text in texts) / len(texts)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--prompts", default="own,label,visual,audio,words,reasoning")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--labels", help="a choice other than the model's own")
    parser.add_argument("--ask", choices=["auto", "behind", "in-place"], default="auto")
    parser.add_argument("--split")
    parser.add_argument("--speakers")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--resamples", type=int, default=2000)
    study = Study(parser.parse_args())
    print(f"{len(study.clips)} clips with {', '.join(study.senses)}; prompts: "
          f"{', '.join(prompt.name for prompt in study.prompts)}")  # fmt: skip
    parts = [*tables_1_to_4(study), *heads(study)]
    (study.out / "tables.md").write_text("\n".join(parts), "utf-8")
    print("\n".join(parts))


if __name__ == "__main__":
    main()
