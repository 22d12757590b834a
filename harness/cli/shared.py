"""What several subcommands use: option parsing, output, progress."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cli.guests import guests
from harness.cli.streams import columns, show, takes_color
from harness.components.failures import is_interrupt, message_of
from harness.components.reporter import Reporter
from harness.errors import BadOption, ExitCode, HarnessError, PluginError
from harness.exporting.source import ExportSource
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.reporters.footer import Folder, Phase
from harness.reporters.table import render_table
from harness.results import Results
from harness.secrets import shown
from harness.store.runfolder import PACE, RESULTS, read_run

SHEET = "sheet.png"


def pairs(values: Sequence[str], flag: str) -> dict[str, str]:
    """`KEY=VALUE` texts as a dict; a later one wins."""
    found = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise BadOption(f"{flag} {shown(text)} is not KEY=VALUE.", f"For example: {flag} seed=1")
        found[key.strip()] = value
    return found


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """Comma-separated names, given once or several times."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def print_results(
    results: Results,
    form: str,
    folder: Folder | None = None,
    *,
    full: bool = False,
    options: Mapping[str, str] = {},
) -> None:
    """Print results in a registered format, with its `options`; as a table, with what the run folder adds, and with `full`
    all details.
    """
    width, color = columns(), takes_color(sys.stdout)
    if form == "table" and not options:
        show(render_table(results, width=width, color=color, full=full, folder=folder))
        return
    found = registry().find("reporter", form)
    reporter: Reporter = make(found, options)
    reporter.source = None if folder is None else ExportSource(Path(folder.path), results)
    show(_rendered(f"{found.component.name!r} of {found.dist}", reporter, results, width, color))


def _rendered(which: str, reporter: Reporter, results: Results, width: int, color: bool) -> str:
    try:
        with guests():
            text = reporter.render(results, width=width, color=color)
        if not isinstance(text, str):
            raise TypeError(f"it returned {type(text).__name__} instead of a text")
        return str.__str__(text)
    except BaseException as e:  # it may be a plugin's code
        if isinstance(e, HarnessError) or is_interrupt(e):
            raise
        raise PluginError(
            f"The reporter {which} failed: {type(e).__name__}: {message_of(e)}.",
            "Update that plugin, or use another format.",
        ) from e


def folder_of(path: Path, results: Path | None = None, again: str = "") -> Folder:
    """What a run folder says that its results do not. `results` is their file, by default `results.json`.

    `again` is the command that prints these results, where it is not `show RUN`.
    """
    document = read_run(path)
    files = [(results or path / RESULTS).name, *([SHEET] if (path / SHEET).is_file() else [])]
    phases = [
        Phase(str(entry["phase"]), int(entry["requests"]), float(entry["seconds"]))
        for entry in document.get(PACE) or ()
    ]
    return Folder(str(path), tuple(files), tuple(phases), str(document.get("halted") or ""), again)


def exit_code(results: Results) -> ExitCode:
    """The exit code of a run with these results: FAILED if samples failed or it is incomplete."""
    return ExitCode.OK if results.run.complete else ExitCode.FAILED
