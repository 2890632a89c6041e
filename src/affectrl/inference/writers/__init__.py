"""How predictions are written, one file a format: ``--format NAME``.

A module on this shelf has ``render(rows) -> str``, the text of all rows of ``predictions.jsonl``, and
``check(rows)`` where the format cannot take every row.
"""
