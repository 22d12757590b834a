"""`harness data people`: what single people said of a data set's pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from harness.datasets.ratings import FILE, read_ratings
from harness.errors import BadData, RequestError
from harness.escaping import plain
from harness.run.plan import find_one_data_set
from harness.run.watch import Watch
from harness.scoring.human import describe, opinion_rows
from harness.store.files import write_atomically


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
    folder = find_one_data_set(data, Watch())
    answers = {question: said for question, said in read_ratings(folder.home).items() if len(said)}
    if not answers:
        raise BadData(
            f"{data} has no ratings of single people.",
            f"They would stand in {folder.home / FILE}, with the columns id, rater, question and value.",
        )
    if out is not None and out.exists() and not replace:
        raise RequestError(f"{str(out)!r} exists already.", "Add --replace, or give another file.")
    described = {question: describe(said) for question, said in answers.items()}
    if out is not None:
        write_atomically(out, _table(opinion_rows(answers)))
    if as_json:
        click.echo(json.dumps({"data": folder.name, "questions": described}, indent=1))
        return 0
    for question, found in described.items():
        for line in _told(question, found):
            click.echo(plain(line))
    if out is not None:
        click.echo(f"each sample's figures: {out}")
    return 0


def _told(question: str, found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{question}: {found['answers']} answers by {found['raters']} raters on {found['samples']} samples"
    for reason, count in found["not_used"].items():
        yield f"  not used: {count}, since {reason}"
    if found.get("rejected"):
        yield f"  rejected by {found['screening']}: {', '.join(found['rejected'])}"
    if found.get("alpha") is not None:
        yield f"  Krippendorff's alpha ({found['alpha_level']}): {found['alpha']:.3f}"
    if found.get("icc_2k") and found["icc_2k"]["value"] is not None:
        icc = found["icc_2k"]
        yield f"  ICC(2,k): {_figure(icc)} ({icc['samples']} samples that all {icc['raters']} raters rated)"
    ceiling = found["ceiling"]
    if ceiling["value"] is not None:
        yield f"  what one person reaches, held against the others: {ceiling['metric']} {_figure(ceiling)}"


def _figure(found: Mapping[str, Any]) -> str:
    interval = "" if found["low"] is None else f" [{found['low']:.3f}, {found['high']:.3f}]"
    return f"{found['value']:.3f}{interval}"


def _table(rows: Mapping[str, Mapping[str, float]]) -> bytes:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    text = io.StringIO()
    table = csv.DictWriter(text, ["id", *columns], restval="", lineterminator="\n")
    table.writeheader()
    for sample, row in rows.items():
        table.writerow({"id": sample, **row})
    return text.getvalue().encode()
