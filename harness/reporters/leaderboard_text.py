"""A leaderboard as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json

from harness.escaping import csv_cell, markdown
from harness.ranking.records import BoardTable, Leaderboard
from harness.reporters import leaderboard_cells as cells

CSV_COLUMNS = (
    "table", "model", "release", "label", "task", "version", "stage", "role", "data", "digest", "judge", "prompt_variant",
    "answer_mode", "seed", "asked", "metric", "direction", "value", "low", "high", "best", "worst", "n", "clusters", "unparsed",
    "failed", "method", "marks", "run", "path", "created",
)  # fmt: skip


def leaderboard_json(board: Leaderboard) -> str:
    """The document as it is, escaped as ASCII, so that no control character reaches a terminal."""
    return json.dumps(board.document(), indent=1, allow_nan=False) + "\n"


def leaderboard_csv(board: Leaderboard) -> str:
    """A header and a line for each value; cells that look like formulas are quoted."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for record in board.records():
        found = (record[name] for name in CSV_COLUMNS)
        writer.writerow(["" if cell is None else csv_cell(cell) for cell in found])
    return stream.getvalue()


def leaderboard_markdown(board: Leaderboard) -> str:
    """A table for each of what can be ranked together, and its notes."""
    lines = ["# Leaderboard", ""]
    for table in board.tables:
        lines += [f"## {markdown(cells.title(table))}", "", *_table(table), ""]
        found = cells.notes(table)
        lines += [f"- {markdown(note)}" for note in found] + [""] * bool(found)
    lines += [f"- {markdown(note)}" for note in cells.everything_noted(board)]
    return "\n".join(lines).rstrip() + "\n"


def _table(table: BoardTable) -> list[str]:
    marks = cells.marks_of(table)
    heads = ["model"]
    for heading in cells.headings(table):
        heads += [heading.line(), heading.ranks]
    rows = []
    for row in table.rows:
        found = [row.label]
        for value in row.values:
            letters = marks.of(value)
            found += [cells.value_cell(value), f"({letters})" if letters else cells.rank(value)]
        rows.append(found)
    rule = ["---", *["---:"] * (len(heads) - 1)]
    written = [f"| {' | '.join(map(markdown, row))} |" for row in (heads, *rows)]
    return [written[0], f"| {' | '.join(rule)} |", *written[1:]]
