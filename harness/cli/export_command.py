"""`harness export`: the questions of a run as one file, or the run in the format of another tool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli.shared import pairs
from harness.errors import ExitCode, RequestError, unknown
from harness.escaping import plain
from harness.exporting.samples_file import DEFAULT_NAMES, STANDARD_OUTPUT, export_samples
from harness.store.find import find_run

SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl"}


@click.command("export")
@click.argument("run", metavar="RUN")
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
    from harness.exporting.source import ExportSource
    from harness.registry.factory import make
    from harness.registry.registry import registry

    known = {found.component.name for found in registry().components("exporter")}
    if not any(form.partition(":")[0] in (name, name.rpartition("/")[2]) for name in known):
        raise unknown("format", form, {*DEFAULT_NAMES, *known})
    if strict:
        raise RequestError(
            "--strict is for parquet, csv and jsonl.", "Omit it, or run with --strict: such a run is strict."
        )
    exporter = make(registry().find("exporter", form), pairs(options, "-o"))
    for file in exporter.write(ExportSource.of(path), out or path / exporter.output):
        click.echo(plain(file))
    return ExitCode.OK
