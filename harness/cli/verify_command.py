"""`harness verify`: is a run folder whole?"""

from __future__ import annotations

import json

import click

from harness.cli import completion
from harness.errors import ExitCode
from harness.escaping import plain
from harness.store.find import find_run

SHOWN = 50


@click.command("verify")
@click.argument("run", shell_complete=completion.runs)
@click.option("--json", "as_json", is_flag=True, help="Print every finding as JSON.")
def command(run: str, as_json: bool) -> int:
    """Check that RUN is whole: every line, id and count, the images that it keeps, and its results.

    Results must equal what a fresh score gives; nothing is written. Exit code 2 if something is wrong, each in a line.
    """
    # Imported late: verifying scores, which needs numpy.
    from harness.scoring.verify import verify_run

    path = find_run(run)
    found = verify_run(path)
    counts = {
        "samples": found.samples,
        "replies": found.replies,
        "failures": found.failures,
        "images": found.pictures,
    }
    if as_json:
        findings = [{"file": f.file, "line": f.line, "what": f.what} for f in found.findings]
        click.echo(json.dumps({"schema": 1, "run": str(path), **counts, "findings": findings}, indent=1))
        return ExitCode.BAD_REQUEST if findings else ExitCode.OK
    for finding in found.findings[:SHOWN]:
        click.echo(plain(str(finding), 500))
    if len(found.findings) > SHOWN:
        click.echo(f"... and {len(found.findings) - SHOWN} more; --json lists them")
    held = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count or name != "images")
    what = f"{len(found.findings)} found wrong" if found.findings else "whole"
    click.echo(f"{plain(path)}: {held}: {what}")
    return ExitCode.BAD_REQUEST if found.findings else ExitCode.OK
