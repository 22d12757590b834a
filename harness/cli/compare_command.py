"""`harness compare`: paired differences of runs."""

from __future__ import annotations

import sys

import click

from harness.cli import completion
from harness.cli.shared import listed
from harness.cli.streams import columns as terminal_width
from harness.cli.streams import show, takes_color
from harness.comparing.compare import compare
from harness.errors import ExitCode, RequestError
from harness.reporters.comparison import FORMS, render_comparison


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="RUN RUN...", shell_complete=completion.runs)
@click.option(
    "--anyway", is_flag=True, help="Compare runs that differ in what they asked; what differs is named."
)
@click.option(
    "--group-by",
    "columns",
    multiple=True,
    metavar="COLUMN[,COLUMN]",
    help="A row for each value of these columns too, such as emotion; repeatable.",
)
@click.option("--samples", is_flag=True, help="List the samples that are newly wrong or newly right.")
@click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    runs: tuple[str, ...], anyway: bool, columns: tuple[str, ...], samples: bool, form: str, as_json: bool
) -> int:
    """Compare RUNs with the first one: paired differences on the samples that all share.

    \b
      harness compare runs/llava-1.5 runs/llava-1.6
      harness compare runs/sdxl runs/flux --group-by emotion --format markdown

    Intervals are by cluster; p values are corrected for everything shown (Holm).
    """
    if len(runs) < 2:
        raise RequestError("A comparison needs two runs or more.", "For example: harness compare RUN RUN")
    found = compare(runs, anyway=anyway, group_by=listed(columns), samples=samples)
    show(
        render_comparison(
            found, "json" if as_json else form, width=max(80, terminal_width()), color=takes_color(sys.stdout)
        )
    )
    return ExitCode.OK
