"""`harness data`: import, verify and export data sets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli.people_command import command as people_command
from harness.cli.shared import pairs
from harness.datasets.export import Exported, export_data
from harness.datasets.home import UNUSED, data_home, imported
from harness.datasets.imports import DOMAINS, LABELS, Importer, ImportOptions, folded, import_data
from harness.datasets.imports import verify as verify_data
from harness.datasets.table import number
from harness.errors import BadOption, ExitCode, RequestError
from harness.escaping import plain
from harness.registry.factory import load_class
from harness.registry.registry import registry

SHOWN = 20


@click.group("data", no_args_is_help=True)
def command() -> None:
    """Import, check and export data sets."""


command.add_command(people_command)


class _ImportCommand(click.Command):
    """Lists the kinds of release below its options, also those of plugins."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Kinds"):
            formatter.write_dl(
                [
                    (plain(registry().name_of(f)), plain(f.component.summary))
                    for f in registry().components("importer")
                ]
            )


def _importer(name: str) -> Importer:
    """The importer of a kind of release, ignoring case and punctuation. Raises `UnknownName` with the nearest."""
    known = {folded(f.component.name): f.component.name for f in registry().components("importer")}
    dist, slash, kind = name.rpartition("/")
    found = registry().find("importer", dist + slash + known.get(folded(kind), kind))
    importer: Importer = load_class(found)()
    return importer


