"""Results as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from harness.components.reporter import Reporter
from harness.escaping import csv_cell, markdown, plain
from harness.reporters import formatting as figures


class JsonReporter(Reporter):
    """The results document as it is."""

    def render(self, results: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
        """The document; control characters are escaped by JSON itself."""
        return json.dumps(results, indent=1, allow_nan=False) + "\n"


class CsvReporter(Reporter):
    """One line for each figure."""

    columns = ("run", "model", "task", "version", "data", "judge", "wording", "read", "metric", "primary", "group", "value",
               "low", "high", "n", "method", "direction", "unparsed", "failed")  # fmt: skip

    def render(self, results: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
        """A header and one line for each figure; cells that look like formulas are quoted."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        run = results["run"]
        for entry in results["tasks"]:
            for m in entry["metrics"]:
                group = "; ".join(f"{k}={v}" for k, v in m["group"].items())
                row = (run["name"], run["model"], entry["task"], entry["version"], entry["data"]["name"], entry["judge"],
                       entry["wording"], entry["read"], m["name"], m["primary"], group, m["value"], m["low"], m["high"],
                       m["n"], m["method"], m["direction"], entry["unparsed"], entry["failed"])  # fmt: skip
                writer.writerow(["" if cell is None else csv_cell(cell) for cell in row])
        return stream.getvalue()


class MarkdownReporter(Reporter):
    """Tables for an issue, a pull request or a page."""

    def render(self, results: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
        """A heading for each task, its figures, its groups and its notes."""
        run = results["run"]
        lines = [
            f"# {markdown(run['name'])}",
            "",
            f"Model: {markdown(run['model'])}" + ("" if run["complete"] else " (incomplete)"),
            "",
        ]
        lines += [f"- {markdown(note)}" for note in figures.notes(results)] + [""] * bool(
            figures.notes(results)
        )
        for entry in results["tasks"]:
            lines += [f"## {markdown(figures.title(entry))}", "", figures.counts(entry), ""]
            main = [
                (m["name"] + (" (primary)" if m["primary"] else ""), m, figures.baselines(entry, m["name"]))
                for m in figures.overall(entry)
            ]
            lines += _figures("figure", main)
            for column, values in figures.grouped(entry):
                lines += _figures(
                    column, [(f"{value}: {m['name']}", m, "") for value, found in values for m in found]
                )
            for name, found in figures.beside(entry):
                lines += _rows((name, *figures.COLUMNS[name]), found)
            assumed = figures.assumed(entry)
            lines += [f"- assumed settings: {markdown(', '.join(assumed))}"] if assumed else []
            lines += [f"- {markdown(w)}" for w in entry["warnings"]]
            lines.append("")
        for name, found in (
            ("wordings of", figures.prompt_variants(results)),
            ("transfer", figures.transfer(results)),
        ):
            if found:
                lines += _rows((name, *figures.COLUMNS[name]), found)
        columns, rows = figures.summary(results)
        if rows:
            lines += ["## Coarse to nuance", "", *_rows(columns, rows)]
        return "\n".join(lines).rstrip() + "\n"


def _figures(head: str, rows: list[tuple[str, Mapping[str, Any], str]]) -> list[str]:
    lines = [
        f"| {markdown(head)} | value | 95% interval | n | baselines |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for name, metric, baselines in rows:
        lines.append(
            f"| {markdown(name)} | {figures.number(metric['value'], metric['name'])} | {figures.interval(metric)} "
            f"| {metric['n']} | {plain(baselines)} |"
        )
    return [*lines, ""]


def _rows(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return [f"| {' | '.join(map(markdown, cells))} |" for cells in (columns, rule, *rows)] + [""]
