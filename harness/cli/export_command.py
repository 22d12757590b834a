"""`harness export`: the questions of a run as one file, or the run in the format of another tool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli import completion
from harness.cli.guests import guests
from harness.cli.shared import pairs
from harness.components.failures import is_interrupt, message_of
from harness.errors import ExitCode, HarnessError, PluginError, RequestError, unknown
from harness.escaping import plain
from harness.exporting.exporter import Exporter
from harness.exporting.samples_file import DEFAULT_NAMES, STANDARD_OUTPUT, export_samples
from harness.exporting.source import ExportSource
from harness.registry.factory import make
from harness.registry.plugin import RegisteredComponent
from harness.registry.registry import registry
from harness.store.files import cannot_write
from harness.store.find import find_run
from harness.store.outputs import refuse_file_of_a_run, refuse_other_format

SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl"}
BY_PLUGINS = ("inspect",)
"""Formats of this project's plugins, which may not be installed."""


@click.command("export")
@click.argument("run", metavar="RUN", shell_complete=completion.runs)
@click.option(
    "--format",
    "form",
    help="parquet, csv, jsonl, or a format of another tool, such as every-eval-ever. [default: from --out, else csv]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="F",
    help="The file, or - for standard output. [default: samples.* in the run folder]",
)
@click.option("--force", is_flag=True, help="Replace a file that is not an earlier export.")
@click.option("--strict", is_flag=True, help="Count answers that are understood from a sentence as unparsed.")
@click.option(
    "-o", "options", multiple=True, metavar="NAME=VALUE", help="Options of the format of another tool."
)
def command(
    run: str, form: str | None, out: Path | None, force: bool, strict: bool, options: Sequence[str]
) -> int:
    """Write a run's questions to a file: one row each with truth, answer, how it was read, reply and labels.

    Formats of other tools, such as every-eval-ever, hold the whole run: `harness list plugins` names them.
    Parquet needs the package pyarrow. CSV opens anywhere: replies are on one line, and no cell is a formula.
    JSON Lines nests what are columns GROUP.NAME in the others.
    """
    path = find_run(run)
    form = form or (SUFFIXES.get(out.suffix.lower(), "csv") if out else "csv")
    if form not in DEFAULT_NAMES:
        return _export_for_tool(path, form, out, options, strict=strict)
    if options:
        raise RequestError(f"The format {form} has no options.", "Omit -o.")
    meant = SUFFIXES.get(out.suffix.lower()) if out else None
    if out is not None and meant is None:
        refuse_other_format(out, form, [suffix for suffix, name in SUFFIXES.items() if name == form])
    if meant not in (None, form):
        raise RequestError(f"{str(out)!r} is not named as {form}.", f"Use --format {meant}, or rename it.")
    done = export_samples(path, form, out, force=force, strict=strict)
    if done.path != STANDARD_OUTPUT:
        size = f"{done.size / 1e6:.1f} MB" if done.size >= 1e6 else f"{done.size / 1e3:.1f} kB"
        click.echo(f"{plain(done.path)}: {done.rows:,} rows, {done.columns} columns, {size}")
    return ExitCode.OK


def _export_for_tool(
    path: Path, form: str, out: Path | None, options: Sequence[str], *, strict: bool
) -> ExitCode:
    """Write a run with a registered exporter."""
    exporters = registry().components("exporter")
    known = {name for found in exporters for name in (found.component.name, *found.component.aliases)}
    name = form.partition(":")[0].rpartition("/")[2]
    if name not in known and name not in BY_PLUGINS:
        raise unknown("format", form, {*DEFAULT_NAMES, *known})
    found = registry().find("exporter", form)  # Names a plugin of this project that is not installed.
    if strict:
        raise RequestError(
            "--strict is for parquet, csv and jsonl.", "Omit it, or run with --strict: such a run is strict."
        )
    exporter, source = make(found, pairs(options, "-o")), ExportSource.of(path)
    if out is None and source.document.get("baseline") is True:
        raise RequestError(
            f"{str(path)!r} is a baseline of the gate, which stays as it is.", "Name a place with --out."
        )
    target = out or _own_place(found, exporter, path)
    if str(target) == "-":
        raise RequestError(f"The format {name} is not written to standard output.", "Give --out a path.")
    for file in _written(found, exporter, source, target):
        click.echo(plain(file))
    return ExitCode.OK


def _own_place(found: RegisteredComponent, exporter: Exporter, path: Path) -> Path:
    """Where an exporter writes by itself: a place of its own in the run folder."""
    own = exporter.output
    if not isinstance(own, str) or not own or Path(own).is_absolute() or ".." in Path(own).parts:
        raise PluginError(
            f"The exporter {found.component.name!r} of {found.dist} writes to no place in the run folder.",
            "Name a place with --out.",
        )
    refuse_file_of_a_run(path / own, f"{found.component.name}.export")
    return path / own


def _written(
    found: RegisteredComponent, exporter: Exporter, source: ExportSource, target: Path
) -> Sequence[Path]:
    try:
        with guests():
            return [Path(file) for file in exporter.write(source, target)]
    except HarnessError:
        raise
    except OSError as e:
        raise cannot_write(target, e, "Choose another place with --out.") from e
    except BaseException as e:  # may be a plugin's code
        if is_interrupt(e):
            raise
        raise PluginError(
            f"The exporter {found.component.name!r} of {found.dist} failed: {type(e).__name__}: {message_of(e)}.",
            f"Update {found.dist}, or use another format.",
        ) from e
