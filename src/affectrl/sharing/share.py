"""From a run to something that others can load: the model's files and its card, in a folder or on the hub."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from affectrl import paths
from affectrl.errors import UsageError
from affectrl.inference import calibration
from affectrl.models import checkpoint, hub
from affectrl.models.merged import save_merged
from affectrl.sharing.card import write_card


def share(place: Path, to: str, *, merge: bool = False, private: bool = False) -> str:
    """Write a run's model and card to a folder, or upload them.

    The model is loaded first, so that what does not load is not shared.

    Args:
        place: A run folder, or a model folder.
        to: A folder, or ``hub:ORG/NAME``.
        merge: With the adapter merged into the language model, whose weights are then part of it.
        private: Whether a new repository of the hub is.

    Returns:
        The folder, or the repository's address.

    Raises:
        ModelError: There is no whole model; ``merge_impossible``; ``backbone_local``: only this machine could load what
            would be uploaded; or the hub does not take it.
        UsageError: ``output_unwritable``: the folder holds something else.
    """
    if not to.startswith(hub.PREFIX):
        folder = Path(to).expanduser()
        _check_place(folder, checkpoint.find(place))
        _assemble(place, folder, merge=merge, title=folder.name)
        return str(folder)
    repo = to.removeprefix(hub.PREFIX)
    source = checkpoint.find(place)
    if not merge and not checkpoint.is_merged(source):
        checkpoint.check_portable(checkpoint.read_card(source)[0])
    with TemporaryDirectory() as scratch:
        _assemble(place, folder := Path(scratch) / "model", merge=merge, title=repo)
        return hub.upload(folder, repo, private=private)


def _assemble(place: Path, folder: Path, *, merge: bool, title: str) -> None:
    source = checkpoint.find(place)
    policy, task, _ = checkpoint.load(source)
    merged = merge or checkpoint.is_merged(source)
    card = write_card(place, merged=merged, title=title)
    with paths.atomic(folder) as scratch:
        if merge and not checkpoint.is_merged(source):
            save_merged(policy, task, scratch)
        elif merged:
            shutil.copytree(source, scratch)
        else:
            scratch.mkdir()
            checkpoint.write(policy, task, scratch)
        calibration.carry(source, scratch)
        (scratch / "README.md").write_text(card, "utf-8")


def _check_place(folder: Path, source: Path) -> None:
    if folder.resolve() == source.resolve():
        raise UsageError("is the model itself.", code="output_unwritable", path=folder, hint="Choose another folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / checkpoint.CARD).is_file():
        raise UsageError(
            "holds something that is no model.", code="output_unwritable", path=folder, hint="Choose another folder."
        )
