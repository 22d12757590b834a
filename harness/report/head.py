"""The head of the page: what was tested, and the verdict of each task on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparing.records import Comparison
from harness.report.blocks import (
    Cell,
    Column,
    Figure,
    Table,
    Tone,
    estimate,
    metric_cell,
    number,
    probability,
    rows_cell,
    words,
)
from harness.report.compared import verdict
from harness.report.entries import Entry
from harness.report.stored import StoredReport
from harness.reporters.ladder import Standing, rungs
from harness.results import COUNT, BaselineValue, MetricValue, TaskResult

_SAYS: dict[Standing, tuple[str, Tone]] = {
    "beats": ("Better than the best baseline", "good"),
    "unclear": ("Not told apart from the best baseline", "warn"),
    "below": ("Short of the best baseline", "bad"),
    "none": ("", ""),
}
_TRACK = 200


@dataclass(frozen=True)
class Track:
    """A value on a line from 0 to 1 (or from -1): places in units of the drawing."""

    value: float
    low: float | None
    width: float
    baseline: float | None
    label: str


@dataclass(frozen=True)
class Card:
    """One task."""

    stage: str
    name: str
    metric: str
    value: Figure | None
    low: Figure | None
    high: Figure | None
    baseline: Figure | None
    baseline_name: str
    n: Sequence[Figure | str]
    missing: str
    says: str
    tone: Tone
    track: Track | None


@dataclass(frozen=True)
class Head:
    """What stands above everything else."""

    eyebrow: str
    title: str
    lead: str
    flags: Sequence[tuple[str, Tone]]
    cards: Sequence[Card] = ()
    table: Table | None = None


def head(runs: Sequence[StoredReport], entries: Sequence[Entry], compared: Comparison | str | None) -> Head:
    """The head of a page of one run or several."""
    names = [run.name for run in runs]
    several = f"{len(runs)} runs" if len(runs) > 3 else f"{', '.join(names[:-1])} and {names[-1]}"
    title = several if len(runs) > 1 else names[0]
    return Head(
        _eyebrow(runs, entries), title, _lead(runs, entries), _flags(runs),
        _cards(runs[0], entries) if len(runs) == 1 else [],
        _matrix(entries, runs, compared) if len(runs) > 1 else None,
    )  # fmt: skip


def _eyebrow(runs: Sequence[StoredReport], entries: Sequence[Entry]) -> str:
    kinds = {"generator": "Text-to-image model", "judge": "Judge of portraits"}
    kind = kinds.get(runs[0].role, "") + ("s" if len(runs) > 1 and runs[0].role == "generator" else "")
    if len(runs) > 1 and runs[0].role == "judge":
        kind = "Judges of portraits"
    return " \N{MIDDLE DOT} ".join(
        [kind, ", ".join(dict.fromkeys(run.results.run.created[:10] for run in runs))]
    )


def _lead(runs: Sequence[StoredReport], entries: Sequence[Entry]) -> str:
    sizes: dict[str, int] = {}
    held = [(runs[k], task) for entry in entries for k, task in entry.held()]
    # A pair is two pictures, asked about twice: its number is not that of the data set.
    for _, task in [found for found in held if not _shows_pairs(*found)] or held:
        sizes[task.data.name] = max(task.data.n, sizes.get(task.data.name, 0))
    data = [f"{name} ({n:,})" for name, n in sizes.items()]
    judges = list(dict.fromkeys(judge for run in runs for judge in run.results.run.judges))
    tasks = len({entry.key.task for entry in entries})
    parts = [f"{tasks} {'task' if tasks == 1 else 'tasks'} on {_listed(data)}"]
    if judges:
        parts.append(f"read by {_listed(judges)}")
    return ", ".join(parts) + "."


def _shows_pairs(run: StoredReport, task: TaskResult) -> bool:
    spec = run.record.tasks.get(task.task) if run.record else None
    return spec is not None and spec.answer is not None and spec.answer.kind == "pair"


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:4], f"{len(names) - 4} more"] if len(names) > 5 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"


def _flags(runs: Sequence[StoredReport]) -> list[tuple[str, Tone]]:
    several = len(runs) > 1
    flags: list[tuple[str, Tone]] = []
    for run in runs:
        who = f"{run.name}: " if several else ""
        if not run.results.run.complete:
            flags.append((f"{who}incomplete: some questions have no answer", "bad"))
    oracles = list(
        dict.fromkeys(
            run.name if name == run.results.run.model else name for run in runs for name in run.oracles
        )
    )
    if oracles:
        are = "is" if len(oracles) == 1 else "are"
        flags.append(
            (f"{_listed(oracles)} {are} shown the true answers: a stand-in for trials, never ranked", "warn")
        )
    if not flags:
        flags.append(("complete: every question has an answer", "good"))
    return flags


def _cards(run: StoredReport, entries: Sequence[Entry]) -> list[Card]:
    standing = {id(rung.task): rung.standing for rung in rungs(run.results)}
    return [_card(entry, standing[id(entry.first)]) for entry in entries if entry.metric is not None]


def _card(entry: Entry, standing: Standing) -> Card:
    task, main = entry.first, entry.metric
    assert main is not None, "only entries with a primary metric have a card"
    best = task.best_baseline
    says, tone = _SAYS[standing]
    cell, shown = metric_cell(main), rows_cell(main.n, main.clusters)
    missing = [
        f"{count:,} {what}" for count, what in ((task.unparsed, "unparsed"), (task.failed, "failed")) if count
    ]
    return Card(
        task.stage, entry.name, main.name, cell.figure, cell.low, cell.high, number(best.value) if best else None, best.name if best else "",
        [part for part in (shown.figure, *shown.extra) if part is not None], ", ".join(missing), says, tone, _track(main, best),
    )  # fmt: skip


def _track(main: MetricValue, best: BaselineValue | None) -> Track | None:
    """Where the value lies between its ends; None for metrics without natural ends."""
    found = [v for v in (main.value, main.low, main.high, best.value if best else None) if v is not None]
    if (
        main.direction != "higher"
        or main.value is None
        or main.method == COUNT
        or max(found) > 1
        or min(found) < -1
    ):
        return None
    start = 0.0 if min(found) >= 0 else -1.0

    def place(value: float) -> float:
        return round(_TRACK * (value - start) / (1 - start), 1)

    low, width = None, 0.0
    if main.low is not None and main.high is not None:
        low, width = place(main.low), max(2.0, round(place(main.high) - place(main.low), 1))
    label = f"{main.name} {main.value:.3f} on a scale from {start:g} to 1"
    return Track(
        place(main.value),
        low,
        width,
        None if best is None or best.value is None else place(best.value) - 1,
        label,
    )


def _matrix(
    entries: Sequence[Entry], runs: Sequence[StoredReport], compared: Comparison | str | None
) -> Table:
    """A row a task, a column a run; of two runs the difference too."""
    rows = []
    pair = len(runs) == 2 and not isinstance(compared, str) and compared is not None
    for entry in entries:
        if entry.metric is None:
            continue
        cells = [words(entry.name), words(entry.metric.name)]
        cells += [metric_cell(task.primary if task else None) for task in entry.tasks]
        if pair and isinstance(compared, Comparison):
            cells += _paired(entry, compared)
        rows.append(cells)
    heads = [
        Column("Task"),
        Column("Metric"),
        *(Column(run.name, numeric=True) for run in runs),
    ]
    if pair:
        heads += [Column("Difference", numeric=True), Column("p (Holm)", numeric=True), Column("Verdict")]
    note = "Difference: on the samples that both have answered." if pair else ""
    return Table("Primary metric of each task, with 95% intervals", heads, rows, note)


def _paired(entry: Entry, compared: Comparison) -> list[Cell]:
    key = entry.key
    for value in compared.rows:
        same = (value.task, value.data, value.judge or "", value.prompt_variant or "") == tuple(key)
        difference = value.differences[0] if value.differences else None
        if same and value.kind == "metric" and not value.group and difference is not None:
            says, tone = verdict(value, difference)
            return [estimate(difference, signed=True), probability(difference.p_adjusted), words(says, tone)]
    return [Cell(), Cell(), Cell()]
