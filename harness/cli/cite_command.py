"""`harness cite`: what a paper says of a run, and its references."""

from __future__ import annotations

import json
import sys
import textwrap

import click

from harness.cli import completion
from harness.errors import ExitCode
from harness.escaping import printable_json
from harness.exporting.citation import Citation, cite
from harness.exporting.source import ExportSource
from harness.store.find import find_run

WIDTH = 88


@click.command("cite")
@click.argument("run", shell_complete=completion.runs)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "latex", "bibtex", "json"]),
    default="text",
    show_default=True,
    help="text and latex: paragraphs on methods and results; bibtex: the references.",
)
def command(run: str, form: str) -> int:
    """Print what a paper says of RUN: methods, results, and BibTeX of the references that it uses.

    Figures are those of results.json. Assumed settings are named as such.
    """
    found = cite(ExportSource.of(find_run(run)))
    if form == "json":
        click.echo(printable_json(json.dumps(found.document(), indent=1, ensure_ascii=False)))
    elif form == "bibtex":
        click.echo(found.bibtex(), nl=False)
    elif form == "latex":
        click.echo("\n\n".join(found.latex()))
    else:
        _print_text(found)
    return ExitCode.OK


def _print_text(found: Citation) -> None:
    """Paragraphs are one line each where they go into a file, and folded on a terminal."""
    for paragraph in found.text():
        click.echo(_folded(paragraph) + "\n")
    click.echo("References")
    for reference in found.references:
        click.echo(_folded(reference.text(), "  "))


def _folded(text: str, indent: str = "") -> str:
    if not sys.stdout.isatty():
        return text
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
