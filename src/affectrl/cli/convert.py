"""``affectrl convert SOURCE --layout NAME --to FOLDER``: a checkpoint that another project published, as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[Path, typer.Argument(help="A .safetensors file, or a folder with such.", show_default=False)],
    layout: Annotated[
        str, typer.Option(help="Whose names its tensors have: affectgpt, humanomni.", show_default=False)
    ],
    to: Annotated[Path | None, typer.Option(help="The model folder to write.", show_default=False)] = None,
    check: Annotated[bool, typer.Option("--check", help="Report only, and write nothing.")] = False,
    base: Annotated[str | None, typer.Option(help="The language model: an id or a folder.", show_default=False)] = None,
    settings: Annotated[
        Path | None, typer.Option(help="The publisher's training configuration, YAML.", show_default=False)
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option(help="STREAM=ID or STREAM=FOLDER; may be repeated.", show_default=False)
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(help="A text file: the publisher's prompt, with {voice}, {face} ...", show_default=False),
    ] = None,
    answers: Annotated[str | None, typer.Option(help="The answer format.", show_default=False)] = None,
    lora_alpha: Annotated[int | None, typer.Option(min=1, help="LoRA's alpha.", show_default=False)] = None,
    unsafe_pickle: Annotated[
        bool, typer.Option("--unsafe-pickle", help="Open .pth and .bin as well: only of people you trust.")
    ] = False,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Leave out tensors that the layout does not know.")
    ] = False,
) -> None:
    """Turn a checkpoint of AffectGPT, HumanOmni or R1-Omni into a model folder, and say what matched."""
    from affectrl.errors import UsageError
    from affectrl.sharing.convert import REPORT
    from affectrl.sharing.convert import convert as run_convert
    from affectrl.sharing.published import Asked

    if check == (to is not None):
        raise UsageError("say either --to FOLDER or --check.", code="usage")
    pairs = [item.partition("=") for item in encoder or []]
    if any(not (name and place) for name, _, place in pairs):
        raise UsageError("--encoder is STREAM=ID or STREAM=FOLDER.", code="usage")
    asked = Asked(
        base=base,
        settings={} if settings is None else _settings(settings),
        encoders={name: place for name, _, place in pairs},
        prompt=None if prompt is None else _text(prompt),
        answers=answers,
        lora_alpha=lora_alpha,
    )
    if unsafe_pickle:
        typer.echo("Pickles are opened, tensors and plain containers only. Trust their author all the same.", err=True)
    report = run_convert(source, layout, to, asked=asked, unsafe=unsafe_pickle, allow_unknown=allow_unknown)
    typer.echo("\n".join(report.lines()))
    if to is not None:
        typer.echo(f"Converted: {to} (report: {to / REPORT})")
    elif not report.fits or report.unknown:
        raise typer.Exit(1)


def _text(file: Path) -> str:
    from affectrl.errors import UsageError

    try:
        return file.read_text("utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read as text.", code="usage", path=file) from error


def _settings(file: Path) -> dict[str, object]:
    import yaml

    from affectrl.errors import UsageError

    try:
        found = yaml.safe_load(_text(file))
    except yaml.YAMLError as error:
        raise UsageError("is no YAML.", code="usage", path=file) from error
    if not isinstance(found, dict):
        raise UsageError("is no mapping of settings.", code="usage", path=file)
    return found
