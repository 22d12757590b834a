"""What ships with the core, registered through the same hooks as every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.components.record import Component, lazy
from harness.hookspecs import hookimpl

METRICS = {}  # type: ignore[var-annotated]


@hookimpl
def harness_tasks() -> Sequence[Path]:
    """The built-in tasks: shipped in the wheel, or those of the checkout."""
    package = Path(__file__).parent
    if (package / "_tasks").is_dir():
        return [package / "_tasks"]
    checkout = package.parent
    return [checkout / "tasks"] if (checkout / "pyproject.toml").is_file() else []


@hookimpl
def harness_reporters() -> Sequence[Component]:
    """Formats of `harness show RUN --format`."""
    return [
        Component("table", lazy("harness.reporters.table:TableReporter"), "tables for a terminal"),
        Component("json", lazy("harness.reporters.text:JsonReporter"), "the results document, schema 1"),
        Component("csv", lazy("harness.reporters.text:CsvReporter"), "one line for each figure"),
        Component(
            "markdown", lazy("harness.reporters.text:MarkdownReporter"), "tables for an issue or a page"
        ),
    ]


@hookimpl
def harness_executors() -> Sequence[Component]:
    """Where a judge's work is done."""
    return [Component("local", lazy("harness.components.executor:LocalExecutor"), "in this process")]
