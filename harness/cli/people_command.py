"""`harness data people`: what individual people said of a data set's portraits."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from harness.datasets.ratings import FILE
from harness.errors import BadData, ExitCode, RequestError
from harness.escaping import plain
from harness.records import Interval
from harness.reporters.formatting import interval, number
from harness.results import HumanAgreement
from harness.run.data_sets import find_data_set
from harness.run.watch import Watch
from harness.scoring.human import compared_samples, describe, notes, rating_columns
from harness.store.files import new_output, write_atomically


@click.command("people")
@click.argument("data")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write MOS, means and shares of votes of each sample as CSV.",
)
@click.option("--replace", is_flag=True, help="Replace the file of --out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(data: str, out: Path | None, replace: bool, as_json: bool) -> int:
    """How far people agree on DATA, a name or folder with a ratings.csv, and the ceiling that one person reaches.

    ratings.csv has the columns id (of the sample), rater, question (emotion, intensity or quality) and value.
    """
    folder = find_data_set(data, Watch())
    answers = {question: given for question, given in folder.ratings.items() if len(given)}
    notes = folder.ratings.remarks()
    if not answers:
        raise BadData(
            f"{data} has no ratings by individual people." + "".join(f" {note}" for note in notes),
            f"Put them in {folder.home / FILE}, with the columns id, rater, question and value.",
        )
    if out is not None and os.path.lexists(out) and not replace:
        raise RequestError(f"{str(out)!r} already exists.", "Add --replace, or choose a different --out.")
    described = {
        question: describe(given, compared_samples(given, folder.samples))
        for question, given in answers.items()
    }
    if out is not None:
        with new_output(out, "Choose a different --out."):
            write_atomically(out, _table(rating_columns(answers)))
    if as_json:
        click.echo(
            json.dumps(
                {
                    "data": folder.name,
                    "questions": {q: found.model_dump(mode="json") for q, found in described.items()},
                    "notes": notes,
                },
                indent=1,
            )
        )
        return ExitCode.OK
    for question, found in described.items():
        for line in _lines(question, found):
            click.echo(plain(line))
    for note in notes:
        click.echo(plain(f"note: {note}"))
    if out is not None:
        click.echo(f"each sample's values: {plain(out)}")
    return ExitCode.OK


def _lines(question: str, found: HumanAgreement) -> Iterator[str]:
    yield f"{question}: {found.answers} answers by {found.raters} raters on {found.samples} samples"
    for reason, count in found.not_used.items():
        yield f"  not used: {count}, since {reason}"
    if found.rejected:
        yield f"  rejected by {found.screening}: {', '.join(found.rejected)}"
    if found.alpha is not None:
        yield f"  Krippendorff's alpha ({found.alpha_level}): {found.alpha:.3f}"
    icc = found.icc_2k
    if icc and icc.value is not None:
        yield f"  ICC(2,k): {_value(icc)} ({icc.samples} samples that all {icc.raters} raters rated)"
    if found.ceiling.value is not None:
        yield (
            f"  what one person reaches, compared with the others: {found.ceiling.metric} {_value(found.ceiling)} "
            f"({found.ceiling.method})"
        )
    yield from (f"  {note.removeprefix('people: ')}" for note in notes(found))


def _value(found: Interval) -> str:
    return f"{number(found.value)} {interval(found)}".strip()


def _table(rows: Mapping[str, Mapping[str, float]]) -> bytes:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    text = io.StringIO()
    table = csv.DictWriter(text, ["id", *columns], restval="", lineterminator="\n")
    table.writeheader()
    for sample, row in rows.items():
        table.writerow({"id": sample, **row})
    return text.getvalue().encode()
