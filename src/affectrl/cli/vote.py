"""``affectrl vote FILES``: many prediction files into one answer a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from affectrl.emotions.label_set import LabelSet
    from affectrl.ensemble.vote import Voted
    from affectrl.judges import Asking

FILES = typer.Argument(help="Prediction files (CSV, JSONL, Parquet, npz), or NAME=FILE.", show_default=False)
REF = typer.Option(help="A reference: scores voters and rules, and lets rules learn.", show_default=False)
TASK = typer.Option(help="ov, hitrate (lists of labels), basic or sentiment (one label).", show_default=False)
WHEELS = typer.Option(help="builtin, or a folder of word tables; may be repeated.", show_default=False)
MISMATCH = typer.Option(help="Clips, rows or labels that do not fit: error, intersect or abstain.")
LABEL_SET = typer.Option(help="Put single labels into this set.", show_default=False)
JSON = typer.Option("--json", help="Write everything but the answers as JSON; - prints it.", show_default=False)
REPORT = typer.Option(help="Write a report (HTML).", show_default=False)
COLUMN = typer.Option(help="Column of the labels, where it is none of the usual.", show_default=False)
REF_COLUMN = typer.Option(help="Column of the reference, likewise.", show_default=False)
RESAMPLES = typer.Option(min=0, help="Bootstrap resamples of each interval; 0 for none.")
SEED = typer.Option(min=0, help="Seed of folds, intervals and tests.")
FOLDS = typer.Option(help="Folds of the reference for what is learned; speakers stay whole.")


def vote(
    files: Annotated[list[str] | None, FILES] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="A rule, or all; may be repeated. Default: majority.", show_default=False),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Vote head: let this judge (hf, openai, with --model also policy) read all opinions.",
            show_default=False,
        ),
    ] = None,
    judge_setting: Annotated[
        list[str] | None, typer.Option(help="Setting of the judge, NAME=VALUE; may be repeated.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Answers: a .jsonl, .csv or .parquet; with several rules a folder.", show_default=False),
    ] = None,
    ref: Annotated[Path | None, REF] = None,
    task: Annotated[str | None, TASK] = None,
    wheels: Annotated[list[str] | None, WHEELS] = None,
    keep: Annotated[str, typer.Option(help="Lists: keep labels from this value on (0 to 1), or learned.")] = "0.5",
    label_set: Annotated[str | None, LABEL_SET] = None,
    on_mismatch: Annotated[str, MISMATCH] = "error",
    report: Annotated[Path | None, REPORT] = None,
    json_file: Annotated[str | None, JSON] = None,
    column: Annotated[str | None, COLUMN] = None,
    ref_column: Annotated[str | None, REF_COLUMN] = None,
    folds: Annotated[int, FOLDS] = 5,
    resamples: Annotated[int, RESAMPLES] = 2000,
    seed: Annotated[int, SEED] = 0,
    model: Annotated[
        str | None, typer.Option(help="Ask this model (a run or model folder) for opinions.", show_default=False)
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Clips to ask about: a manifest, or READER:FOLDER.", show_default=False)
    ] = None,
    prompts: Annotated[
        str, typer.Option(help="own, label, visual, audio, words, reasoning; files (.yaml) of your own.")
    ] = "label,visual,audio,reasoning",
    samples: Annotated[int, typer.Option(min=1, help="Opinions of each prompt.")] = 1,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="Of sampling. Default: 1, greedy with one sample.", show_default=False)
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="A closed choice, scored exactly: happy,sad,neutral, or own.", show_default=False)
    ] = None,
    ask: Annotated[str, typer.Option(help="Where questions stand: auto, behind (the clip) or in-place.")] = "auto",
    senses: Annotated[str | None, typer.Option(help="Only these of audio, vision, text.", show_default=False)] = None,
    judge_sees: Annotated[bool, typer.Option("--judge-sees", help="The judge policy gets the clips too.")] = False,
    opinions: Annotated[Path, typer.Option(help="Folder of the opinions; what it has is not asked again.")] = Path(
        "opinions"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace opinions of another model, set or setting.")] = False,
    split: Annotated[str | None, typer.Option(help="Of --data, only this split.", show_default=False)] = None,
    speakers: Annotated[str | None, typer.Option(help="Of --data, only these.", show_default=False)] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Of --data, the first so many.", show_default=False)] = None,
) -> None:
    """Let prediction files, or many opinions of one model, vote; minority opinions are kept in the output.

    With --model and --data each clip is asked all --prompts, --samples times; --ref data scores with its own labels.
    """
    from affectrl.cli.opinions import asked
    from affectrl.ensemble.reading import name_files
    from affectrl.ensemble.told import told
    from affectrl.ensemble.vote import vote as voting
    from affectrl.errors import UsageError

    rules = rule or ([] if judge else ["majority"])
    if judge_setting and judge is None:
        raise UsageError("--judge-setting is of no judge.", code="vote_option", hint="Name one: --judge hf.")
    places = _places(out, [*rules, *(["judge"] if judge else [])])
    check_places(report, json_file)
    voters: dict[str, Path] = name_files(files or [])
    source, choice, seen = None, None, None
    if model is not None or data is not None:
        source = asked(
            model, data, prompts=prompts, samples=samples, temperature=temperature, labels=labels, ask=ask,
            senses=senses, folder=opinions, fresh=fresh, seed=seed, split=split, speakers=speakers, limit=limit,
            keep=judge_sees,
        )  # fmt: skip
        voters |= source.sampled.files
        ref = source.reference() if str(ref) == "data" else ref
        choice, seen = source.choice, source.sampled.features
    heads = {} if judge is None else {"judge": _judge(judge, judge_setting or [], source and source.policy)}
    voted = voting(
        voters,
        rules,
        ref=ref,
        task=task,
        wheels=wheels or ("builtin",),
        label_set=label_set,
        keep=kept(keep),
        on_mismatch=on_mismatch,  # type: ignore[arg-type]  # vote() checks it
        column=column,
        ref_column=ref_column,
        n_folds=folds,
        resamples=resamples,
        seed=seed,
    )
    rows = {name: outcome.rows() for name, outcome in voted.outcomes.items()}
    whole = told(voted)
    for name, asking in heads.items():
        rows[name] = iter(_hear(voted, asking, label_set, whole, choice, seen))
    _write(rows, places)
    if report is not None:
        from affectrl.ensemble.page import write_vote

        write_vote(report, voted, whole)
    write_json(whole, json_file)
    if json_file != "-":
        show(whole)
    say_notes(whole)


def kept(given: str) -> float | str:
    """``--keep`` as a number where it is one."""
    try:
        return float(given)
    except ValueError:
        return given


def _places(out: Path | None, rules: list[str]) -> Path | None:
    from affectrl.cli.output import checked, checked_folder
    from affectrl.ensemble.write import check_suffix

    if out is None:
        return None
    if len(rules) > 1 or rules == ["all"]:
        return checked_folder(out)
    return checked(check_suffix(out))


def _write(rows: Mapping[str, Iterable[dict[str, Any]]], place: Path | None) -> None:
    from affectrl.ensemble.write import write_answers

    if place is None:
        return
    for name, answers in rows.items():
        write_answers(place / f"{name}.jsonl" if place.is_dir() else place, answers)


def _judge(kind: str, given: list[str], policy: Any = None) -> Asking:
    import yaml

    from affectrl.errors import UsageError
    from affectrl.judges import make
    from affectrl.recipes.learning import JudgeSpec

    settings = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise UsageError(f"--judge-setting {one!r} has no =.", code="vote_option", hint="Write NAME=VALUE.")
        settings[name] = yaml.safe_load(value)
    return make(JudgeSpec(kind=kind, settings=settings), policy)


def _hear(
    voted: Voted,
    asking: Asking,
    label_set: str | None,
    whole: dict[str, Any],
    choice: LabelSet | None = None,
    clips: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The vote head's rows; what it scores goes into ``whole``."""
    from affectrl.emotions.label_set import label_set as named
    from affectrl.ensemble.told import clean, results_told
    from affectrl.ensemble.vote import score_rows
    from affectrl.ensemble.vote_head import NAME, hear

    chosen = named(label_set) if label_set and not voted.opinions.lists else choice
    rows = hear(voted.opinions, voted.files, asking, label_set=chosen, clips=clips)
    whole["rules"][NAME] = {"weights": None, "keep": None}
    whole["judge"] = {"answered": sum("error" not in row for row in rows), "failed": dict(asking.counts.failed)}
    if voted.scores is not None:
        whole["scores"]["rules"][NAME] = clean(results_told(score_rows(voted, rows, NAME)))
    return rows


