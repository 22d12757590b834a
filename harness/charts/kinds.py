"""The kinds of charts by name: what each is drawn from, and which of them the results of some runs allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import altair as alt

from harness.charts.board import leaderboard as board_chart
from harness.charts.confusion import confusion
from harness.charts.groups import VALENCE_GAP, group_columns, groups, valence_gap
from harness.charts.intensity import intensity
from harness.charts.ladder import ladder
from harness.charts.names import EntryKey, key_of
from harness.errors import RequestError, unknown
from harness.exporting.samples import iter_samples
from harness.ranking.leaderboard import leaderboard
from harness.results import Results, TaskResult
from harness.scoring.panel import PANEL

KINDS = ("ladder", "confusion", "intensity", "groups", "leaderboard", "valence_gap")
Build = Callable[[int], alt.TopLevelMixin]


@dataclass(frozen=True)
class PlottedRun:
    """A run to draw."""

    path: Path
    results: Results
    ratings: frozenset[str]
    """Tasks whose primary metric scores ratings."""


@dataclass(frozen=True)
class Selection:
    """What of the runs is drawn; empty for all of it."""

    task: str = ""
    data: str = ""
    judge: str = ""
    prompt_variant: str = ""
    group: str = ""


def chart_builder(kind: str, runs: Sequence[PlottedRun], chosen: Selection) -> Build:
    """A function that draws a chart of a kind in a width in pixels.

    Raises `UnknownName` for another kind, or for a name in `chosen` that no entry has, and `RequestError` where the runs
    have nothing of this kind, or more entries than one chart shows.
    """
    if kind not in KINDS:
        raise unknown("kind of plot", kind, KINDS)
    selected = [_selected(run, chosen) for run in runs]
    _check_names(runs, chosen)
    results = [run.results for run in selected]
    if not available(kind, selected):
        others = [name for name in KINDS if available(name, selected)]
        raise RequestError(
            f"There is nothing to draw as {kind} here{_why(kind)}.",
            f"Kinds that these results allow: {', '.join(others)}." if others else "Choose another --task.",
        )
    if kind == "ladder":
        return lambda width: ladder(results, width=width)
    if kind == "valence_gap":
        return lambda width: valence_gap(results, width=width)
    if kind == "leaderboard":
        board = leaderboard(
            [run.path for run in runs], tasks=[chosen.task] if chosen.task else (), data=[chosen.data] if chosen.data else ()
        )  # fmt: skip
        return lambda width: board_chart(board, width=width)
    run, task = _only(kind, selected)
    if kind == "confusion":
        return lambda width: confusion(task, width=width)
    if kind == "groups":
        return lambda width: groups(task, chosen.group or None, width=width)
    key = key_of(task)
    rows = [
        row
        for row in iter_samples(run.path)
        if EntryKey(row.task, row.data, row.judge, row.prompt_variant) == key and row.state in ("rated", "right", "wrong")
    ]  # fmt: skip
    return lambda width: intensity(rows, task=task, width=width)


def available(kind: str, runs: Sequence[PlottedRun]) -> bool:
    """Whether some entry of the runs can be drawn so."""
    return any(True for _ in _entries(kind, runs))


def _entries(kind: str, runs: Sequence[PlottedRun]) -> Iterator[tuple[PlottedRun, TaskResult]]:
    for run in runs:
        for task in run.results.tasks:
            drawn = {
                "ladder": task.primary is not None,
                "leaderboard": task.primary is not None,
                "confusion": task.confusion is not None,
                "groups": bool(group_columns(task)),
                "intensity": task.task in run.ratings and task.judge != PANEL,
                "valence_gap": any(m.name == VALENCE_GAP and m.value is not None for m in task.metrics),
            }
            if drawn[kind]:
                yield run, task


def _why(kind: str) -> str:
    return {
        "confusion": ": no task chooses between options",
        "intensity": ": no task rates strength",
        "groups": ": no task has groups",
        "valence_gap": f": no task has the metric {VALENCE_GAP}",
    }.get(kind, "")


def _only(kind: str, runs: Sequence[PlottedRun]) -> tuple[PlottedRun, TaskResult]:
    found = list(_entries(kind, runs))
    if len(found) == 1:
        return found[0]
    if len(runs) > 1 and len({id(run) for run, _ in found}) > 1:
        raise RequestError(f"A plot of kind {kind} shows one run.", "Name one RUN.")
    keys = [key_of(task) for _, task in found]
    options = {"task": "--task", "data": "--data", "judge": "--judge", "variant": "--prompt-variant"}
    several = {
        flag: list(dict.fromkeys(getattr(key, field) for key in keys))
        for field, flag in options.items()
        if len({getattr(key, field) for key in keys}) > 1
    }
    flag, values = next(iter(several.items()))
    raise RequestError(
        f"A plot of kind {kind} shows one entry of the results; {len(found)} can be shown.",
        f"Choose with {flag}: {', '.join(values)}.",
    )


def _selected(run: PlottedRun, chosen: Selection) -> PlottedRun:
    tasks = [
        task
        for task in run.results.tasks
        if all(
            not wanted or wanted == value
            for wanted, value in zip(
                (chosen.task, chosen.data, chosen.judge, chosen.prompt_variant), key_of(task), strict=True
            )
        )
    ]
    return PlottedRun(run.path, run.results.model_copy(update={"tasks": tasks}), run.ratings)


def _check_names(runs: Sequence[PlottedRun], chosen: Selection) -> None:
    keys = [key_of(task) for run in runs for task in run.results.tasks]
    for kind, wanted, place in (
        ("task", chosen.task, 0), ("data set", chosen.data, 1), ("judge", chosen.judge, 2), ("prompt variant", chosen.prompt_variant, 3),
    ):  # fmt: skip
        known = {key[place] for key in keys if key[place]}
        if wanted and wanted not in known:
            raise unknown(kind, wanted, known)
