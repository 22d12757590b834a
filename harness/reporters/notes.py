"""The notes of a run that matter at a glance: each once, with the tasks that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.reporters import formatting
from harness.results import BOUND, Results, TaskResult

_DIGITS = re.compile(r"\d+(\.\d+)?(e-?\d+)?")
_GROUPS = re.compile(
    r"^\d+ of \d+ groups |^not shown, with fewer than |^not grouped by |^\w+ by [^:]+: the test "
    r"|^[^:]* \([^()]*=[^()]*\) (has|have|does|do) "
)
_FEW = re.compile(r"^few clusters |^one cluster: ")
_ROUGH = re.compile(r"^\w+(:| has| have) (the|an|no) interval")
"""What goes without saying where there are few clusters."""
_QUESTION = re.compile(r"^\w+: ")
_UNBEATEN = re.compile(r"^not shown to beat |baseline not beaten: ")
_NAMES = re.compile(r"^((?:\w+, )*\w+)(: | (?=has |have |does |do ))(.*)$", re.DOTALL)
_NOT_ASKED = re.compile(r"^(\d+ of \d+ samples of .+ are not asked): ")
"""What matters less than all other notes."""


@dataclass
class Note:
    """A note, and the entries that have it."""

    text: str
    about: list[TaskResult] = field(default_factory=list)
    alike: list[TaskResult] = field(default_factory=list)
    """Entries that have the same note with other numbers."""

    def shown(self, results: Results) -> str:
        """The note with the tasks that it is about, unless it is about all."""
        if not self.about or len(self.about) == len(results.tasks):
            return self.text
        names = list(dict.fromkeys(task.task for task in self.about))
        others = [name for name in dict.fromkeys(task.task for task in self.alike) if name not in names]
        tasks = {task.task for task in results.tasks}
        if tasks == {*names}:
            # Some of the data sets, judges or prompt variants of every task.
            where = f"{len(self.about)} of {len(results.tasks)} values"
        elif others:
            where = f"{names[0]}; alike in {len(names) - 1 + len(others)} more"
        else:
            where = ", ".join(names) if len(names) <= 2 else f"{len(names)} of {len(tasks)} tasks"
        return f"{self.text.rstrip('.')} ({where})"


def notes(results: Results) -> tuple[list[Note], int]:
    """The notes that matter, the most important first, and how many others there are.

    Left out is what is about groups or about metrics other than the primary ones, and what the ladder itself shows.
    """
    found: dict[str, Note] = {}
    others: set[str] = set()
    for said in results.run.notes:
        found.setdefault(said, Note(said))
    for task in results.tasks:
        few = any(map(_FEW.match, task.warnings))
        for warning in task.warnings:
            text = _about_primary(task, warning)
            if text is None or (few and _ROUGH.match(text)):
                others.add(warning)
                continue
            note = found.setdefault(_DIGITS.sub("#", text), Note(text))
            (note.about if text == note.text else note.alike).append(task)
    kept = [*found.values(), *_bounds(results.tasks)]
    kept += map(Note, formatting.transfer_notes(results))
    return sorted(kept, key=lambda note: bool(_NOT_ASKED.search(note.text))), len(others)


def _about_primary(task: TaskResult, warning: str) -> str | None:
    """The warning, reduced to the primary metric; None where it is about other metrics or groups."""
    if _GROUPS.search(warning) or _UNBEATEN.search(warning):
        return None
    not_asked = _NOT_ASKED.match(warning)
    if not_asked:
        # Why differs from task to task, which would take a line for each.
        return f"{not_asked[1]}: no label that the task asks for"
    match = _NAMES.match(warning)
    if match is None or task.primary is None:
        return warning
    known = {metric.name for metric in task.metrics}
    names, rest = match[1].split(", "), match[3]
    if {*names} <= known:
        return _singular(task.primary.name, names, match[2], rest) if task.primary.name in names else None
    # Notes on a further question, whose metrics are not primary, name it first.
    further = _NAMES.match(rest) if _QUESTION.match(warning) else None
    about = further is not None and {*further[1].split(", ")} <= known
    return None if about or _GROUPS.search(rest) or _UNBEATEN.search(rest) else warning


def _singular(name: str, names: Sequence[str], separator: str, rest: str) -> str:
    if len(names) == 1 or separator == ": ":
        return f"{name}{separator}{rest}"
    verb, _, tail = rest.partition(" ")
    return f"{name} {({'have': 'has', 'do': 'does'}).get(verb, verb)} {tail}"


def _bounds(tasks: Sequence[TaskResult]) -> Iterator[Note]:
    """Where a value leaves out unparsed replies, the value that is compared with the baselines instead."""
    for task in tasks:
        main = task.primary
        bound = next((m for m in task.metrics if main and m.name == main.name + BOUND and not m.group), None)
        if bound is not None and bound.value is not None and task.unparsed:
            interval = (
                "" if bound.low is None or bound.high is None else f" [{bound.low:.3f}, {bound.high:.3f}]"
            )
            yield Note(
                f"{bound.name} {bound.value:.3f}{interval}, with each unparsed reply as an unfavourable answer, is what is "
                "compared with the baseline",
                [task],
            )