@command.command("import", cls=_ImportCommand)
@click.argument("kind", metavar="KIND")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="The data set's name. [default: KIND]")
@click.option(
    "--label", type=click.Choice(LABELS), help="What the emotion labels are, if the release does not say."
)
@click.option(
    "--domain",
    type=click.Choice(DOMAINS),
    help="Whose emotion it is, if the release does not say: shown by a face, or evoked in who looks at the picture.",
)
@click.option(
    "--name-pattern",
    metavar="P",
    help="What file names contain, such as '{generator}_{emotion}_{prompt_id}'.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="LABEL=EMOTION",
    help="What a label of the release means here, such as fear=worry; repeatable; LABEL= omits it.",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="COLUMN=LOW,HIGH",
    help="Ends of the scale of intensity or quality; inferred if omitted.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=COLUMN",
    help="Which column of the release is the image, emotion, intensity, quality, id, rater or question, where that is not clear; repeatable.",
)
@click.option("--copy", is_flag=True, help="Copy the pictures instead of referring to them.")
@click.option("--replace", is_flag=True, help="Replace a data set of the same name.")
@click.option("--dry-run", is_flag=True, help="Report what would be imported, and keep nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else, on standard output."
)
def import_command(
    kind: str,
    path: Path,
    name: str | None,
    label: str | None,
    domain: str | None,
    name_pattern: str | None,
    mapping: tuple[str, ...],
    scales: tuple[str, ...],
    columns: tuple[str, ...],
    copy: bool,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import the release of KIND at PATH as a data set: a folder, a zip, or a .parquet or .csv that holds the pictures.

    \b
      harness data import memo-bench MEMO-Bench.zip --label intended --name-pattern '{generator}_{emotion}_{prompt_id}'
      harness run --task memo-bench --model llava --data memo-bench

    Rows and pictures that are not used are listed with the reason in the data set's unused.csv.
    """
    found = _importer(kind)
    name = name or found.default_name or found.name
    owners = [
        f.dist
        for f in registry().components("data set")
        if f.component.name == name and f.dist != "memobench"
    ]
    if owners:
        raise RequestError(f"{name!r} is the name of a data set of {owners[0]}.", "Give another --name.")
    options = ImportOptions(
        label, name_pattern, pairs(mapping, "--map"), _ends(scales), pairs(columns, "--column"), domain
    )
    summary = import_data(
        found,
        path,
        options,
        name=name,
        copy=copy,
        replace=replace,
        dry_run=dry_run,
        progress=_Counter(f"importing {kind}"),
    )
    registry.cache_clear()
    if as_json:
        click.echo(json.dumps(summary, indent=1))
        return ExitCode.OK
    for line in _report_lines(summary, dry_run):
        click.echo(plain(line))
    return ExitCode.OK


@command.command("verify")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_command(name: str, as_json: bool) -> int:
    """Check that every picture of an imported data set is unchanged."""
    total, differences = verify_data(name, _Counter(f"checking {name}"))
    differing = list(differences)
    if as_json:
        click.echo(
            json.dumps({"name": name, "pictures": total, "differing": [vars(d) for d in differing]}, indent=1)
        )
        return ExitCode.FAILED if differing else ExitCode.OK
    for difference in differing[:SHOWN]:
        click.echo(plain(f"{difference.what}: {difference.image}"))
    if len(differing) > SHOWN:
        click.echo(f"and {len(differing) - SHOWN} more")
    click.echo(f"{plain(name)}: {total} pictures, {len(differing)} differ from what was imported")
    return ExitCode.FAILED if differing else ExitCode.OK


@command.command("export")
@click.argument("data", metavar="NAME|FOLDER")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A file that ends in .parquet, or a folder for several.",
)
@click.option("--split-size", metavar="SIZE", help="About how large each file of a folder is, such as 500MB.")
@click.option("--replace", is_flag=True, help="Replace what is there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export_command(data: str, out: Path, split_size: str | None, replace: bool, as_json: bool) -> int:
    """Write a data set as Parquet with its pictures, for Hugging Face `datasets` and for `harness data import hf`.

    \b
      harness data export memo-bench --out memo-bench.parquet
      harness data export MY_FOLDER --out my-set --split-size 500MB

    Labels, all columns and ratings.csv are kept. What cannot be exported is counted, and the exit code is then 3.
    """
    from harness.run.data_sets import find_data_set
    from harness.run.watch import Watch

    found = find_data_set(data, Watch())
    home = Path(data) if Path(data).is_dir() else imported().get(found.name, found.root)
    done = export_data(
        found,
        out,
        home=home,
        split_size=_bytes(split_size) if split_size else None,
        replace=replace,
        progress=_Counter(f"exporting {found.name}"),
    )
    if as_json:
        click.echo(json.dumps({**vars(done), "path": str(done.path)}, indent=1))
    else:
        for line in _written(done):
            click.echo(plain(line))
    return ExitCode.FAILED if done.left_out else ExitCode.OK


def _written(done: Exported) -> Iterator[str]:
    ratings = f" and {done.ratings} ratings" if done.ratings else ""
    files = "" if len(done.files) == 1 else f" in {len(done.files)} files"
    yield f"{done.path}: {done.samples} samples{ratings}{files}"
    if done.left_out:
        yield f"not exported: {sum(done.left_out.values())} ({', '.join(f'{k} {v}' for k, v in done.left_out.items())})"
        yield f"such as {done.examples[0]}"
    yield from done.notes


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?)(i?)b?", text.strip().casefold())
    size = float(match[1]) * (1024 if match[3] else 1000) ** (" kmgt".index(match[2] or " ")) if match else 0
    if size < 1:
        raise BadOption(f"--split-size {text!r} is not a size.", "For example: --split-size 500MB")
    return int(size)


class _Counter:
    """Reports progress on standard error now and then; the total is unknown before tables are read."""

    every = 5.0

    def __init__(self, title: str) -> None:
        self._title, self._last = title, time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last >= self.every:
            self._last = now
            click.echo(f"{self._title}: {done} pictures", err=True)


def _ends(scales: Sequence[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for column, text in pairs(scales, "--scale").items():
        if column not in ("intensity", "quality"):
            raise BadOption(
                f"--scale {column}={text}: {column!r} has no scale.", "intensity and quality have one."
            )
        ends = [number(part.strip()) for part in text.split(",")]
        if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] >= ends[1]:
            raise BadOption(
                f"--scale {column}={text} is not LOW,HIGH.", f"For example: --scale {column}=0,100"
            )
        found[column] = (ends[0], ends[1])
    return found


def _report_lines(summary: Mapping[str, Any], dry_run: bool) -> Iterator[str]:
    name = summary["name"]
    emotions = ", ".join(f"{k} {v}" for k, v in summary["emotions"].items())
    domain = f"; emotions are {summary['domain']}" if summary["domain"] else ""
    yield f"{name}: {summary['samples']} samples ({emotions}); labels are {summary['label']}{domain}"
    for group, counts in summary["groups"].items():
        yield f"by {group}: " + ", ".join(f"{k} {v}" for k, v in counts.items())
    for column, scale in summary["scales"].items():
        yield (
            f"{column}: {summary['with'].get(column, 0)} values from {scale['least']:g} to {scale['greatest']:g}; "
            f"scale {scale['low']:g} to {scale['high']:g} ({scale['source']})"
        )
    for table, counts in summary["tables"].items():
        rows = f"{counts['rows']} rows, " if counts["rows"] else ""
        yield f"{table}: {rows}{_reasons('not used', counts['not_used'])}" + _reasons(
            "; partly used", counts["partly_used"], ""
        )
    for text in summary["lossy"]:
        yield f"lossy mapping: {text}"
    for row in summary["preview"]:
        yield f"file name {row['file']}: " + ", ".join(f"{k}={v}" for k, v in row.items() if k != "file")
    for note in summary["notes"]:
        yield f"note: {note}"
    if dry_run:
        yield "Nothing was kept (--dry-run)."
        return
    folder = data_home() / name
    yield f"data set: {folder}"
    yield f"what was not used, row by row: {folder / UNUSED}"
    if summary["domain"] != "evoked":
        yield f"next: harness run --task comprehension --model fer --data {name}"


def _reasons(what: str, counts: Mapping[str, int], nothing: str = "all used") -> str:
    if not counts:
        return nothing
    return f"{what}: {sum(counts.values())} ({', '.join(f'{k} {v}' for k, v in counts.items())})"
