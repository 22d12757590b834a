"""What is said of a run once it has ended: failures with their reasons, faults of plugins, and why it stopped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from harness.errors import ExitCode
from harness.escaping import plain
from harness.exporting.run_result import RunResult
from harness.store.files import read_lines
from harness.store.runfolder import FAILURES


def say_problems(result: RunResult) -> None:
    """Write what went wrong in a run, and what to do about it, to standard error."""
    for fault in result.faults[:5]:
        click.echo(f"fault: {plain(fault, 500)}", err=True)
    failed = failures(result)
    if failed:
        click.echo(
            f"{failed} failed ({_reasons(result.path)}); see `harness show {plain(result.path)} --samples --failed`. "
            "Fix the cause and run the same command again to retry them.",
            err=True,
        )
        for hint in _hints(result.path):
            click.echo(f"  -> {plain(hint, 300)}", err=True)
    if result.stopped:
        click.echo(f"stopped: {plain(result.stopped, 500)}", err=True)


def failures(result: RunResult) -> int:
    """How many requests failed. Of a run that was stopped, what was never asked has no answer either, and did not fail."""
    return sum(1 for _ in read_lines(result.path / FAILURES)) if result.stopped else result.failed


def exit_code_of(result: RunResult) -> ExitCode:
    """The exit code of a run: FAILED for failures, faults of plugins, and what is incomplete."""
    if result.settled:
        return ExitCode.FAILED if failures(result) or result.faults else ExitCode.OK
    return ExitCode.FAILED if result.faults or not result.results.run.complete else ExitCode.OK


def write_pictures(path: Path) -> None:
    """Write the thumbnails and the contact sheet of generated portraits."""
    # Imported late: most runs are judge runs, which generate nothing.
    from harness.reporters.sheet import write_sheet, write_thumbnails

    write_thumbnails(path)
    write_sheet(path)


def _reasons(path: Path) -> str:
    """The most common reasons of failure, with their counts."""
    errors = (record["error"] for record in read_lines(path / FAILURES))
    counts = Counter(f"{e['kind']}: {e['message']}" for e in errors)
    return "; ".join(f"{count} x {plain(reason, 120)}" for reason, count in counts.most_common(3))


def _hints(path: Path) -> list[str]:
    """The most common remedies that the failures name."""
    hints = (record["error"].get("hint") for record in read_lines(path / FAILURES))
    return [hint for hint, _ in Counter(hint for hint in hints if hint).most_common(2)]
