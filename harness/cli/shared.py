"""What several subcommands use: option parsing, output, progress."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.components.reporter import Reporter
from harness.errors import BadOption, RequestError, nearest
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
    terminal = sys.stdout.isatty()
    width = max(80, min(160, shutil.get_terminal_size((100, 24)).columns))
    click.echo(reporter.render(results, width=width, color=terminal), nl=False)


def find_run(reference: str) -> Path:
    """The run folder of a path, or of a name below `runs/`."""
    for path in (Path(reference), Path("runs") / reference):
        if (path / "run.json").is_file():
            return path
    if Path(reference).exists():
        raise RequestError(
            f"{reference!r} is not a run folder: it holds no run.json.", "See `harness list runs`."
        )
    known = sorted(p.parent.name for p in Path("runs").glob("*/run.json"))
    guess = nearest(reference, known)
    raise RequestError(
        f"There is no run {reference!r}.", f"Did you mean {guess!r}?" if guess else "See `harness list runs`."
    )
