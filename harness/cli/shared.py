"""What several subcommands use: option parsing, output, progress."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli.streams import takes_escapes
from harness.components.reporter import Reporter
from harness.errors import BadOption, ExitCode, RequestError, nearest
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


def run_path(reference: str) -> Path | None:
    """The run folder of a path, or of a name below `runs/`; None if there is none."""
    paths = (Path(reference), Path("runs") / reference)
    # Unlike Path.is_file, this takes names that are too long for a file.
    return next((path for path in paths if os.path.isfile(path / "run.json")), None)


def exit_code(results: Results) -> ExitCode:
    """The exit code of a run with these results: FAILED if samples failed or it is incomplete."""
    return ExitCode.OK if results.run.complete else ExitCode.FAILED


def find_run(reference: str) -> Path:
    """The same as `run_path`. Raises RequestError if there is none."""
    path = run_path(reference)
    if path is not None:
        return path
    if os.path.exists(reference):
        raise RequestError(
            f"{reference!r} is not a run folder: it holds no run.json.", "See `harness list runs`."
        )
    known = sorted(p.parent.name for p in Path("runs").glob("*/run.json"))
    guess = nearest(reference, known)
    raise RequestError(
        f"There is no run {reference!r}.", f"Did you mean {guess!r}?" if guess else "See `harness list runs`."
    )
