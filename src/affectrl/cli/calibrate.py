"""``affectrl calibrate MODEL --data MANIFEST``: make closed choices say how often they are right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    model: Annotated[str, typer.Argument(help="A run folder (runs/NAME) or a model folder.", show_default=False)],
    data: Annotated[str, typer.Option(help="Validation clips: a manifest, a folder that holds one, or READER:FOLDER.")],
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    speakers: Annotated[str | None, typer.Option(help="Only these speakers: names or ranges such as 16-18.")] = None,
    labels: Annotated[str | None, typer.Option(help="The closed choice; default: the model's own.")] = None,
    method: Annotated[str, typer.Option(help="temperature, vector, or auto.")] = "auto",
    folds: Annotated[int, typer.Option(min=2, help="Of the cross-validation.")] = 5,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the account; default: MODEL/calibration.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 16,
) -> None:
    """Scale a model's closed choices on validation clips, so that its probabilities say how often it is right.

    Writes calibration.json into the model folder; predict applies it and says so in each row. Take clips that the
    model was not trained on. Exit status 3 when some clips could not be read.
    """
    from affectrl import jsonl, progress
    from affectrl.cli.output import SOME_FAILED, checked_folder
    from affectrl.data.load import load_clips
    from affectrl.errors import DataError

    clips = [clip for clip in load_clips(data, split=split, speakers=speakers) if clip.labels]
    if not clips:
        raise DataError("holds no clip with labels.", code="no_clips", path=data)
    from affectrl.evaluation.calibrate import ask
    from affectrl.evaluation.calibrate import calibrate as fitted
    from affectrl.inference.calibration import write
    from affectrl.inference.model import EmotionModel, check_labels
    from affectrl.models import checkpoint
    from affectrl.report import calibration as page

    choice = None if labels is None else check_labels(labels.split(","))
    place = checked_folder(checkpoint.find(model))
    folder = checked_folder(output or Path(model) / "calibration")
    # What stands there may be stale, which is what this command mends.
    loaded = EmotionModel(*checkpoint.load(place))
    with progress.bar("answers", len(clips)) as advance:
        scores = ask(loaded, clips, choice, batch_size=batch_size, advance=advance)
    found = fitted(scores, method=method, folds=folds)  # type: ignore[arg-type]
    rows = zip(scores.ids, scores.speakers, scores.truth.tolist(), scores.logprobs.tolist(), strict=True)
    jsonl.write_rows(
        folder / "logprobs.jsonl",
        [
            {"id": i, "speaker": s, "label": scores.labels[t], "logprobs": dict(zip(scores.labels, p, strict=True))}
            for i, s, t, p in rows
        ],
    )
    scaling = found.calibration.scaling
    told = f"temperature {scaling.temperature:.3f}" if scaling.method == "temperature" else "vector scaling"
    typer.echo(
        f"{told}, {len(scores.truth)} clips, {found.folds} folds, {'over' if found.by_speaker else 'not by'} speakers"
    )
    typer.echo(f"ECE before {found.before.ece} (by chance {found.before.by_chance:.3f})")
    typer.echo(f"ECE after  {found.after.ece} (by chance {found.after.by_chance:.3f}), cross-validated")
    typer.echo(f"Model: {write(place, found.calibration, found.measured(scores))}")
    typer.echo(f"Report: {page.write(found, scores, folder)}")
    for row in scores.skipped:
        typer.echo(f"  {row['id']}: {row['message']} [{row['code']}]", err=True)
    if scores.skipped:
        raise typer.Exit(SOME_FAILED)
