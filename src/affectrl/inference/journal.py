"""Predictions as they come, kept row by row: a kill loses none of the finished work, and ``--resume`` goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths, shelves
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip

WRITERS = "affectrl.inference.writers"
Row = dict[str, Any]


class Journal:
    """Rows of one call of ``predict``.

    Args:
        output: The file asked for; ``None`` keeps rows in memory.
        form: A file of ``inference/writers``. JSONL is filled row by row; for other formats ``OUTPUT.jsonl`` is, and
            stands beside the output until that is written.
        resume: Keep the answers that are there; clips that failed are tried again.
    """

    def __init__(self, output: Path | None, form: str, *, resume: bool = False) -> None:
        self.output, self.form = output, form
        self.writer = shelves.load(WRITERS, form)
        self.file = output if output is None or form == "jsonl" else output.with_name(f"{output.name}.jsonl")
        self.rows: list[Row] = []
        if resume and self.file is not None and self.file.is_file():
            self.rows = [row for row in jsonl.read_rows(self.file) if not row.get("error")]

    def begin(self) -> None:
        """Replace the file, when all that could refuse the work has been asked."""
        if self.file is not None:
            jsonl.write_rows(self.file, self.rows)

    def left(self, items: Sequence[Clip | Prediction]) -> list[Clip | Prediction]:
        """The items that have no row yet."""
        done = {_place(row["id"], row["path"], row.get("start"), row.get("end")) for row in self.rows}
        return [item for item in items if _place(item.id, item.path, item.start, item.end) not in done]

    def add(self, rows: Sequence[Row]) -> None:
        """Keep rows."""
        self.rows += rows
        if self.file is not None:
            jsonl.append_rows(self.file, rows)

    def close(self) -> str | None:
        """Write the output in its format, and give the text of what has no file.

        Raises:
            UsageError: The format cannot take the rows; they stay in the journal.
        """
        if self.output is not None and self.output == self.file:
            return None
        if hasattr(self.writer, "check"):
            self.writer.check(self.rows)
        text = str(self.writer.render(self.rows))
        if self.output is None or self.file is None:
            return text
        with paths.atomic(self.output) as scratch:
            scratch.write_text(text, encoding="utf-8")
        paths.remove(self.file)
        return None


def _place(name: str, path: str | None, start: float | None, end: float | None) -> tuple[object, ...]:
    return (name.split("#face", 1)[0], path, start, end)
