"""`harness leaderboard`: the models of many runs in one table."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.shared import listed
from harness.cli.streams import columns, show, takes_color
from harness.errors import BadOutput, ExitCode, RequestError
from harness.escaping import plain
from harness.ranking.leaderboard import leaderboard
from harness.reporters.leaderboard import FORMS, render_leaderboard
from harness.store.files import new_output, write_atomically
from harness.store.outputs import refuse_file_of_a_run, refuse_other_format

HTML = "html"
SUFFIXES = {
    ".md": "markdown",
    ".csv": "csv",
    ".tex": "latex",
    ".json": "json",
    ".html": HTML,
    ".htm": HTML,
    ".txt": "table",
}


@click.command("leaderboard")
@click.argument("folders", nargs=-1, metavar="FOLDER...")
@click.option("--task", "tasks", multiple=True, metavar="T[,T]", help="These tasks alone; repeatable.")
@click.option(
    "--data", "data", multiple=True, metavar="D[,D]", help="These data sets, or sets of prompts, alone."
)
@click.option("--data-digest", "digests", multiple=True, metavar="HEX", help="Data whose digest begins so.")
@click.option(
    "--format", "form", type=click.Choice((*FORMS, HTML)), help="html is the page of `harness report`. [default: from --out, else table]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--out", type=click.Path(path_type=Path), metavar="F", help="Write it to this file.")
def command(
    folders: tuple[str, ...], tasks: tuple[str, ...], data: tuple[str, ...], digests: tuple[str, ...], form: str | None,
    as_json: bool, out: Path | None,
) -> int:  # fmt: skip
    """Rank the models of runs: FOLDERs are run folders, baselines, or folders that contain some.

    \b
      harness leaderboard runs
      harness leaderboard runs --task coarse_emotion,fine_intensity --format latex --out table.tex

    A rank is what paired tests on shared samples leave open, Holm-corrected over all pairs of models. Models are ranked
    together where task, version, prompt, answer mode and data are the same; oracles, models that were trained on such
    pictures, incomplete runs and mixtures of releases are listed and not ranked.
    """
    if not folders:
        raise RequestError("A leaderboard needs a folder.", "For example: harness leaderboard runs")
    form = "json" if as_json else form or (SUFFIXES.get(out.suffix.lower(), "table") if out else "table")
    if form == HTML and out is None:
        raise RequestError("A page is written to a file.", "Name it: --out leaderboard.html")
    if out is not None:
        _check_target(out, form)
    board = leaderboard(folders, tasks=listed(tasks), data=listed(data), digests=listed(digests))
    if form == HTML and out is not None:
        return _page(
            sorted({value.path for t in board.tables for row in t.rows for value in row.values if value}), out
        )
    if out is None:
        show(render_leaderboard(board, form, width=columns(), color=takes_color(sys.stdout)))
        return ExitCode.OK
    text = render_leaderboard(board, form, width=100)
    with new_output(out, "Choose a different --out."):
        write_atomically(out, text.encode("utf-8", "backslashreplace"))
    models = {row.label for table in board.tables for row in table.rows}
    tables = len(board.tables)
    click.echo(
        f"{plain(out)}: {len(models)} model{'s' * (len(models) != 1)} in {tables} table{'s' * (tables != 1)}"
    )
    return ExitCode.OK


def _check_target(out: Path, form: str) -> None:
    """Refuse a folder, a file of a run, and a name that says another format, before anything is read."""
    ending = next(suffix for suffix, name in SUFFIXES.items() if name == form)
    if out.is_dir():
        raise BadOutput(f"{str(out)!r} is a folder.", f"Name a file, such as {out / f'leaderboard{ending}'}.")
    refuse_file_of_a_run(out, f"leaderboard{ending}")
    refuse_other_format(out, form, [suffix for suffix, name in SUFFIXES.items() if name == form])


def _page(paths: list[str], out: Path) -> int:
    # Imported late: the page needs the extra.
    from harness.report.page import write_report

    written = write_report([Path(path) for path in paths], out)
    for note in written.notes:
        click.echo(f"note: {plain(note)}", err=True)
    click.echo(f"{plain(out)}: the page of {len(paths)} runs, {written.size / 1e6:.1f} MB")
    return ExitCode.OK
