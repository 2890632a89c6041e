"""``affectrl baseline SOURCE --features voice=whisper,...``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from affectrl.baselines.study import Outcome
    from affectrl.data.clip import Clip


def baseline(
    source: Annotated[
        str,
        typer.Argument(
            help="Labelled clips (manifest, folder, shards, READER:FOLDER), or a recipe.", show_default=False
        ),
    ],
    features: Annotated[
        str,
        typer.Option(
            help="Comma-separated: STREAM=ENCODER[:WEIGHTS], or names of MER2025's track 1 such as wavlm-base."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for prediction files and summary.json.")],
    head: Annotated[str, typer.Option(help="attention (MER2025's), mlp or logistic.")] = "attention",
    mode: Annotated[
        str, typer.Option(help="Settings of the head: fixed, random (drawn a seed), or fixed,random.")
    ] = "fixed",
    seeds: Annotated[str, typer.Option(help="Numbers, or a range such as 0-4.")] = "0-2",
    folds: Annotated[int, typer.Option(min=2, help="Of the cross-validation.")] = 5,
    test: Annotated[str | None, typer.Option(help="Another set; the mean of the folds' heads answers it.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split of SOURCE.")] = None,
    speakers: Annotated[str | None, typer.Option(help="Only these speakers of SOURCE: names, or ranges.")] = None,
    test_split: Annotated[str | None, typer.Option(help="Only this split of --test.")] = None,
    test_speakers: Annotated[str | None, typer.Option(help="Only these speakers of --test.")] = None,
    together: Annotated[bool, typer.Option("--together", help="Also one head on all features.")] = False,
    combine: Annotated[
        str | None,
        typer.Option(
            help="Also every combination of modalities with their first n features: 1,2 (name the best first).",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the head: epochs=20, for every run.", show_default=False),
    ] = None,
) -> None:
    """Small heads on frozen features, cross-validated speaker by speaker: what a larger model must beat."""
    import yaml

    from affectrl import jsonl, progress
    from affectrl.baselines.features import feature, rows
    from affectrl.baselines.study import Plan, study, summary, systems_of, write
    from affectrl.cli.output import checked_folder
    from affectrl.data.content import fingerprint
    from affectrl.errors import DataError, UsageError
    from affectrl.models.cache import FeatureCache

    modes: list[Any] = [part.strip() for part in mode.split(",")]
    if not set(modes) <= {"fixed", "random"} or len(set(modes)) < len(modes):
        raise UsageError(f"--mode is fixed, random or both, not {mode!r}.", code="baseline_setting")
    over = dict(part.partition("=")[::2] for part in settings or [])
    wanted = [feature(text) for text in features.split(",")]
    if len({one.name for one in wanted}) < len(wanted):
        raise UsageError("a feature is named twice.", code="baseline_feature", hint="Name each once.")
    top_n = () if combine is None else _numbers(combine, "--combine")
    own = {k: yaml.safe_load(v) for k, v in over.items()}
    plan = Plan(head, tuple(modes), _numbers(seeds, "--seeds"), folds, own, together, top_n)
    checked_folder(output)
    clips, others = _clips(source, split, speakers, test, test_split, test_speakers)
    if not clips:
        raise DataError("holds no clip with labels.", code="no_clips", path=source)
    store = FeatureCache()
    with progress.bar("features", len(wanted) * (len(clips) + len(others))) as advance:
        held = {one: rows(one, clips, store, advance) for one in wanted}
        tested = {one: rows(one, others, store, advance) for one in wanted} if others else None
    with progress.bar("heads", len(systems_of(wanted, plan)) * len(modes) * len(plan.seeds)) as advance:
        outcomes = list(study(clips, held, plan, test=others, test_rows=tested, advance=advance))
    files = write(outcomes, output)
    about: dict[str, Any] = {
        "source": source,
        "clips": fingerprint(clips),
        "test": test,
        "test_clips": fingerprint(others) if others else None,
        "features": {one.name: held[one].key for one in wanted},
    }
    (output / "summary.json").write_bytes(jsonl.encode(summary(outcomes, plan, about)))
    _show(outcomes, clips, others)
    typer.echo(f"{len(files)} prediction files and summary.json: {output}")


def _numbers(text: str, option: str) -> tuple[int, ...]:
    from affectrl.errors import UsageError

    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdigit() or (dash and not high.isdigit()):
            raise UsageError(f"{option}: numbers or ranges, not {text!r}.", code="baseline_setting")
        found += range(int(low), int(high or low) + 1)
    if not found or len(set(found)) < len(found) or (option == "--combine" and min(found) < 1):
        raise UsageError(f"{option} names no number, or one twice: {text!r}.", code="baseline_setting")
    return tuple(found)


def _clips(
    source: str,
    split: str | None,
    speakers: str | None,
    test: str | None,
    test_split: str | None,
    test_speakers: str | None,
) -> tuple[list[Clip], list[Clip]]:
    """Training clips, which have labels, and test clips; a recipe names both."""
    from affectrl.data.load import load_clips
    from affectrl.recipes.load import load_recipe, packaged
    from affectrl.training.clips import clips_of, make_sandboxes

    others = load_clips(test, split=test_split, speakers=test_speakers) if test else []
    if source.endswith((".yaml", ".yml")) or source in packaged():
        recipe = load_recipe(source)
        make_sandboxes(recipe)
        return clips_of(recipe, "train").clips, others or clips_of(recipe, "eval").clips
    return [clip for clip in load_clips(source, split=split, speakers=speakers) if clip.labels], others


def _show(outcomes: Sequence[Outcome], clips: Sequence[Clip], others: Sequence[Clip]) -> None:
    """Scores and agreement, a row a system, and what to know of them."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from affectrl.baselines.study import agreement

    table = Table("", "mode", "", "WAR", "UAR", "weighted F1", "sd of F1", "seeds agree", "clips")
    for outcome in outcomes:
        found = outcome.scores()
        cells = [str(found[name][0]) if found else "" for name in ("war", "uar", "weighted_f1")]
        several = len(outcome.rows) > 1
        spread = f"{np.std(found['weighted_f1'][1], ddof=1):.3f}" if found and several else ""
        agree = f"{agreement(outcome.votes)['unanimous']:.0%}" if several and outcome.votes else ""
        table.add_row(outcome.system, outcome.mode, outcome.part, *cells, spread, agree, str(len(outcome.votes)))
    remarks = ["Means over seeds, with 95 % intervals; seeds agree: clips to which all gave one label."]
    if not all(outcome.speakers_apart for outcome in outcomes):
        remarks.append("Speakers are not known of all clips: one may stand on both sides of a fold.")
    both = {clip.speaker for clip in clips if clip.speaker} & {clip.speaker for clip in others if clip.speaker}
    if both:
        remarks.append(f"{len(both)} speakers are named in training and test clips.")
    table.caption = " ".join(remarks)
    Console().print(table)
