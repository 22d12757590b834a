"""The foot of the first screen: what was used, and where everything lies."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from harness.escaping import plain
from harness.reporters.columns import joined
from harness.reporters.ladder import usage
from harness.results import Results


@dataclass(frozen=True)
class Phase:
    """What one participant did in all attempts that ended: requests, and the seconds that they took."""

    title: str
    requests: int
    seconds: float


@dataclass(frozen=True)
class Folder:
    """What the run folder says that results do not."""

    path: str
    files: tuple[str, ...] = ()
    """What a reader may open, the results first."""
    phases: tuple[Phase, ...] = ()
    halted: str = ""
    """Why the run asked no further."""
    again: str = ""
    """The command that prints these results, without `harness`, where it is not `show RUN`."""


def unanswered(folder: Folder | None) -> str:
    """What questions without an answer are called: of a run that was stopped, most were never asked and did not fail."""
    return "not answered" if folder is not None and folder.halted else "failed"


def footer(results: Results, width: int, folder: Folder | None, *, full: bool) -> Iterator[Text]:
    """The lines; with `full`, the details follow and are not pointed to."""
    used = list(_used(results, folder.phases if folder else ()))
    if used or folder is not None:
        yield Text()
    if used:
        yield from _labelled("used", joined(used, width - 9))
    if folder is None:
        return
    # The path is not broken: it is copied.
    yield from _labelled("folder", [plain(folder.path)])
    if folder.files:
        yield from _labelled("files", joined(folder.files, width - 9, ", "))
    if not full:
        yield from _labelled("details", [_command(folder, width, "--full", folder.again)])
    failed = any(task.failed for task in results.tasks) and not folder.halted
    unparsed = any(task.unparsed for task in results.tasks)
    which = " --failed" if failed else " --unparsed" if unparsed else ""
    yield from _labelled("replies", [_command(folder, width, f"--samples{which}")])


def _command(folder: Folder, width: int, options: str, again: str = "") -> str:
    """A command to copy; where the folder is too long for the line, RUN stands for it."""
    command = f"harness {again or f'show {plain(shlex.quote(folder.path))}'} {options}"
    return command if again or cell_len(command) + 9 <= width else f"harness show RUN {options}"


def _labelled(label: str, lines: Iterable[str]) -> Iterator[Text]:
    for k, line in enumerate(lines):
        yield Text.assemble((f"{label:<9}" if not k else " " * 9, "dim"), line)


def _used(results: Results, phases: Sequence[Phase]) -> Iterator[str]:
    """What was measured: throughput, tokens, cost."""
    found = usage(results)
    for phase in phases:
        rate = phase.requests / phase.seconds if phase.seconds else 0.0
        speed = f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.2g}/s" if rate else ""
        who = f"{phase.title.rpartition(' with ')[2]} " if len(phases) > 1 else ""
        yield f"{who}{_duration(phase.seconds)}{speed}"
    if found.seconds is not None and not phases:
        yield f"{found.seconds:.2g} s a reply"
    if found.tokens_in is not None or found.tokens_out is not None:
        sides = {"in": found.tokens_in, "out": found.tokens_out}
        yield "tokens " + ", ".join(
            f"{value:,.0f} {side}" for side, value in sides.items() if value is not None
        )
    elif found.tokens is not None:
        yield f"tokens {found.tokens:,.0f}"
    if found.cost is not None:
        yield f"cost {found.cost:.4g}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
