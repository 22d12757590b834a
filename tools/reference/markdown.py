"""Texts of docstrings and schemas as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def cell(text: object) -> str:
    """A text as a cell of a table, on one line."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; "" without rows."""
    lines = [f"| {' | '.join(cell(c) for c in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(header)} |", "|" + "---|" * len(header), *lines, ""])


def code(text: str) -> str:
    """A text as code within a line."""
    return f"`{text}`"
