"""`harness presets`: check presets against what is installed, without weights and without network."""

from __future__ import annotations

import json
from collections import Counter

import click

from harness.checking.presets import CheckedPreset, check_presets
from harness.cli.shared import listed
from harness.errors import ExitCode
from harness.escaping import plain

MARKS = {"held": "+", "failed": "x", "skipped": "-"}


@click.group("presets", no_args_is_help=True)
def command() -> None:
    """Check the short names of models against what is installed."""


@command.command("check")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON, and nothing else.")
def check_command(names: tuple[str, ...], as_json: bool) -> int:
    """Check every preset, or those NAMEd, without weights and without network.

    \b
      harness presets check
      harness presets check nano transformers:llava

    Its options, the form of its reference, whether the installed vLLM, transformers or diffusers knows its architecture,
    and, where the files are on this disk, whether the chat template has a place for a picture and the tokenizer has words
    for the options. Presets of other plugins are checked, too. Exit code 1: a check failed.
    """
    wanted, done = listed(names), []
    for one in check_presets(wanted):
        done.append(one)
        if not as_json:
            click.echo(plain(_line(one)))
    counts = Counter(one.state for one in done)
    if as_json:
        document = {state: counts[state] for state in MARKS} | {"presets": [one.document() for one in done]}
        click.echo(json.dumps(document, indent=1))
    else:
        told = ", ".join(f"{counts[state]} {state}" for state in MARKS)
        click.echo(f"{len(done)} presets: {told}")
    return ExitCode.REGRESSION if counts["failed"] else ExitCode.OK


def _line(one: CheckedPreset) -> str:
    """One line: what is wrong and how to fix it, or what was checked and what could not be."""
    head = f"{MARKS[one.state]} {one.name:<32} {one.kind:<10}"
    failed = [f"{check.name}: {check.problem} -> {check.fix}" for check in one.checks if check.problem]
    if failed:
        return f"{head} {' | '.join(failed)}"
    held = ", ".join(check.name for check in one.checks if check.state == "held")
    skipped: dict[str, list[str]] = {}
    for check in one.checks:
        if check.skipped:
            skipped.setdefault(check.skipped, []).append(check.name)
    left = "; ".join(f"{', '.join(what)} not checked: {why}" for why, what in skipped.items())
    return f"{head} {'; '.join(part for part in (held, left) if part)}"