def check_places(*files: Path | str | None) -> None:
    """Look at where a command will write, before its work begins; ``-`` is standard output."""
    from affectrl.cli.output import checked

    for file in files:
        if file not in (None, "-"):
            checked(Path(str(file)))


def write_json(whole: dict[str, Any], place: str | None) -> None:
    """Everything as JSON: to a file, to standard output for ``-``, nowhere for ``None``."""
    import json

    from affectrl import paths

    if place == "-":
        # ASCII, so that no terminal's encoding can refuse it.
        typer.echo(json.dumps(whole, indent=1, allow_nan=False))
    elif place is not None:
        with paths.atomic(Path(place)) as scratch:
            scratch.write_text(json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")


def say_notes(whole: dict[str, Any]) -> None:
    """What did not go quite as asked, on standard error."""
    for note in whole["notes"]:
        typer.echo(f"warning: {note['message']} [{note['code']}]", err=True)
    for name, why in whole.get("left_out", {}).items():
        typer.echo(f"left out: {name}: {why}", err=True)


def show(whole: dict[str, Any]) -> None:
    """Print a vote for people."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if "scores" in whole:
        for table in score_tables(whole["scores"]):
            console.print(table)
    console.print(agreement_table(whole["agreement"]))
    for line in minority_lines(whole.get("minority")):
        console.print(line, markup=False)


def score_tables(scores: dict[str, Any]) -> list[Any]:
    """One table for each of the wheels."""
    from rich.markup import escape
    from rich.table import Table

    tables = []
    for wheels, first in next(iter(scores["voters"].values())).items():
        beside = list(first["beside"])
        title = f"{scores['task']}: {first['mode']}{f', {wheels}' if wheels else ''}"
        table = Table("", first["score"], "95 % interval", *beside, f"against {escape(scores['best_voter'])}", "p",
                      title=title)  # fmt: skip
        for kind in ("voters", "rules"):
            for name, found in scores[kind].items():
                table.add_row(escape(name), *_cells(found[wheels], beside))
            table.add_section()
        if "oracle" in scores:
            table.add_row("oracle", *_cells(scores["oracle"][wheels], beside))
        tables.append(table)
    return tables


def _cells(found: dict[str, Any], beside: list[str]) -> list[str]:
    gap = found.get("difference")
    return [
        number(found["value"]),
        interval(found),
        *(number(found["beside"][name]) for name in beside),
        "" if gap is None else f"{number(gap['difference'], '+')} {interval(gap, '+')}",
        "" if gap is None else number(gap["p_value"]),
    ]


def number(value: float | None, sign: str = "") -> str:
    """Four decimals, or a dash."""
    return "-" if value is None else f"{value:{sign}.4f}"


def interval(found: dict[str, Any], sign: str = "") -> str:
    """An interval, or a dash."""
    return "-" if found["low"] is None else f"[{number(found['low'], sign)}, {number(found['high'], sign)}]"


def agreement_table(found: dict[str, Any]) -> Any:
    """The table k of n."""
    from rich.table import Table

    n = len(found["voters"])
    pairs = [value for i, row in enumerate(found["kappa"]) for value in row[:i] if value is not None]
    mean = sum(pairs) / len(pairs) if pairs else None
    table = Table(
        "agreed", "clips", "share", title=f"agreement of {n} over {found['over']}",
        caption=f"Krippendorff's alpha {number(found['alpha'])}; mean Cohen's kappa of pairs {number(mean)}",
    )  # fmt: skip
    for row in found["k_of_n"]:
        if row["k"] or row["clips"]:
            table.add_row(f"{row['k']}/{n}", f"{row['clips']:g}", number(row["share"]))
    return table


def minority_lines(found: dict[str, Any] | None) -> list[str]:
    """What becomes of minority opinions, in words."""
    if found is None:
        return []
    if "levels" in found:
        lines = ["labels kept from a share of voters on (0: every opinion; 1: the winner):"]
        for level in found["levels"]:
            for wheels, result in level["results"].items():
                lines.append(
                    f"  {level['from']:<4g} {wheels}: {level['labels']:.2f} labels, {result['score']} "
                    f"{number(result['value'])} {interval(result)}"
                )
        return lines
    lines = [
        f"right: the majority {number(found['majority_right'])}, only a minority {number(found['minority_right'])}, "
        f"nobody {number(found['nobody_right'])}"
    ]
    for name, one in found["overturned"].items():
        if one["clips"]:
            lines.append(
                f"  {name} overturns the majority on {one['clips']} clips: {one['gained']} gained, {one['lost']} lost "
                f"(p = {number(one['p_value'])})"
            )
    return lines
