"""Sections about where figures come from: costs, versions, settings, notes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.report.blocks import (
    Cell,
    Column,
    Details,
    Facts,
    Figure,
    Notes,
    Section,
    Table,
    columns,
    number,
    value_cell,
    words,
)
from harness.report.entries import Entry
from harness.report.measures import named
from harness.report.stored import StoredReport
from harness.reporters import formatting
from harness.results import TaskResult
from harness.store.runfolder import PACE


def costs(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Section:
    """Tokens, cost and time, as far as models say."""
    section = Section(
        "costs",
        "Costs and throughput",
        "What answering and generating used, summed over the stored replies, as far as the models report it.",
    )
    found: dict[str, dict[str, Mapping[str, float]]] = {"usage": {}, "drawing": {}, "timings": {}}
    answered = {}
    for entry in entries:
        for k, task in entry.held():
            name = named(entry.name, runs[k], runs)
            answered[name] = task.answered
            for kind, values in (
                ("usage", task.usage),
                ("drawing", task.generation_usage),
                ("timings", task.timings),
            ):
                if values:
                    found[kind][name] = values
    captions = {
        "usage": "Used by answers",
        "drawing": "Used by generating portraits",
        "timings": "Time of answers",
    }
    for kind, by_name in found.items():
        keys = list(dict.fromkeys(key for values in by_name.values() for key in values))
        rows = [
            [words(name), value_cell(answered[name], count=True), *(_amount(key, values) for key in keys)]
            for name, values in by_name.items()
        ]
        if rows:
            section.blocks.append(
                Table(
                    captions[kind],
                    columns("Task", "Answered", *(key.replace("_", " ") for key in keys)),
                    rows,
                )
            )
    pace = _pace(runs)
    section.blocks += [pace] if pace.rows else []
    if not section.blocks:
        section.blocks.append(Notes("", ["The models of this page report neither tokens nor cost nor time."]))
    return section


def _pace(runs: Sequence[StoredReport]) -> Table:
    """How many requests each phase of a run had, how long they took, and the rate."""
    rows = []
    for run in runs:
        for phase in run.document.get(PACE) or ():
            requests, seconds = int(phase["requests"]), float(phase["seconds"])
            rate = requests / seconds if seconds > 0 else None
            cells = (value_cell(requests, count=True), short_time(seconds), short_time(rate))
            rows.append([words(named(str(phase["phase"]), run, runs)), *cells])
    return Table("Throughput", columns("Phase", "Requests", "Seconds", "Requests a second"), rows)


def short_time(value: float | None) -> Cell:
    """A measured time or rate: one decimal, two below 1, none from 100 on."""
    if value is None:
        return value_cell(None)
    return Cell(figure=Figure(f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 2}f}", value))


def _amount(key: str, values: Mapping[str, float]) -> Cell:
    value = values.get(key)
    return value_cell(value, count=value is not None and float(value).is_integer() and abs(value) >= 1)


def provenance(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Section:
    """What was asked of what, with which versions, and which settings no publication gives."""
    section = Section(
        "provenance", "Provenance", "What the figures were computed from, and the settings that they rest on."
    )
    for run in runs:
        section.blocks.append(Facts(list(_facts(run)), run.name if len(runs) > 1 else ""))
    section.blocks += [
        table for table in (_data(entries, runs), _settings(entries, runs), _served(runs)) if table.rows
    ]
    section.blocks.append(Details("Versions of packages", [_versions(runs)]))
    return section


def _facts(run: StoredReport) -> Iterator[tuple[str, str]]:
    info, document = run.results.run, run.document
    yield "Run", info.name
    yield "Model", f"{info.model} {info.release or ''}".strip()
    if info.judges:
        yield "Judges", ", ".join(info.judges)
    yield "Created", info.created
    yield "Complete", "yes" if info.complete else "no"
    command = document.get("command")
    if isinstance(command, list):
        yield "Command", shlex.join(map(str, command))
    request = document["request"]
    yield "Seed", str(request.get("seed", ""))
    if request.get("repeats", 1) != 1:
        yield "Repeats", str(request["repeats"])
    if document.get("limit"):
        yield "Limit", str(document["limit"])
    yield from _participants(request)
    git, hardware = document.get("git"), document.get("hardware")
    if git:
        yield "Commit", str(git)
    if isinstance(hardware, Mapping):
        yield "Machine", ", ".join(_flat(hardware))
    attempts = document.get("attempts")
    if isinstance(attempts, list) and len(attempts) > 1:
        yield "Attempts", f"{len(attempts)}: {', '.join(str(a.get('created')) for a in attempts)}"


def _participants(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for title, participant in (
        ("Model options", request.get("model")),
        *((f"Options of {j.get('name')}", j) for j in request.get("judges") or ()),
    ):
        if isinstance(participant, Mapping):
            options = {**(participant.get("options") or {}), **(participant.get("identity") or {})}
            if options:
                yield title, ", ".join(f"{name} {value}" for name, value in options.items())


def _flat(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if value not in (None, "", [], {}):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{name} {shown}"


def _data(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table:
    found: dict[tuple[str, str], TaskResult] = {}
    for entry in entries:
        for _, task in entry.held():
            found.setdefault((task.data.name, task.data.digest), task)
    rows = [
        [words(name), value_cell(task.data.n, count=True), words(digest)]
        for (name, digest), task in found.items()
    ]
    return Table("Data", [Column("Data set or prompts"), Column("n", numeric=True), Column("Digest")], rows)


def _settings(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table:
    """Settings by task; those that no publication gives first."""
    seen: dict[tuple[str, str, str], dict[str, None]] = {}
    tasks = {task.task for entry in entries for _, task in entry.held()}
    for entry in entries:
        for _, task in entry.held():
            for setting in task.settings:
                seen.setdefault((setting.name, setting.value, setting.source), {})[task.task] = None
    rows = [
        [words(name), words(value), words("all" if len(found) == len(tasks) else ", ".join(found)),
         words(source, "warn" if source == "assumed" else "")]
        for (name, value, source), found in sorted(seen.items(), key=lambda item: item[0][2] != "assumed")
    ]  # fmt: skip
    heads = [Column("Setting"), Column("Value"), Column("Tasks"), Column("Source")]
    return Table("Settings", heads, rows, "Assumed: no publication gives it.")


def _versions(runs: Sequence[StoredReport]) -> Table:
    names = list(dict.fromkeys(name for run in runs for name in run.results.run.versions))
    rows = [[words(name), *(words(run.results.run.versions.get(name, "")) for run in runs)] for name in names]
    heads = [run.name for run in runs] if len(runs) > 1 else ["Version"]
    return Table("Versions", [Column("Package"), *(Column(head) for head in heads)], rows)


def _served(runs: Sequence[StoredReport]) -> Table:
    rows = [
        [words(named(served.participant, run, runs)), words(", ".join(f"{k} {v}" for k, v in served.served.items()) or "not said"), Cell(figure=number(served.replies, count=True))]
        for run in runs
        for served in run.results.run.served
    ]  # fmt: skip
    return Table(
        "What servers said they served",
        [Column("Participant"), Column("Served"), Column("Replies", numeric=True)],
        rows,
    )


def notes(entries: Sequence[Entry], runs: Sequence[StoredReport], more: Sequence[str] = ()) -> Section:
    """What a reader should know: of the page, of each run, of each entry."""
    section = Section("notes", "Notes", "What limits these figures.")
    if more:
        section.blocks.append(Notes("This page", list(more)))
    for run in runs:
        lines = [*run.results.run.notes, *formatting.transfer_notes(run.results)]
        if lines:
            section.blocks.append(Notes(run.name if len(runs) > 1 else "The run", lines))
    for entry in entries:
        for k, task in entry.held():
            if task.warnings:
                section.blocks.append(Notes(named(entry.name, runs[k], runs), task.warnings))
    return section
