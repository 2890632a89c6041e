"""For mkdocstrings: examples in docstrings (``>>>`` up to a blank line) are code, not quotations."""

from __future__ import annotations

from typing import Any

import griffe


class Doctests(griffe.Extension):
    """Puts fences around them."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None and ">>>" in obj.docstring.value:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with every block that begins with ``>>>`` in a fence."""
    lines: list[str] = []
    within = False
    for line in text.splitlines():
        if not within and line.lstrip().startswith(">>>"):
            within = True
            lines += ["", "```pycon"]
        elif within and not line.strip():
            within = False
            lines.append("```")
        lines.append(line)
    return "\n".join([*lines, "```"] if within else lines)
