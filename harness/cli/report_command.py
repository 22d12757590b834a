"""`harness report`: one HTML file of a run, or of several side by side."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import completion
from harness.errors import BadOption, ExitCode, RequestError
from harness.escaping import plain
from harness.store.find import find_run


@click.command("report")
@click.argument("runs", nargs=-1, metavar="RUN...", shell_complete=completion.runs)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True, metavar="F", help="The file to write."
)  # fmt: skip
@click.option(
    "--embed",
    default="600",
    show_default=True,
    metavar="all|none|N",
    help="How many thumbnails the file holds; other pictures are linked.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0.1),
    default=3.0,
    show_default=True,
    help="Size of the file without thumbnails; long replies are shortened to fit.",
)
def command(runs: tuple[str, ...], out: Path, embed: str, max_mb: float) -> int:
    """Write RUNs to one HTML file that needs nothing else: figures, charts, and every answer with its picture.

    \b
      harness report runs/llava-1.5 --out llava.html
      harness report runs/llava-1.5 runs/llava-1.6 --out side-by-side.html   paired differences, pictures won and lost
      harness report RUN --embed all                                         every picture in the file

    It is made from stored results and asks no model. Pictures that are not in the file are linked relative to it.
    """
    if not runs:
        raise RequestError("A report needs a run.", "For example: harness report RUN --out report.html")
    limit = embedded(embed)

    from harness.report.page import write_report

    found = write_report([find_run(run) for run in runs], out, embed=limit, max_mb=max_mb)
    click.echo(
        f"{plain(found.path)}: {found.size / 1e6:.2f} MB, {found.answers:,} answers, "
        f"{found.embedded:,} of {found.pictures:,} pictures in it"
    )
    for note in found.notes:
        click.echo(f"note: {plain(note, 500)}")
    return ExitCode.OK


def embedded(text: str) -> int | None:
    """How many thumbnails `all`, `none` or a number stands for; None for all."""
    if text in ("all", "none"):
        return None if text == "all" else 0
    if text.isascii() and text.isdigit():
        return int(text)
    raise BadOption(f"--embed {text!r} is not a number.", "Give all, none, or how many: --embed 600")
