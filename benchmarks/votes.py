"""What votes and late fusion make of published outputs: the tables of ``docs/results-votes.md`` and ``ensemble.md``.

    python benchmarks/votes.py --data DIR [--only ovmerd|mosi|meld|mer2023|cremad] [--resamples 2000] [--rules all]

DIR holds ``ovmerd_systems``, ``ov_mer2024``, ``unibench``, ``cremad`` and ``emotion_wheel_2025`` (official tables).
Prints Markdown. The same as ``affectrl vote FILES --rule all --keep learned --ref REF`` and ``affectrl fuse``; nothing
is random but folds, intervals and tests (seed 0).
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from affectrl.emotions.label_set import label_set
from affectrl.ensemble.fuse import fuse
from affectrl.ensemble.told import fusion_told, told
from affectrl.ensemble.vote import vote

CROWDS = {"voice": "Voice", "face": "Face", "both": "MultiModal"}


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print(f"\n#### {title}\n\n| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def value(found: dict[str, Any] | None, scale: float = 100) -> str:
    if found is None or found["value"] is None:
        return "-"
    return f"{scale * found['value']:.1f} [{scale * found['low']:.1f}, {scale * found['high']:.1f}]"


def gap(found: dict[str, Any]) -> str:
    d = found.get("difference")
    if d is None:
        return ""
    return f"{100 * d['difference']:+.1f} [{100 * d['low']:+.1f}, {100 * d['high']:+.1f}], p {d['p_value']:.3f}"


def score_table(title: str, scores: dict[str, Any]) -> None:
    names = list(next(iter(scores["voters"].values())))
    first = next(iter(scores["voters"].values()))
    beside = list(first[names[0]]["beside"])
    header = ["", "who"]
    for name in names:
        told_name = f"{first[name]['score']} ({first[name]['mode']})"
        header += [told_name, *(b.replace("_", " ") for b in beside), "against the best voter"]
    header += ["labels"] if "labels" in first[names[0]] else []
    rows = []
    kinds = {"voter": scores["voters"], "rule": scores["rules"]}
    kinds |= {"oracle": {"best voter of each clip": scores["oracle"]}} if "oracle" in scores else {}
    for kind, group in kinds.items():
        for who, results in group.items():
            row: list[object] = [kind, who]
            for name in names:
                row += [value(results[name]), *(f"{100 * results[name]['beside'][b]:.1f}" for b in beside)]
                row.append(gap(results[name]))
            rows.append(row + ([f"{results[names[0]]['labels']:.2f}"] if "labels" in first[names[0]] else []))
    table(title, header, rows)


def agreement(title: str, found: dict[str, Any]) -> None:
    n = len(found["voters"])
    pairs = [(x, found["voters"][i], found["voters"][j]) for i, row in enumerate(found["kappa"])
             for j, x in enumerate(row[:i]) if x is not None]  # fmt: skip
    low, high = min(pairs), max(pairs)
    table(f"{title}: agreement over {found['over']}", ["k of n", "clips", "share"],
          [[f"{r['k']}/{n}", f"{r['clips']:.4g}", f"{100 * r['share']:.1f} %"]
           for r in found["k_of_n"] if r["k"] or r["clips"]])  # fmt: skip
    mean = sum(p[0] for p in pairs) / len(pairs)
    print(f"\nCohen's kappa of pairs: mean {mean:.3f}, lowest {low[0]:.3f} ({low[1]}, {low[2]}), highest "
          f"{high[0]:.3f} ({high[1]}, {high[2]}); Krippendorff's alpha {found['alpha']:.3f}.")  # fmt: skip


def minority(title: str, found: dict[str, Any]) -> None:
    if "levels" in found:
        names = list(found["levels"][0]["results"])
        table(f"{title}: labels kept from a share of voters on (groups of words; 0: all, 1: the winner)",
              ["from", "labels", *(x for name in names for x in (f"score ({name})", "against the winner alone"))],
              [[level["from"], f"{level['labels']:.2f}",
                *(x for name in names for x in (value(level["results"][name]), gap(level["results"][name])))]
               for level in found["levels"]])  # fmt: skip
        return
    print(f"\n{title}: the majority is right on {100 * found['majority_right']:.1f} % of the clips, only a minority on "
          f"{100 * found['minority_right']:.1f} %, nobody on {100 * found['nobody_right']:.1f} %.")  # fmt: skip
    table(f"{title}: how often the majority is right", ["votes", "clips", "majority right"],
          [[r["k"], r["clips"], f"{100 * r['right']:.1f} %"] for r in found["by_votes"] if r["clips"]])  # fmt: skip
    table(f"{title}: clips on which a rule sides with a minority", ["rule", "clips", "gained", "lost", "p (McNemar)"],
          [[name, r["clips"], r["gained"], r["lost"], f"{r['p_value']:.4f}"]
           for name, r in found["overturned"].items() if r["clips"]])  # fmt: skip


def weights(title: str, rules: dict[str, Any]) -> None:
    learned = {name: rule["weights"] for name, rule in rules.items() if rule["weights"]}
    if learned:
        voters = list(next(iter(learned.values())))
        table(f"{title}: learned weights, mean over folds", ["voter", *learned],
              [[v, *(f"{w[v]:.2f}" for w in learned.values())] for v in voters])  # fmt: skip
    kept = {name: rule["keep"] for name, rule in rules.items() if rule["keep"]}
    if kept:
        print(
            f"\nThresholds learned: {'; '.join(f'{n} ' + ', '.join(f'{t:g}' for t in ts) for n, ts in kept.items())}."
        )


def votes(title: str, files: Sequence[Path], ref: Path, resamples: int, **settings: Any) -> None:
    start = time.perf_counter()
    voted = vote({f.stem: f for f in files}, settings.pop("rules"), ref=ref, resamples=resamples, **settings)
    whole = told(voted)
    print(f"\n### {title}\n\n{whole['clips']} clips, {len(whole['voters'])} voters "
          f"({time.perf_counter() - start:.0f} s in all).")  # fmt: skip
    for name, why in whole["left_out"].items():
        print(f"Left out: {name} ({why.split('.')[0][:60]}...).")
    score_table(title, whole["scores"])
    weights(title, whole["rules"])
    agreement(title, whole["agreement"])
    minority(title, whole["minority"])


def crowd_files(data: Path, folder: Path) -> dict[str, Path]:
    """CREMA-D's crowds as prediction files: a tie is a list, the mean level of an emotion its score."""
    codes = label_set("cremad").codes
    with (data / "summaryTable.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = {name: folder / f"{name}.jsonl" for name in CROWDS}
    for name, column in CROWDS.items():
        with found[name].open("w", encoding="utf-8") as out:
            for row in rows:
                levels = [float(x) / 100 for x in row[f"{column}Level"].split(":")]
                words = [codes[letter] for letter in row[f"{column}Vote"].split(":")]
                told_ = dict(sorted(zip(words, levels, strict=True), key=lambda pair: (-pair[1], pair[0])))
                top = next(iter(told_))
                entry = {"id": row["FileName"], "top": top, "confidence": told_[top], "scores": told_}
                out.write(json.dumps(entry) + "\n")
    both = {row["id"]: row["top"] for row in map(json.loads, found["both"].read_text("utf-8").splitlines())}
    for name, label in (("actor", lambda i: codes[i.split("_")[2]]), ("crowd", lambda i: both[i])):
        found[name] = folder / f"{name}.csv"
        rows_ = "".join(f"{row['FileName']},{label(row['FileName'])},{row['FileName'][:4]}\n" for row in rows)
        found[name].write_text(f"id,label,speaker\n{rows_}", encoding="utf-8")
    return found


def cremad(data: Path, resamples: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        files = crowd_files(data / "cremad", Path(place))
        two = {"A": files["voice"], "V": files["face"]}
        for ref, title in (("actor", "against what the actor was to show"), ("crowd", "against the crowd of both")):
            settings: dict[str, Any] = {"ref": files[ref], "label_set": "cremad", "resamples": resamples}
            whole = fusion_told(fuse(two, ["all"], combine=False, **settings))
            score_table(f"CREMA-D, voice (A) and face (V) fused, {title}", whole["scores"])
            for name, cell in whole["cells"].items():
                if cell["weights"]:
                    told_ = ", ".join(f"{v} {w:.2f}" for v, w in cell["weights"].items())
                    print(f"\nWeights of {name}: {told_}.")
        votes("CREMA-D, the three crowds", [files[n] for n in CROWDS], files["actor"], resamples,
              rules=["all"], task="basic", label_set="cremad")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--rules", nargs="+", default=["all"])
    args = parser.parse_args()
    wheels = ("builtin", str(args.data / "emotion_wheel_2025"))
    sets: dict[str, tuple[str, str, Path, dict[str, Any]]] = {
        "ovmerd": ("Ten MLLMs on 332 clips (OV-MERD)", "ovmerd_systems", args.data / "ov_mer2024/check-openset.csv",
                   {"task": "ov", "wheels": wheels, "keep": "learned"}),
        "mosi": ("Seven checkpoints, CMU-MOSI", "unibench/cmumosi", args.data / "unibench/cmumosi/labels.csv",
                 {"task": "sentiment"}),
        "mer2023": ("Seven checkpoints, MER2023", "unibench/mer2023", args.data / "unibench/mer2023/labels.csv",
                    {"task": "ov", "wheels": wheels, "keep": "learned"}),
        "meld": ("Seven checkpoints, MELD", "unibench/meld", args.data / "unibench/meld/labels.csv",
                 {"task": "ov", "wheels": wheels, "keep": "learned"}),
    }  # fmt: skip
    for name, (title, folder, ref, settings) in sets.items():
        if args.only in ("", name):
            files = sorted(f for f in (args.data / folder).glob("*.csv") if f.stem != "labels")
            votes(title, files, ref, args.resamples, rules=args.rules, **settings)
    if args.only in ("", "cremad"):
        cremad(args.data, args.resamples)


if __name__ == "__main__":
    main()
