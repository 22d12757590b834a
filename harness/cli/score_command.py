"""`harness score`: parse and score a run again."""

from __future__ import annotations

import shlex

import click

from harness.cli import completion, options
from harness.cli.guests import guests
from harness.cli.shared import exit_code, folder_of, listed, print_results
from harness.errors import RequestError
from harness.escaping import plain
from harness.scoring.score_run import results_file, score_folder
from harness.store.files import new_output
from harness.store.find import find_run
from harness.store.locks import Lock
from harness.store.runfolder import GENERATE_ONLY, intact, read_run


@click.command("score")
@click.argument("run", shell_complete=completion.runs)
@options.json_results
@click.option(
    "--group-by",
    "columns",
    multiple=True,
    metavar="COLUMN[*COLUMN]",
    help="More columns to report values by, such as generator or gender*skin_tone; repeatable.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Count answers that are understood from a sentence as unparsed; results.json stays as it is.",
)
@click.option(
    "--full", is_flag=True, help="All details below the first screen; with --group-by they are there."
)
def command(run: str, as_json: bool, columns: tuple[str, ...], strict: bool, full: bool) -> int:
    """Parse and score RUN again from its folder alone: no model, no pictures."""
    path = find_run(run)
    if read_run(path)["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{run!r} holds portraits but no answers: there is nothing to score.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
        )
    with new_output(path, "Make the folder writable, or score a copy of it."):
        lock = Lock(path)
    try:
        with intact(path), guests():
            results = score_folder(path, group_by=listed(columns), strict=strict)
    finally:
        lock.release()
    stored = results_file(path, listed(columns), strict=strict)
    options = [*(["--group-by", ",".join(columns)] if columns else []), *(["--strict"] if strict else [])]
    again = shlex.join(["score", str(path), *options])
    folder = folder_of(path, stored, again if options else "")
    print_results(results, "json" if as_json else "table", folder, full=full or bool(columns))
    if as_json and options:
        what = "results by these columns" if columns else "strict results"
        click.echo(f"\n{what}: {plain(stored)}", err=True)
    return exit_code(results)
