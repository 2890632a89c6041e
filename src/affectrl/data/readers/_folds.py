"""What sets with five published folds share: each clip is tested in one fold and trained on in the other four.

So a clip's ``split`` is the fold that tests it (``fold1`` to ``fold5``), and stands once. ``fold1-test`` names the same
clips, and ``fold1-train`` those of the other four: :func:`affectrl.data.load.load_clips` takes all these names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from affectrl.data.readers._table import row_error
from affectrl.errors import DataError

FOLDS = (1, 2, 3, 4, 5)
SPLITS = {f"fold{k}-test": (f"fold{k}",) for k in FOLDS} | {
    f"fold{k}-train": tuple(f"fold{other}" for other in FOLDS if other != k) for k in FOLDS
}
"""Further names of splits, and the splits they stand for."""
Lists = Callable[[Path], dict[str, tuple[int, str]]]
"""Reads one list: name of a clip -> line and label."""


def five_folds(tests: list[Path], trains: list[Path], read_list: Lists) -> dict[str, tuple[str, str]]:
    """Fold and label by name of a clip, in the order of the test lists.

    Args:
        tests: The five test lists; all must be there.
        trains: The five training lists, which are compared with them where they are there.
        read_list: Reads one.

    Raises:
        DataError: ``dataset_layout``, a list is not there; ``dataset_row``, lists contradict each other.
    """
    missing = next((path for path in tests if not path.is_file()), None)
    if missing is not None:
        message = f"the list of a fold is not there; expected {len(tests)} like it."
        hint = "A clip's fold is the one that tests it, so all five test lists are needed."
        raise DataError(message, code="dataset_layout", path=missing, hint=hint)
    found: dict[str, tuple[str, str]] = {}
    for fold, path in zip(FOLDS, tests, strict=True):
        for name, (line, label) in read_list(path).items():
            if name in found:
                raise row_error(path, line, f"{name} is tested in {found[name][0]} already.")
            found[name] = (f"fold{fold}", label)
    for fold, path in zip(FOLDS, trains, strict=True):
        for name, (line, label) in read_list(path).items() if path.is_file() else ():
            if name not in found:
                raise row_error(path, line, f"{name} is tested in none of the five folds.")
            if found[name][0] == f"fold{fold}":
                raise row_error(path, line, f"{name} is trained on and tested in fold {fold}.")
            if found[name][1] != label:
                raise row_error(path, line, f"{name} is {label!r} here and {found[name][1]!r} in {found[name][0]}.")
    return found
