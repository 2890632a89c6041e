"""Put a trained model and its face encoder into the package: the adapter halved, small enough to come along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from affectrl import paths
from affectrl.errors import UsageError
from affectrl.models import checkpoint, weights
from affectrl.sharing.card import write_card

LIMIT_BYTES = 16 * 10**6
PACKAGE = Path(__file__).parent
NOTES = PACKAGE / "notes.md"
FACE = "affectrl-nano-face"
WEIGHTS = "model.safetensors"


def halve(folder: Path) -> None:
    """Rewrite a model folder's adapter as float16; loading makes it single again. Feature statistics stay whole."""
    import torch
    from safetensors.torch import load_file, save_file

    file = folder / "adapter" / "adapter_model.safetensors"
    save_file({n: t.half() if t.dtype == torch.float32 else t for n, t in load_file(file).items()}, file)


def with_packaged_face(folder: Path, face: Path) -> None:
    """Let a model folder name the packaged face encoder in place of ``face``.

    Raises:
        UsageError: ``another_face``: it was trained on what another encoder sees.
    """
    file = folder / checkpoint.CARD
    card = json.loads(file.read_text("utf-8"))
    stream = card["model"].get("face") or {}
    if stream.get("encoder") != "expression":
        return
    seen = Path(weights.resolve(stream["settings"].pop("weights_name", FACE)).location)
    if (seen / WEIGHTS).read_bytes() != (face / WEIGHTS).read_bytes():
        raise UsageError(
            f"was trained on what another face encoder sees ({seen}).",
            code="another_face",
            path=folder,
            hint="Train with model.face.settings.weights_name=FOLDER, and ship that folder with --face.",
        )
    file.write_text(json.dumps(card, indent=1))


def size_of(*folders: Path) -> int:
    """Bytes of all files in folders."""
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def card(run: Path, scores: Path | None, shared: Path) -> str:
    """The model's card: what a run's card says, what the held-out people of each set say, licences and failures.

    Args:
        run: Of the recipe ``affectrl-nano``.
        scores: ``scores.json`` of ``nano check``.
        shared: The model folder that is shipped, which names the packaged face encoder.
    """
    text = write_card(run, title="affectrl-nano", shared=shared)
    if scores is not None:
        found = json.loads(scores.read_text("utf-8"))
        names = [name for name in next(iter(found.values())) if name != "n"]
        rows = ["| set | clips | " + " | ".join(names) + " |", "| --- " * (len(names) + 2) + "|"]
        for name, row in found.items():
            cells = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in (row[key] for key in names)]
            rows.append(f"| {name} | {row['n']} | " + " | ".join(cells) + " |")
        text += "\n## People it never met, set by set\n\nEach set as its own closed choice; 95 % intervals.\n\n"
        text += "\n".join(rows) + "\n"
    return text + NOTES.read_text("utf-8")


def ship(run: Path, face: Path, package: Path = PACKAGE, *, scores: Path | None = None) -> int:
    """Copy the run's model to ``package/model`` and the face encoder to ``package/expression``.

    Args:
        run: A finished run of the recipe ``affectrl-nano``.
        face: What :func:`affectrl.nano.face.train` wrote.
        package: The package's own folder; the model's card is written anew from the run.
        scores: ``scores.json`` of ``nano check``, for the card.

    Returns:
        Bytes of both together.

    Raises:
        ModelError: There is no whole model.
        UsageError: ``model_too_large``: both together are more than the package may carry; ``another_face``. Nothing is
            written then.
    """
    source = checkpoint.find(run)
    checkpoint.read_card(source)
    with paths.atomic(package / "model") as scratch:
        shutil.copytree(source, scratch, ignore=shutil.ignore_patterns("README.md"))
        halve(scratch)
        with_packaged_face(scratch, face)
        (scratch / "README.md").write_text(card(run, scores, scratch), "utf-8")
        if (total := size_of(scratch, face)) > LIMIT_BYTES:
            raise UsageError(
                f"model and face encoder are {total / 1e6:.1f} MB, more than {LIMIT_BYTES / 1e6:g} MB.",
                code="model_too_large",
                path=run,
                hint="Train with a smaller lora.r or fewer components.",
            )
    with paths.atomic(package / "expression") as scratch:
        shutil.copytree(face, scratch)
    return size_of(package / "model", package / "expression")
