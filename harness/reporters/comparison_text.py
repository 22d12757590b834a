"""A comparison of runs as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from harness.comparing.records import ComparedValue, Comparison
from harness.escaping import csv_cell, markdown
from harness.reporters import compared
from harness.reporters.formatting import number

CSV_COLUMNS = (
    "run", "path", "model", "release", "task", "data", "judge", "prompt_variant", "metric", "kind", "direction", "group",
    "n", "clusters", "value", "difference", "low", "high", "p", "p_adjusted", "newly_wrong", "newly_right", "detectable",
    "method",
)  # fmt: skip


def comparison_json(comparison: Comparison) -> str:
    """The document as it is, escaped as ASCII, so that no control character reaches a terminal."""
    return json.dumps(comparison.document(), indent=1, allow_nan=False) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """A header and one line for each value of each run; cells that look like formulas are quoted.

    All rows are there, shares of failures that are zero too. The first run has no difference.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in comparison.rows:
        group = "; ".join(f"{name}={value}" for name, value in row.group.items())
        for k, run in enumerate(comparison.runs):
            d = row.differences[k - 1] if k else None
            tail = (
                (
                    d.value,
                    d.low,
                    d.high,
                    d.p,
                    d.p_adjusted,
                    d.newly_wrong,
                    d.newly_right,
                    d.detectable,
                    d.method,
                )
                if d
                else (None,) * 9
            )
            cells = (run.name, run.path, run.model, run.release, row.task, row.data, row.judge, row.prompt_variant,
                     row.metric, row.kind, row.direction, group, row.n, row.clusters, row.values[k], *tail)  # fmt: skip
            writer.writerow(["" if cell is None else csv_cell(cell) for cell in cells])
    return stream.getvalue()


def comparison_markdown(comparison: Comparison) -> str:
    """The runs, a table for each run but the first, the changed samples, warnings and a legend."""
    heads = compared.labels(comparison.runs)
    lines = ["# Comparison", ""]
    lines += [
        f"- {markdown(head)}: {markdown(compared.described(run))}"
        for head, run in zip(heads, comparison.runs, strict=True)
    ]
    rows = compared.visible(comparison)
    found = compared.names(rows)
    lines += ["", markdown(compared.context(found.shared))] if found.shared else []
    lines.append("")
    if not rows:
        lines += ["No metric that the runs share.", ""]
    for run in range(1, len(comparison.runs)) if rows else []:
        if len(comparison.runs) > 2:
            lines += [f"## {markdown(heads[run])} minus {markdown(heads[0])}", ""]
        lines += [*_against(rows, heads, run, found.shown), ""]
    if comparison.samples:
        columns, cells = compared.sample_cells(comparison)
        lines += ["## Changed samples", "", *table(columns, cells, numbers=False), ""]
    lines += [f"- {markdown(warning)}" for warning in comparison.warnings] + [""] * bool(comparison.warnings)
    lines += [f"{markdown(line)}  " for line in compared.LEGEND] if rows else []
    return "\n".join(lines).rstrip() + "\n"


def _against(
    rows: Sequence[ComparedValue], heads: Sequence[str], run: int, shown: frozenset[str]
) -> list[str]:
    columns = (
        "task",
        "metric",
        heads[0],
        heads[run],
        "difference",
        "p",
        "newly wrong / right",
        "detects",
        "n",
    )
    cells = []
    for row in rows:
        d = row.differences[run - 1]
        cells.append(
            (
                compared.place(row, shown),
                compared.measure(row),
                number(row.values[0]),
                number(row.values[run]),
                compared.change(d),
                compared.p_value(d.p_adjusted if d else None) + (" *" if compared.significant(d) else ""),
                compared.flips(d),
                number(d.detectable if d else None),
                compared.rows_in(row),
            )
        )
    return table(columns, cells)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> list[str]:
    """The lines of a Markdown table, every cell escaped; with `numbers`, columns from the third are aligned right."""
    rule = ["---:" if numbers and k > 1 else "---" for k in range(len(columns))]
    lines = [f"| {' | '.join(map(markdown, cells))} |" for cells in (columns, *rows)]
    return [lines[0], f"| {' | '.join(rule)} |", *lines[1:]]
