"""`harness merge`: put the shards of a run together."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import completion, options
from harness.cli.guests import guests
from harness.cli.shared import exit_code, folder_of, print_results
from harness.errors import ExitCode, RequestError
from harness.escaping import plain
from harness.scoring.merge import merge_runs
from harness.store.find import find_run


@click.command("merge")
@click.argument("runs", nargs=-1, metavar="RUN RUN...", shell_complete=completion.runs)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new run folder.")
@click.option("--full", is_flag=True, help="All details of the results below the first screen.")
@options.json_results
def command(runs: tuple[str, ...], out: Path, full: bool, as_json: bool) -> int:
    """Put the shards of a run (`harness run --shard I/N`) together, and score the whole.

    \b
      harness run --task comprehension --model llava --data mine --shard 1/2 --out part-1
      harness run --task comprehension --model llava --data mine --shard 2/2 --out part-2
      harness merge part-1 part-2 --out whole
    """
    if not runs:
        raise RequestError(
            "No run is named.", "Name the folders of the shards: harness merge RUN RUN... --out DIR"
        )
    with guests():
        merged = merge_runs([find_run(run) for run in runs], out)
    print_results(merged.results, "json" if as_json else "table", folder_of(out), full=full)
    if merged.missing:
        numbers = ", ".join(map(str, merged.missing[:20]))
        click.echo(
            f"shards are missing: {numbers}{' ...' if len(merged.missing) > 20 else ''}. "
            f"Merge them too, or ask the rest: harness run as before, without --shard and with --out {plain(out)}",
            err=True,
        )
        return ExitCode.FAILED
    return exit_code(merged.results)
