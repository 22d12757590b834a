"""Several models in one command: a run folder each, one after the other, and one table at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from harness.cli.ended import exit_code_of, say_problems, write_pictures
from harness.cli.guests import give_up, guests
from harness.cli.progress import make_watch
from harness.cli.streams import columns, show, takes_color
from harness.errors import ExitCode, HarnessError, RequestError
from harness.escaping import plain
from harness.exporting.run_result import RunResult
from harness.ranking.leaderboard import leaderboard
from harness.reporters.leaderboard import render_leaderboard
from harness.run.arguments import duration
from harness.run.plan import Plan
from harness.run.session import execute
from harness.run.several import make_plans
from harness.run.supervisor import Supervisor
from harness.run.watch import Watch, safe


def run_several(models: Sequence[str], given: dict[str, Any], *, dry_run: bool, as_json: bool) -> int:
    """Run each model in a folder of its own (in `out`, if that is given), and print one table.

    Everything is checked before the first one is asked. A model that fails does not stop the others; the exit code is then
    FAILED. With `as_json` the results of all are one JSON list.
    """
    if dry_run:
        raise RequestError("A dry run is of one model.", "Name one: harness run --model NAME --dry-run")
    watch = make_watch()
    done: list[tuple[Plan, RunResult]] = []
    errors: list[tuple[Plan, HarnessError]] = []
    try:
        with guests(), Supervisor(watch, duration("timeout", given["timeout"]), stuck=give_up):
            for plan in make_plans(models, given.pop("out"), given, watch):
                result = _execute(plan, watch)
                if isinstance(result, HarnessError):
                    errors.append((plan, result))
                else:
                    done.append((plan, result))
    finally:
        safe(watch).close()
    for plan, result in done:
        if plan.generator is not None:
            write_pictures(result.path)
    if as_json:
        click.echo(json.dumps([result.results.document() for _, result in done], indent=1))
    elif done:
        board = leaderboard([result.path for _, result in done])
        show(render_leaderboard(board, "table", width=columns(), color=takes_color(sys.stdout)))
    for plan, result in done:
        click.echo(f"{plain(plan.model.name)}: {plain(result.path)}", err=as_json)
        say_problems(result)
    for plan, error in errors:
        click.echo(f"{plain(plan.model.name)}: error: {plain(error.message, 500)}", err=True)
        click.echo(f"  -> {plain(error.hint, 500)}", err=True)
    if errors:
        return ExitCode.FAILED
    return max((exit_code_of(result) for _, result in done), default=ExitCode.OK)


def _execute(plan: Plan, watch: Watch) -> RunResult | HarnessError:
    try:
        return execute(plan, watch)
    except HarnessError as e:
        return e
