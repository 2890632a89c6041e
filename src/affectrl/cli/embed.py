"""``affectrl embed FILE ... -o vectors.parquet``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def embed(
    output: Annotated[Path, typer.Option("--output", "-o", help="vectors.parquet or vectors.safetensors.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(help="Media files, folders, globs, a manifest, shards, or READER:FOLDER.", show_default=False),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A run or model folder; default: $AFFECTRL_MODEL, else the newest in runs/.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What was said, for a single clip or alone.")] = None,
    level: Annotated[
        str | None, typer.Option(help="Of encoder, fused, llm, joined by commas; default: all that the model has.")
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="Cut recordings into windows of this length, such as 4s.", show_default=False)
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 8,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped call was.")] = False,
) -> None:
    """Write each clip's emotion representation as vectors. Exit status 3 when some clips failed; the manifest has them.

    OUTPUT.json says what each column is, and which clips could not be read.
    """
    from affectrl import progress
    from affectrl.cli.output import SOME_FAILED, checked
    from affectrl.cli.predict import seconds_of
    from affectrl.inference.inputs import collect, cut

    output = checked(output)
    seconds = None if window is None else seconds_of(window)
    items = collect(inputs or [], text)
    items = items if seconds is None else cut(items, seconds)
    from affectrl.inference.calibration import weights_print
    from affectrl.inference.embedding import VectorFile, embeddings
    from affectrl.inference.model import default_model, load
    from affectrl.models import checkpoint
    from affectrl.models.representation import levels_of

    asked = None if level is None else [name.strip() for name in level.split(",")]
    place = checkpoint.fetch(model or default_model())
    file = VectorFile(output, {"model": place.name, "weights": weights_print(place), "levels": asked})
    loaded = load(place)
    levels = levels_of(loaded.policy, asked)
    file.about["levels"] = list(levels)
    file.begin(resume=resume)
    left = file.left(items)
    with progress.bar("embed", len(items), len(items) - len(left), quiet=len(left) < 8) as advance:
        for start in range(0, len(left), batch_size):
            batch = [
                each
                for found in embeddings(loaded, left[start : start + batch_size], levels, batch_size=batch_size)
                for each in found
            ]
            file.add(batch)
            for _ in left[start : start + batch_size]:
                advance("")
    failed = file.failed
    count = file.close()
    typer.echo(f"{count} clips -> {output}, {file.manifest.name}", err=True)
    for row in failed:
        typer.echo(f"  {row['id']}: {row['message']} [{row['code']}]", err=True)
    if failed:
        raise typer.Exit(SOME_FAILED)
