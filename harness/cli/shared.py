"""What several subcommands use: option parsing, output, progress."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click

from harness.cli.streams import takes_escapes
from harness.components.reporter import Reporter
from harness.errors import BadOption, ExitCode
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.results import Results


def pairs(values: Sequence[str], flag: str) -> dict[str, str]:
    """`KEY=VALUE` texts as a dict; a later one wins."""
    found = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise BadOption(f"{flag} {text!r} is not KEY=VALUE.", f"For example: {flag} seed=1")
        found[key.strip()] = value
    return found


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """Comma-separated names, given once or several times."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def print_results(results: Results, form: str) -> None:
    """Print results in a registered format."""
    reporter: Reporter = make(registry().find("reporter", form))
    width = max(80, min(160, shutil.get_terminal_size((100, 24)).columns))
    click.echo(reporter.render(results, width=width, color=takes_escapes(sys.stdout)), nl=False)


def exit_code(results: Results) -> ExitCode:
    """The exit code of a run with these results: FAILED if samples failed or it is incomplete."""
    return ExitCode.OK if results.run.complete else ExitCode.FAILED
