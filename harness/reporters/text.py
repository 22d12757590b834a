"""Results as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json

from harness.components.reporter import Reporter
from harness.escaping import csv_cell, markdown, plain
from harness.reporters import formatting
from harness.results import MetricValue, Results


class JsonReporter(Reporter):
    """The results document as it is."""

    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        # Escaped as ASCII, so that no control character reaches a terminal.
        return json.dumps(results.document(), indent=1, allow_nan=False) + "\n"


class CsvReporter(Reporter):
    """One line for each metric value."""

    columns = ("run", "model", "task", "version", "data", "judge", "wording", "read", "metric", "primary", "group", "value",
               "low", "high", "n", "method", "direction", "unparsed", "failed", "clusters")  # fmt: skip

    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        """A header and one line for each metric value; cells that look like formulas are quoted."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        run = results.run
        for task in results.tasks:
            for m in task.metrics:
                group = "; ".join(f"{name}={value}" for name, value in m.group.items())
                row = (run.name, run.model, task.task, task.version, task.data.name, task.judge, task.prompt_variant,
                       task.answer_mode, m.name, m.primary, group, m.value, m.low, m.high, m.n, m.method, m.direction,
                       task.unparsed, task.failed, m.clusters)  # fmt: skip
                writer.writerow(["" if cell is None else csv_cell(cell) for cell in row])
        return stream.getvalue()


class MarkdownReporter(Reporter):
    """Tables for an issue, a pull request or a page."""

    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        """A heading for each task, its metrics, its groups and its notes."""
        run = results.run
        lines = [
            f"# {markdown(run.name)}",
            "",
            f"Model: {markdown(run.model)}"
            + (f", release {markdown(run.release)}" if run.release else "")
            + ("" if run.complete else " (incomplete)"),
            "",
        ]
        lines += [f"- {markdown(note)}" for note in run.notes] + [""] * bool(run.notes)
        for task in results.tasks:
            lines += [f"## {markdown(formatting.title(task))}", "", formatting.counts(task), ""]
            main = [
                (m.name + (" (primary)" if m.primary else ""), m, formatting.baselines(task, m.name))
                for m in formatting.overall(task)
            ]
            lines += _metrics("metric", main)
            for column, values in formatting.grouped(task):
                by_value = [(f"{value}: {m.name}", m, "") for value, found in values for m in found]
                lines += _metrics(column, by_value)
            for name, rows in formatting.within_task(task):
                lines += _rows((name, *formatting.COLUMNS[name]), rows)
            assumed = formatting.assumed(task)
            lines += [f"- assumed settings: {markdown(', '.join(assumed))}"] if assumed else []
            lines += [f"- {markdown(warning)}" for warning in task.warnings]
            lines.append("")
        for name, rows in formatting.across_tasks(results):
            lines += _rows((name, *formatting.COLUMNS[name]), rows)
        notes = formatting.transfer_notes(results)
        lines += [f"- {markdown(note)}" for note in notes] + [""] * bool(notes)
        columns, rows = formatting.summary(results)
        if rows:
            lines += ["## Coarse to nuance", "", *_rows(columns, rows)]
        return "\n".join(lines).rstrip() + "\n"


def _metrics(head: str, rows: list[tuple[str, MetricValue, str]]) -> list[str]:
    lines = [
        f"| {markdown(head)} | value | 95% interval | n | baselines |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for name, metric, baselines in rows:
        value = formatting.metric_number(metric)
        lines.append(
            f"| {markdown(name)} | {value} | {formatting.interval(metric)} | {formatting.rows(metric)} | {plain(baselines)} |"
        )
    return [*lines, ""]


def _rows(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return [f"| {' | '.join(map(markdown, cells))} |" for cells in (columns, rule, *rows)] + [""]
