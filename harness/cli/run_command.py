"""`harness run`: evaluate a model on tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import completion, options
from harness.cli.arguments import RecordedCommand, command_line
from harness.cli.ended import exit_code_of, say_problems, write_pictures
from harness.cli.gate_output import print_report, write_artifacts
from harness.cli.guests import give_up, guests
from harness.cli.progress import make_watch
from harness.cli.shared import folder_of, listed, pairs, print_results
from harness.errors import ExitCode, RequestError
from harness.escaping import plain
from harness.run.gated import execute_gated
from harness.run.plan import make_plan
from harness.run.preview import preview
from harness.run.request import RunRequest
from harness.run.session import execute
from harness.run.supervisor import Supervisor
from harness.run.watch import safe


@click.command("run", cls=RecordedCommand)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    required=True,
    metavar="T[,T]",
    shell_complete=completion.tasks,
    help="Tasks, suites, or paths to .toml files.",
)
@click.option(
    "--model",
    required=True,
    metavar="M[,M]",
    shell_complete=completion.models,
    help="The model under test: NAME or NAME:REF. Several are run one after the other, each in a folder of its own.",
)
@click.option(
    "--judge",
    "judges",
    multiple=True,
    metavar="J",
    shell_complete=completion.judges,
    help="Generator tasks: the judges of the portraits; repeatable.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="D[,D]",
    shell_complete=completion.data_sets,
    help="Judge tasks: data sets by name, or folders.",
)
@click.option(
    "--limit", type=int, metavar="N", help="A seeded, stratified subset of N pictures, or pairs of them."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of option order, subsets and portraits."
)
@click.option("--repeats", type=int, default=1, show_default=True, help="Ask each question N times.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder. [default: runs/NAME]")
@click.option(
    "--read",
    type=click.Choice(["auto", "logprobs", "rating", "choice", "text", "reasoned"]),
    default="auto",
    show_default=True,
    help="The answer mode.",
)
@click.option("--strict", is_flag=True, help="Count answers that are understood from a sentence as unparsed.")
@click.option(
    "--prompt-variants",
    "--wordings",
    "prompt_variants",
    multiple=True,
    metavar="default|all|V[,V]",
    help="Judge tasks: the prompt variants to ask; with several, the spread over them is reported.",
)
@options.executor
@options.component_options("-o", "the model, or of model M of several", "options", "[M.]")
@options.component_options("--judge-option", "the judges", prefix="[JUDGE.]")
@options.component_options("--data-option", "registered data sets", prefix="[D.]")
@options.detector_options
@options.executor_options
@options.max_failures
@click.option(
    "--max-cost", metavar="X", help="Stop once replies cost X, earlier attempts included; needs prices."
)
@click.option("--max-time", metavar="T", help="Stop after T: seconds, or 90s, 10m, 2h.")
@options.timeout
@click.option("--allow-outside", is_flag=True, help="Read pictures outside the data folder.")
@click.option(
    "--release", metavar="ID", help="Which release of the model this is: another one is asked anew."
)
@click.option(
    "--fresh", is_flag=True, help="Ask everything anew; what the run folder holds moves to previous/N in it."
)
@click.option(
    "--gate",
    metavar="BASE",
    help="Compare with a baseline while replies arrive, and stop once the verdict is clear; exits as `harness gate` does.",
)
@click.option("--shard", metavar="I/N", help="Ask part I of N, in a folder of its own; see `harness merge`.")
@click.option("--dry-run", is_flag=True, help="Print counts, rendered prompts and the cost; ask nothing.")
@click.option("--full", is_flag=True, help="Print all details of the results below the first screen.")
@options.json_results
def command(dry_run: bool, as_json: bool, full: bool, **given: Any) -> int:
    """Evaluate a model on tasks; run the same command again to resume.

    \b
      harness run --task coarse_emotion --model fer --data portraits
      harness run --task t2i_emotion --model portraits --judge fer
    """
    if dry_run and as_json:
        raise RequestError("A dry run has no results to print as JSON.", "Omit --json or --dry-run.")
    given |= {name: listed(given[name]) for name in ("tasks", "judges", "data", "prompt_variants")}
    given["prompt_variants"] = given["prompt_variants"] or ("default",)
    given["options"] = pairs(given["options"], "-o")
    for name in ("judge", "data", "detector", "executor"):
        given[f"{name}_options"] = pairs(given[f"{name}_options"], f"--{name}-option")
    if "," in given["model"]:
        from harness.cli.several import run_several  # A plain run needs no leaderboard.

        models = listed([given.pop("model")])
        return run_several(models, {**given, "command": command_line()}, dry_run=dry_run, as_json=as_json)
    request = RunRequest(**given, command=command_line())
    watch, report = make_watch(), None
    try:
        with guests(), Supervisor(watch, request.timeout, stuck=give_up):
            plan = make_plan(request, watch)
            if dry_run:
                shown = preview(plan)
            elif plan.request.gate is None:
                result = execute(plan, watch)
            else:
                gated = execute_gated(plan, watch)
                result, report = gated.result, gated.report
    finally:
        safe(watch).close()
    if dry_run:
        click.echo(shown, nl=False)
        return ExitCode.OK
    if plan.generator is not None:
        write_pictures(result.path)
    print_results(result.results, "json" if as_json else "table", folder_of(result.path), full=full)
    if as_json:
        click.echo(f"\nrun folder: {plain(result.path)}", err=True)
    say_problems(result)
    if report is not None:
        write_artifacts(report, {})
        print_report(report, err=as_json)
        return report.exit_code
    return exit_code_of(result)
