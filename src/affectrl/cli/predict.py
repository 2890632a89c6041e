"""``affectrl predict FILE ... -o predictions.jsonl``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def predict(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Media files, folders, globs, a manifest (.jsonl, .csv, .parquet), shards (x.tar, x-{000..099}.tar, "
            "x*.parquet), or READER:FOLDER.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A run or model folder; default: $AFFECTRL_MODEL, else the newest in runs/.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What was said, for a single clip or alone.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="A closed choice, such as happy,sad,neutral; scored exactly.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File, replaced; default: standard output.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="jsonl, csv, srt or table; default: by the output's suffix.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="Cut recordings into windows of this length, such as 4s.", show_default=False)
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the emotions of one recording over time (.svg, .png).", show_default=False)
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 8,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add what each modality gave to each answer (shares).")
    ] = False,
    parts: Annotated[
        bool, typer.Option("--parts", help="Add the words, seconds, frames and regions that mattered to each answer.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(help="Write what was found, with --explain and --parts, as a page (.html).")
    ] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Hear the words of recordings (English) and read them as their text.")
    ] = False,
    microphone: Annotated[
        str | None,
        typer.Option(
            help="Listen for so many seconds, or inf, in place of files: 10, 10@alsa:hw:1.", show_default=False
        ),
    ] = None,
    webcam: Annotated[
        str | None, typer.Option(help="Watch likewise: 10, 10@v4l2:/dev/video1.", show_default=False)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a stopped call was; failed clips are tried again.")
    ] = False,
) -> None:
    """Say what the person in each clip feels. Exit status 3 when some clips failed; each has its row."""
    from affectrl import progress
    from affectrl.cli.output import SOME_FAILED, checked
    from affectrl.errors import UsageError
    from affectrl.inference.inputs import collect, cut
    from affectrl.inference.journal import WRITERS, Journal
    from affectrl.shelves import has

    if resume and output is None:
        raise UsageError("--resume needs --output: the file that holds what is done.", code="usage")
    output, plot, page = (None if file is None else checked(file) for file in (output, plot, page))
    suffix = "" if output is None else output.suffix[1:].lower()
    form = form or (suffix if has(WRITERS, suffix) else "jsonl")
    seconds = None if window is None else seconds_of(window)
    recorded = microphone is not None or webcam is not None
    if recorded and (inputs or text or resume):
        raise UsageError("--microphone and --webcam take the place of files, --text and --resume.", code="usage")
    items = [] if recorded else collect(inputs or [], text)
    items = items if seconds is None else cut(items, seconds)
    from affectrl.inference.live import live as listen
    from affectrl.inference.live import wanted
    from affectrl.inference.model import check_labels, default_model, load
    from affectrl.inference.transcript import Transcriber

    devices, length = wanted(microphone=microphone, webcam=webcam)
    choice = check_labels(labels.split(",")) if labels is not None else None
    journal = Journal(output, form, resume=resume)
    left = journal.left(items)
    # Rows of one line each can be read while they come.
    live = output is None and form == "jsonl"
    if left or devices:
        loaded = load(model or default_model())
        transcriber = Transcriber() if transcribe else None
        if transcriber is not None:
            transcriber.prepare()
        asked: dict[str, Any] = {"labels": choice, "explain": explain, "parts": parts, "transcriber": transcriber}
        stream = (
            listen(loaded, devices, length, seconds, **asked)
            if devices
            else loaded.stream(left, batch_size=batch_size, **asked)
        )
        journal.begin()
        quiet = bool(devices) or len(left) < QUIET_BELOW
        with progress.bar("predict", len(items), len(items) - len(left), quiet=quiet) as advance:
            for answers in stream:
                rows = [answer.to_dict() for answer in answers]
                journal.add(rows)
                if live:
                    typer.echo(journal.writer.render(rows), nl=False)
                advance("")
    if (rest := journal.close()) and not live:
        typer.echo(rest, nl=False)
    if plot is not None:
        from affectrl.report.timeline import draw

        draw(journal.rows, plot)
    if page is not None:
        from affectrl.report.explanation import write

        write(journal.rows, page)
    failures = [row for row in journal.rows if row["error"]]
    if output is not None or failures:
        where = f" -> {output}" if output else ""
        typer.echo(f"{len(journal.rows) - len(failures)} of {len(journal.rows)} clips answered{where}", err=True)
    for row in failures:
        typer.echo(f"  {row['id']}: {row['error']['message']} [{row['error']['code']}]", err=True)
    if failures:
        raise typer.Exit(SOME_FAILED)


def seconds_of(window: str) -> float:
    """The length that ``--window`` gives.

    Raises:
        UsageError: ``usage``: it is none.
    """
    from affectrl.errors import UsageError

    try:
        seconds = float(window.strip().removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0.2 <= seconds < float("inf"):
        raise UsageError(f"--window {window!r} is no length of at least 0.2 s, such as 4s.", code="usage")
    return seconds


QUIET_BELOW = 8
"""Few clips need no progress bar."""
