"""`harness plot`: figures of runs for papers."""

from __future__ import annotations

from pathlib import Path

import click

from harness.charts.theme import require_report
from harness.cli import completion
from harness.errors import BadOutput, ExitCode, RequestError
from harness.escaping import plain
from harness.scoring.run_record import RunRecord
from harness.store.files import new_output, write_atomically
from harness.store.find import find_run
from harness.store.runfolder import intact, read_run
from harness.store.scored import scored_results

KINDS = "ladder, confusion, intensity, groups, leaderboard or valence_gap"


@click.command("plot")
@click.argument("runs", nargs=-1, metavar="RUN...", shell_complete=completion.runs)
@click.option("--kind", required=True, metavar="K", help=f"{KINDS[0].upper()}{KINDS[1:]}.")
@click.option("--task", default="", metavar="T", help="Of this task alone.")
@click.option("--data", default="", metavar="D", help="On this data set, or these prompts, alone.")
@click.option(
    "--judge", default="", metavar="J", help="Generator runs: by this judge alone, or by the panel."
)
@click.option("--prompt-variant", default="", metavar="V", help="In this prompt variant alone.")
@click.option("--group", default="", metavar="COLUMN", help="Kind groups: the groups of this column alone.")
@click.option(
    "--width", default=160.0, show_default=True, metavar="MM", help="Millimetres; 80 is one of two columns."
)
@click.option(
    "--ppi", default=300.0, show_default=True, type=click.FloatRange(36, 1200), help="PNG: pixels per inch."
)
@click.option("--theme", default="light", show_default=True, type=click.Choice(["light", "dark"]))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="F",
    help="The figure: .svg, .pdf or .png.",
)
def command(
    runs: tuple[str, ...], kind: str, task: str, data: str, judge: str, prompt_variant: str, group: str,
    width: float, ppi: float, theme: str, out: Path,
) -> int:  # fmt: skip
    """Draw RUNs as a figure for a paper, with intervals and n. Text stays text in SVG and PDF.

    \b
      harness plot runs/llava --kind ladder --out ladder.pdf
      harness plot runs/sdxl --kind confusion --task t2i_emotion --judge fer --width 80 --out confusion.svg

    Confusion, intensity and groups show one entry of one run; the other kinds take several runs.
    Needs the extra report: pip install '.[report]' in a clone.
    """
    if not runs:
        raise RequestError(
            "A plot needs a run.", "For example: harness plot RUN --kind ladder --out ladder.svg"
        )
    require_report()
    # Imported late: these need the extra.
    from harness.charts.kinds import PlottedRun, Selection, chart_builder
    from harness.charts.render import check_output, render

    check_output(out, width)
    if not out.parent.is_dir():
        raise BadOutput(f"There is no folder {str(out.parent)!r}.", "Create it, or choose a different --out.")

    def plotted(path: Path) -> PlottedRun:
        with intact(path):
            record = RunRecord.parse(read_run(path))
            questions = {
                name: record.questions[spec.primary.asks or name] for name, spec in record.tasks.items()
            }
        ratings = frozenset(
            name for name, spec in questions.items() if spec.answer and spec.answer.kind == "rating"
        )
        try:
            results = scored_results(path)
        except FileNotFoundError as e:
            raise RequestError(
                f"The run {str(path)!r} has no results that can be read.", f"Score it: harness score {path}"
            ) from e
        return PlottedRun(path, results, ratings)

    chosen = Selection(task, data, judge, prompt_variant, group)
    build = chart_builder(kind, [plotted(find_run(run)) for run in runs], chosen)
    figure = render(
        build, out.suffix.lower(), width=width, ppi=ppi, theme="dark" if theme == "dark" else "light"
    )
    with new_output(out, "Choose a different --out."):
        write_atomically(out, figure)
    click.echo(f"{plain(out)}: {kind}, {width:g} mm wide, {len(figure) / 1e3:.1f} kB")
    return ExitCode.OK
