"""The report of the gate as files, annotations and text, for `harness gate` and `harness run --gate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from harness.cli.streams import columns, show, takes_color
from harness.escaping import plain
from harness.gating.records import GateReport
from harness.reporters import gate_artifacts
from harness.reporters.gate_text import render_gate
from harness.store.files import new_output, write_atomically


def write_artifacts(report: GateReport, files: dict[str, Path | None]) -> None:
    """Write the reports that were asked for, and what GitHub Actions shows, where it runs this."""
    makers = {
        "junit": gate_artifacts.junit,
        "markdown": gate_artifacts.markdown,
        "badge": gate_artifacts.badge,
    }
    for name, path in files.items():
        if path is not None:
            with new_output(path, f"Choose a different --{name}."):
                write_atomically(path, makers[name](report).encode())
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("ab") as file:
                file.write(gate_artifacts.markdown(report).encode())
        except OSError as e:  # The verdict matters more.
            click.echo(f"note: GITHUB_STEP_SUMMARY cannot be written: {plain(e.strerror or e)}", err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # On standard error, which GitHub reads too: standard output may be JSON.
        for line in gate_artifacts.annotations(report):
            click.echo(line, err=True)


def print_report(report: GateReport, *, err: bool = False) -> None:
    """The report as text, on standard output, or with `err` on standard error."""
    color = takes_color(sys.stderr if err else sys.stdout)
    show(render_gate(report, width=max(80, columns()), color=color), err=err)
