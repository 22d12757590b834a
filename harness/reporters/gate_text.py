"""A report of the gate for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.escaping import plain
from harness.gating.records import GateReport, Verdict
from harness.reporters import compared, gated
from harness.reporters.comparison_table import label, printed

STYLES: dict[Verdict, str] = {"pass": "bold green", "regression": "bold red", "inconclusive": "bold yellow"}
MOST_REASONS = 5
"""Checks whose reason is repeated below the table."""
_WIDE = 104
"""From this width, each number has a column of its own."""
_STACKED = (("baseline", "run"), ("drop", "at most"), ("margin", "detects"), ("p", "n"))
_SINGLE = tuple((name,) for pair in _STACKED for name in pair)


def render_gate(report: GateReport, *, width: int = 100, color: bool = False) -> str:
    """The verdict with its reason, a table of the checks, then what else a reader should know."""
    return printed(_parts(report, width), width, color)


def _parts(report: GateReport, width: int) -> Iterator[RenderableType]:
    verdict = gated.WORDS[report.verdict].upper()
    yield Text.assemble((verdict, STYLES[report.verdict]), f"  {plain(gated.why(report))}")
    yield Text(f"run       {plain(compared.described(report.run))}")
    yield Text(f"baseline  {plain(compared.described(report.baseline))}")
    found = compared.names(report.checks)
    if found.shared:
        yield Text(plain(compared.context(found.shared)))
    if report.checks:
        yield Padding(_table(report, found.shown, width), (1, 0, 0, 0))
    yield Text()
    further = gated.further(report)
    for check in further[:MOST_REASONS]:
        yield Text(
            plain(f"{gated.WORDS[check.verdict]}: {gated.check_name(check, found.shown)}: {check.reason}")
        )
    if len(further) > MOST_REASONS:
        yield Text(f"{gated.count(len(further) - MOST_REASONS, 'more check')} in the table above")
    for note in gated.notes(report):
        yield Text(plain(note))
    for caution in gated.cautions(report):
        yield Text(f"note: {plain(caution)}", style="yellow")
    if report.checks:
        yield Text("\n" + "\n".join(gated.LEGEND), style="dim")


def _table(report: GateReport, shown: frozenset[str], width: int) -> Table:
    groups = _SINGLE if width >= _WIDE else _STACKED
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("check", overflow="fold")
    table.add_column("verdict", min_width=len("regression"), no_wrap=True)
    for names in groups:
        table.add_column("\n".join(names), justify="right", no_wrap=True)
    checks = gated.ordered(report)
    for check, previous in zip(checks, (None, *checks), strict=False):
        values = gated.figures(check)
        # Names are repeated where the verdict changes: the checks are ordered by it.
        before = previous if previous is not None and previous.verdict == check.verdict else None
        table.add_row(
            label(check, before, shown),
            Text(gated.WORDS[check.verdict], style=STYLES[check.verdict]),
            *(Text("\n".join(values[name] for name in names)) for names in groups),
        )
    return table
