"""``affectrl sandbox OUT``: make labelled synthetic clips to train and test on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def sandbox(
    out: Annotated[Path, typer.Argument(help="The folder: media/ and manifest.jsonl go there.")],
    n: Annotated[int, typer.Option(help="How many clips.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people, sentences and files.")] = 0,
    domain: Annotated[
        Literal["source", "shifted"],
        typer.Option(help="source, or shifted: other voices, faces, light, noise and codecs."),
    ] = "source",
    disagree: Annotated[
        float, typer.Option(help="Share of clips (0 to 1) in which one channel shows another emotion than the label.")
    ] = 0.0,
    splits: Annotated[str, typer.Option(help="Share of each split.")] = "train=0.6,dev=0.1,test=0.3",
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Make labelled synthetic clips: drawn faces, espeak-ng voices, our own sentences. No evidence about people.

    Run it again after an interruption, or with a larger n, and it goes on where it stopped.
    """
    from affectrl.data.sandbox.generate import MANIFEST, generate
    from affectrl.progress import bar

    shares = _shares(splits)
    with bar("sandbox", n, quiet=quiet) as advance:
        generate(out, n, seed=seed, domain=domain, disagree=disagree, splits=shares, workers=workers, progress=advance)
    typer.echo(str(out / MANIFEST))


def _shares(text: str) -> dict[str, float]:
    from affectrl.errors import UsageError

    try:
        return {name.strip(): float(share) for name, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise UsageError(
            f"--splits {text!r} is not a list of shares.", code="sandbox_share", hint="Write train=0.7,test=0.3."
        ) from None
