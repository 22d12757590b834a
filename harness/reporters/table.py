"""Results for a terminal: the verdict and the ladder on one screen, and the details of every task on request."""

from __future__ import annotations

import io

from rich.console import Console

from harness.components.options import HarnessOptions, option
from harness.components.reporter import Reporter
from harness.escaping import uncontrolled
from harness.reporters.details import details
from harness.reporters.footer import Folder
from harness.reporters.screen import first_screen
from harness.results import Results


class TableReporter(Reporter):
    """Every text is shown literally, markup and control codes included."""

    class Options(HarnessOptions):
        """How much is shown."""

        full: bool = option(False, "Add the details of every task.")

    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        return render_table(results, width=width, color=color, full=self.options.full)


def render_table(
    results: Results,
    *,
    width: int = 100,
    color: bool = False,
    full: bool = False,
    folder: Folder | None = None,
) -> str:
    """The first screen, with `full` the details below it, ending in a newline.

    `folder` is what the run folder adds: where everything lies, and how fast it was. Lines are at most `width` characters
    long, except for the path of the folder, which is not broken, since it is copied.
    """
    lines = [*first_screen(results, width, folder, full=full), *(details(results, width) if full else [])]
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
        markup=False,
        no_color=not color,
    )
    for line in lines:
        line.plain = uncontrolled(line.plain)
        console.print(line, soft_wrap=True)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
