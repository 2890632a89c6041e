"""``affectrl data``: what datasets are known, what a set of clips holds, and what is wrong with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from types import ModuleType

    from rich.table import Table

    from affectrl.data.check import Finding
    from affectrl.data.clip import Clip
    from affectrl.data.leaks import Leak

app = typer.Typer(help="Look at datasets and manifests before training on them.", no_args_is_help=True)

FOUND = 3
"""Exit status when a check found something."""
_SHOWN = 20
_PER_CODE = 3
_OPEN = "open"

SourceHelp = "A manifest, a folder that holds one, or READER:FOLDER such as ravdess:/data/RAVDESS."
JsonlOut = Annotated[Path | None, typer.Option("--jsonl", help="Write one JSON line a finding to this file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


@app.command("list")
def list_() -> None:
    """List the readers of published datasets, and the label sets."""
    from affectrl import shelves
    from affectrl.data.load import READERS
    from affectrl.emotions import label_set, label_sets

    readers = _table("readers", "reader", "label set", "licence", "about")
    for name in shelves.names(READERS):
        reader = shelves.load(READERS, name)
        about = f"{reader.ABOUT.split(';')[0].split('. ')[0].rstrip('.')}."
        readers.add_row(name, reader.LABEL_SET or _OPEN, reader.LICENCE, about)
    sets = _table("label sets", "name", "size", "labels")
    for name in label_sets():
        sets.add_row(name, str(len(label_set(name))), ", ".join(label_set(name).labels))
    _print(readers, sets)


@app.command()
def describe(
    name: Annotated[str, typer.Argument(metavar="NAME|SOURCE", help=f"A reader, a label set, or: {SourceHelp}")],
) -> None:
    """Tell what a dataset or label set is, or what a manifest or dataset folder holds."""
    from affectrl import shelves
    from affectrl.data.load import READERS, load_clips, reader_of
    from affectrl.emotions import label_sets

    if name in shelves.names(READERS) and not os.path.isfile(name):
        reader = shelves.load(READERS, name)
        labels = _label_table(reader.LABEL_SET) if reader.LABEL_SET else "Labels: open vocabulary, any number of words."
        _print(reader.ABOUT, f"Licence: {reader.LICENCE}.", labels, f"Use it as {name}:FOLDER.")
    elif name in label_sets() and not os.path.exists(name):
        _print(_label_table(name))
    else:
        clips = load_clips(name)
        found = reader_of(name)
        if found and found[0] != "sandbox":
            _print(_reader(name).ABOUT)
        _print(f"{len(clips)} clips", *_count_tables(clips))


@app.command()
def check(
    source: Annotated[str, typer.Argument(help=SourceHelp)],
    label_set: Annotated[
        str | None, typer.Option("--label-set", help="Name or .yaml file of the set that labels must be of.")
    ] = None,
    jsonl: JsonlOut = None,
    quiet: Quiet = False,
) -> None:
    """Find broken media, silent sound, blank text, wrong labels, and what stands in two splits.

    Exit status 0 when all is well, 3 when something was found, 2 on wrong usage.
    """
    from affectrl import jsonl as rows
    from affectrl.data.check import Finding
    from affectrl.data.check import check as find
    from affectrl.data.load import reader_of, scan_clips
    from affectrl.emotions import label_set as labels_of

    if label_set is None and (found := reader_of(source)) and found[0] != "sandbox":
        label_set = _reader(source).LABEL_SET
    labels = None if label_set is None else labels_of(label_set)
    clips, bad = scan_clips(source)
    findings = [Finding(row.code, str(row), path=row.path) for row in bad]
    if not clips and not bad:
        findings.append(Finding("manifest_empty", "the manifest has no rows.", path=source))
    findings += find(clips, labels=labels, quiet=quiet)
    if jsonl is not None:
        rows.write_rows(jsonl, (finding.row() for finding in findings))
    _tell_findings(findings, len(clips) + sum(row.code == "bad_row" for row in bad), labels is None)


@app.command()
def leaks(
    a: Annotated[str, typer.Argument(metavar="A", help=SourceHelp)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other set, likewise.")],
    jsonl: JsonlOut = None,
    quiet: Quiet = False,
) -> None:
    """Find content that stands in both of two sets, copied exactly or stored anew.

    Exit status 0 when the sets share nothing, 3 when something was found, 2 on wrong usage.
    """
    from affectrl import jsonl as rows
    from affectrl.data.leaks import leaks as find
    from affectrl.data.load import load_clips

    first, second = load_clips(a), load_clips(b)
    report = find(first, second, quiet=quiet)
    if jsonl is not None:
        rows.write_rows(jsonl, (leak.row() for leak in report.leaks))
    for note in report.notes:
        typer.echo(f"not compared: {note.message}", err=True)
    compared = f"{len(first)} clips against {len(second)}"
    if not report.leaks:
        _print(f"{compared}: nothing in common.")
        return
    _print(_leak_table(report.leaks), f"{compared}: {_kinds(report.leaks)}.")
    raise typer.Exit(FOUND)


def _reader(source: str) -> ModuleType:
    from affectrl import shelves
    from affectrl.data.load import READERS

    return shelves.load(READERS, source.partition(":")[0])


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in _NUMBERS else "left")
    return table


_NUMBERS = {"size", "clips", "score", "pairs"}


def _print(*parts: Any) -> None:
    from rich.console import Console

    console = Console()
    for part in parts:
        # File names and labels may hold square brackets, which are no markup.
        console.print(part, markup=False, highlight=False)


def _label_table(name: str) -> Table:
    from affectrl.emotions import label_set

    labels = label_set(name)
    table = _table(f"label set {labels.name}", "label", "other words for it")
    for label in labels.labels:
        table.add_row(label, ", ".join(sorted(word for word, target in labels.aliases.items() if target == label)))
    table.caption = labels.source
    table.caption_justify = "left"
    return table


def _count_tables(clips: Sequence[Clip]) -> list[Table]:
    counts: dict[str, Iterable[str]] = {
        "split": (clip.split for clip in clips if clip.split is not None),
        "modalities": ("+".join(clip.modalities) for clip in clips),
        "label": (label for clip in clips for label in clip.labels),
        "speaker": (clip.speaker for clip in clips if clip.speaker is not None),
        "group": (clip.group for clip in clips if clip.group is not None),
    }
    return [table for what, words in counts.items() if (table := _count_table(what, Counter(words)))]


def _count_table(what: str, counter: Counter[str]) -> Table | None:
    if not counter:
        return None
    table = _table(f"by {what}", what, "clips")
    for word, count in counter.most_common(_SHOWN):
        table.add_row(word, str(count))
    if len(counter) > _SHOWN:
        table.add_row(f"and {len(counter) - _SHOWN} more", str(sum(counter.values()) - _top(counter)))
    return table


def _top(counter: Counter[str]) -> int:
    return sum(count for _, count in counter.most_common(_SHOWN))


def _tell_findings(findings: Sequence[Finding], n: int, any_label: bool) -> None:
    loose = " Labels were not checked: give --label-set." if any_label else ""
    if not findings:
        _print(f"{n} clips: nothing found.{loose}")
        return
    table = _table("findings", "code", "where", "what")
    counts = Counter(finding.code for finding in findings)
    for code, count in counts.most_common():
        few = [finding for finding in findings if finding.code == code][:_PER_CODE]
        for finding in few:
            table.add_row(code, "\n".join(filter(None, (finding.clip, finding.path))), finding.message)
        if count > len(few):
            table.add_row(code, "", f"and {count - len(few)} more")
    told = ", ".join(f"{count} {code}" for code, count in counts.most_common())
    _print(table, f"findings in {n} clips: {told}.{loose}")
    raise typer.Exit(FOUND)


def _leak_table(found: Sequence[Leak]) -> Table:
    table = _table("in both", "A", "B", "match", "modality", "score", "pairs")
    for leak in found[:_SHOWN]:
        table.add_row(leak.a, leak.b, leak.match, leak.modality, f"{leak.score:.3f}", str(leak.pairs))
    if len(found) > _SHOWN:
        table.add_row(f"and {len(found) - _SHOWN} more", "", "", "", "", "")
    return table


def _kinds(found: Sequence[Leak]) -> str:
    counts = Counter(f"{leak.match} {leak.modality}" for leak in found)
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
