"""Sections about answers: matrices of truth and answer, how replies were read, and what has no answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.charts.names import EntryKey
from harness.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Side,
    Table,
    as_filter,
    columns,
    count_cell,
    number,
    value_cell,
    words,
)
from harness.report.entries import Entry, is_panel
from harness.report.measures import named
from harness.report.stored import StoredReport
from harness.results import ConfusionMatrix, TaskResult

Failures = Mapping[tuple[int, EntryKey, str], int]


def confusion(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Section:
    """Counts by truth and answer, shaded by their share of the row."""
    roles = {task.role for entry in entries for _, task in entry.held()}
    if roles == {"generator"}:
        title = "Fidelity"
        said = "A row for each emotion asked for, a column for each that the judge saw. Choose a count to see its portraits."
    else:
        title = "Confusion" if "generator" not in roles else "Confusion and fidelity"
        asked = "" if "generator" not in roles else " or for what was asked for"
        said = f"A row for each true option{asked}, a column for each answer. Choose a count to see its pictures."
    section = Section("confusion", title, said)
    tables = [
        _matrix(entry, k, task, task.confusion, runs)
        for entry in entries
        for k, task in entry.held()
        if task.confusion is not None
    ]
    section.blocks += [Side(tables)] if len(tables) > 1 else tables
    return section


def _matrix(
    entry: Entry, run: int, task: TaskResult, found: ConfusionMatrix, runs: Sequence[StoredReport]
) -> Table:
    unparsed = any(counts[-1] for counts in found.matrix)
    heads = [*found.labels, *(["unparsed"] if unparsed else [])]
    shown = not is_panel(task, [judge for r in runs for judge in r.results.run.judges])
    rows = []
    for label, counts in zip(found.labels, found.matrix, strict=True):
        total = sum(counts)
        cells: list[Cell] = []
        for answer, count in zip(heads, counts, strict=False):
            share = count / total if total else 0.0
            chosen = (
                {"state": "unparsed"}
                if answer == "unparsed" and len(cells) == len(found.labels)
                else {"answer": answer}
            )
            cells.append(
                Cell(
                    figure=number(count, count=True) if count else Figure("\N{MIDDLE DOT}", 0),
                    level=round(10 * share),
                    tone="good" if answer == label else "",
                    filter=_filter(entry, run, label, chosen) if count and shown else "",
                    label=f"{label} answered as {answer}: {count:,} of {total:,}",
                )
            )
        rows.append([words(label), *cells])
    title = named(entry.name, runs[run], runs)
    return Table(
        title,
        columns(
            "asked \N{RIGHTWARDS ARROW} seen"
            if task.role == "generator"
            else "true \N{RIGHTWARDS ARROW} answered",
            *heads,
        ),
        rows,
        kind="matrix",
    )


def _filter(entry: Entry, run: int, truth: str, chosen: Mapping[str, str]) -> str:
    return as_filter({**entry.filter(run), "truth": truth, **chosen})


def reading(entries: Sequence[Entry], runs: Sequence[StoredReport], failures: Failures) -> Section:
    """How answers were read, why replies could not be read, and why questions have no reply."""
    section = Section(
        "reading", "How replies were read",
        "An answer is declared where the reply states it in a form of its own, and prose where it is understood from a sentence. Nothing is guessed.",
    )  # fmt: skip
    tables = [
        _how(entries, runs),
        _unparsed(entries, runs),
        _failed(entries, runs, failures),
        _outcomes(entries, runs),
    ]
    section.blocks += [table for table in tables if table.rows]
    return section


def _how(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table:
    rows = []
    for entry in entries:
        for k, task in entry.held():
            panel = is_panel(task, runs[k].results.run.judges)
            here = entry.filter(k)
            read = task.read_as
            shares: list[Cell] = [Cell(), Cell()]
            if read is not None and not panel:
                shares = [
                    count_cell(read.declared, {**here, "read": "declared"}),
                    count_cell(read.prose, {**here, "read": "prose"}),
                ]
            unparsed = count_cell(task.unparsed, None if panel else {**here, "read": "unparsed"}, "warn")
            failed = count_cell(task.failed, None if panel else {**here, "read": "failed"}, "bad")
            rows.append(
                [
                    words(named(entry.name, runs[k], runs)),
                    words(task.answer_mode),
                    value_cell(task.answered, count=True),
                    *shares,
                    unparsed,
                    failed,
                ]
            )
    heads = [
        Column("Task"),
        Column("Answer mode"),
        *columns("", "Answered", "Declared", "Prose", "Unparsed", "Failed")[1:],
    ]
    return Table("Answers by how they were read", heads, rows)


def _unparsed(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table:
    rows = []
    for entry in entries:
        for k, task in entry.held():
            for reason, count in task.unparsed_reasons.items():
                chosen = entry.filter(k, reason=reason, read="unparsed")
                rows.append(
                    [words(named(entry.name, runs[k], runs)), words(reason), count_cell(count, chosen)]
                )
    return Table(
        "Unparsed replies by reason",
        [Column("Task"), Column("Reason"), Column("Replies", numeric=True)],
        rows,
    )


def _failed(entries: Sequence[Entry], runs: Sequence[StoredReport], failures: Failures) -> Table:
    names = {entry.key: entry for entry in entries}
    rows = []
    for (k, key, reason), count in sorted(
        failures.items(), key=lambda item: (item[0][0], -item[1], item[0][1:])
    ):
        entry = names.get(key)
        name = entry.name if entry else key.task or "generation"
        chosen: dict[str, Any] = {
            "run": k,
            "task": key.task,
            "judge": key.judge,
            "variant": key.variant,
            "state": "failed",
            "reason": reason,
        }
        rows.append([words(named(name, runs[k], runs)), words(reason), count_cell(count, chosen, "bad")])
    return Table(
        "Failed questions by reason",
        [Column("Task"), Column("Reason"), Column("Questions", numeric=True)],
        rows,
    )


def _outcomes(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table:
    """What became of the portraits asked for; the same for every judge of a task."""
    found: dict[tuple[str, int], TaskResult] = {}
    for entry in entries:
        for k, task in entry.held():
            if task.role == "generator":
                found.setdefault((task.task, k), task)
    outcomes = list(dict.fromkeys(name for task in found.values() for name in task.outcomes))
    faces = list(dict.fromkeys(name for task in found.values() for name in task.faces))
    rows = []
    for (name, k), task in found.items():
        counts = [
            count_cell(task.outcomes.get(o, 0), {"run": k, "task": name, "outcome": o}) for o in outcomes
        ]
        seen = Counter(task.faces)
        rows.append(
            [words(named(name, runs[k], runs)), *counts, *(value_cell(seen[f], count=True) for f in faces)]
        )
    return Table(
        "Portraits by outcome, and by faces found",
        columns("Task", *outcomes, *(f"faces: {f}" for f in faces)),
        rows,
    )
