"""`harness generate`: generate images for a prompt set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import completion, options
from harness.cli.arguments import RecordedCommand, command_line
from harness.cli.guests import give_up, guests
from harness.cli.progress import make_watch
from harness.cli.shared import pairs
from harness.errors import ExitCode
from harness.escaping import plain
from harness.reporters.sheet import write_sheet, write_thumbnails
from harness.run.generate import generate
from harness.run.request import GenerateRequest
from harness.run.supervisor import Supervisor
from harness.run.watch import safe


@click.command("generate", cls=RecordedCommand)
@click.option(
    "--model",
    required=True,
    metavar="G",
    shell_complete=completion.generators,
    help="The generator: NAME or NAME:REF.",
)
@click.option(
    "--prompts",
    required=True,
    metavar="SET|FILE",
    shell_complete=completion.prompts,
    help="A prompt set's name, or a .csv file.",
)
@click.option("--per-prompt", type=int, default=1, show_default=True, help="Portraits for each prompt.")
@click.option("--limit", type=int, metavar="N", help="A seeded, stratified subset of N portraits.")
@click.option("--seed", type=int, default=0, show_default=True, help="Determines the portraits.")
@click.option("--out", type=click.Path(path_type=Path), help="The folder. [default: runs/NAME]")
@options.component_options("-o", "the generator", "options")
@options.detector_options
@options.executor
@options.executor_options
@options.max_failures
@options.timeout
def command(**given: Any) -> int:
    """Generate images for a prompt set; the folder is a data set that `harness run --data` accepts.

    \b
      harness generate --model portraits --prompts emotion_600 --out mine
      harness run --task coarse_emotion --model fer --data mine
    """
    given["options"] = pairs(given["options"], "-o")
    for name in ("detector", "executor"):
        given[f"{name}_options"] = pairs(given[f"{name}_options"], f"--{name}-option")
    request = GenerateRequest(**given, command=command_line())
    watch = make_watch()
    try:
        with guests(), Supervisor(watch, request.timeout, stuck=give_up):
            result = generate(request, watch)
    finally:
        safe(watch).close()
    sheet = write_sheet(result.path)
    write_thumbnails(result.path)
    outcomes = ", ".join(f"{plain(k)} {v}" for k, v in result.outcomes.items()) or "none"
    click.echo(
        f"{plain(result.path)}: {result.requested} portraits requested, {outcomes}, {result.failed} failed"
    )
    if sheet is not None:
        click.echo(f"contact sheet: {plain(sheet)}")
    for fault in result.faults[:5]:
        click.echo(f"fault: {plain(fault, 500)}", err=True)
    return ExitCode.FAILED if result.failed or result.faults else ExitCode.OK
