"""The ladder as a table for a terminal, with a legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from harness.escaping import plain
from harness.reporters import formatting
from harness.reporters.columns import Column, Table, fitted, fold, shortened
from harness.reporters.ladder import Rung, Standing, but_for, chosen, differing, part
from harness.results import Results

CLUSTERS = "n in c: n rows of c people, prompts or pairs, the units of resampling"
MARKS: Mapping[Standing, str] = {
    "beats": "\N{CHECK MARK}",
    "unclear": "\N{ALMOST EQUAL TO}",
    "below": "\N{BALLOT X}",
    "none": " ",
}
_STYLES: Mapping[Standing, str] = {"beats": "green", "unclear": "yellow", "below": "red", "none": ""}
_LIES = {"beats": "beyond the best trivial baseline", "unclear": "around it", "below": "short of it"}
_HEADS = {"data": "on", "judge": "judge", "prompt_variant": "prompt variant"}


def ladder_lines(
    results: Results, found: Sequence[Rung], width: int, room: int | None, *, more: str, without: str
) -> Iterator[Text]:
    """The lines: one for each rung, with a heading for each task where tasks have several; all, or as many as have room.

    `more` says where the others are, `without` what questions without an answer are called.
    """
    if not found:
        return
    groups: dict[str, list[Rung]] = {}
    for rung in found:
        groups.setdefault(rung.task.task, []).append(rung)
    flat = len(groups) == len(found)
    kept = groups if room is None else _kept(groups, max(room - _AROUND, 1), flat)
    shown = [rung for group in kept.values() for rung in group]
    names = [] if flat else differing(results)
    table = fitted(_columns(shown, names, flat=flat, without=without), width)
    yield Text()
    yield from table.head()
    rows = iter(table.rows())
    for task, group in kept.items():
        if not flat:
            metrics = "/".join(dict.fromkeys(rung.metric.name for rung in group if rung.metric))
            yield Text(shortened(plain(task), width), style="bold").append(
                f"  {plain(metrics)}", style="not bold"
            )
        for _ in group:
            yield from next(rows)
        if len(group) < len(groups[task]):
            yield Text(f"  {len(groups[task]) - len(group)} more {more}", style="dim")
    if len(kept) < len(groups):
        yield Text(f"{len(groups) - len(kept)} more tasks {more}", style="dim")
    yield from _legend(shown, table, width, flat)


_AROUND = 7
"""Lines around the rows: a blank one, heads, a rule, at most three of the legend, and how many tasks there are more."""


def _kept(groups: Mapping[str, list[Rung]], room: int, flat: bool) -> dict[str, list[Rung]]:
    """As many lines of each task as there is room for; where that is less than one of each, the first tasks."""
    rows = sum(map(len, groups.values()))
    if flat:
        names = list(groups)[: room if rows > room else None]
        return {name: groups[name] for name in names}
    if rows + len(groups) <= room:
        return dict(groups)
    least = 3  # A heading, a line, and how many there are more.
    names = list(groups)[: max(1, room // least)]
    each = max(1, room // len(names) - least + 1)
    return {name: chosen(groups[name], each) for name in names}


def _columns(found: Sequence[Rung], names: Sequence[str], *, flat: bool, without: str) -> list[Column]:
    """The columns of the ladder; those of which every cell would say the same, or nothing, are not there."""
    columns = []
    if flat:
        columns.append(Column("stage", _changes([r.task.stage for r in found]), "left", drop=90))
        columns.append(Column("task", [r.task.task for r in found], "left"))
        columns.append(Column("metric", [r.metric.name if r.metric else "" for r in found], "left", drop=40))
    for k, name in enumerate(names):
        indent = "" if k else "  "
        cells = [indent + part(r.task, name) for r in found]
        columns.append(Column(indent + _HEADS[name], cells, "left"))
    metrics = [r.metric for r in found]
    columns.append(
        Column(
            "value",
            [formatting.metric_number(m) if m else formatting.number(None) for m in metrics],
            "decimal",
        )
    )
    columns.append(Column("95% interval", [formatting.interval(m) if m else "" for m in metrics], drop=5))
    columns += _baselines(found)
    plainly = [f"{m.n:,}" if m else "" for m in metrics]
    clustered = [_rows(rung) for rung in found]
    shorter = (50, "n", plainly) if clustered != plainly else None
    columns.append(Column("n", clustered, drop=20, shorter=shorter))
    problems = {"unparsed": [r.task.unparsed for r in found], without: [r.task.failed for r in found]}
    for head, counts in problems.items():
        if any(counts):
            styles = ["yellow" if count else "" for count in counts]
            columns.append(Column(head, [f"{count:,}" for count in counts], drop=15, styles=styles))
    return columns


def _changes(values: Sequence[str]) -> list[str]:
    """Each value where it differs from the one before."""
    return ["" if k and values[k - 1] == value else value for k, value in enumerate(values)]


def _rows(rung: Rung) -> str:
    metric = rung.metric
    if metric is None:
        return ""
    fewer = metric.clusters is not None and 0 < metric.clusters < metric.n
    return f"{metric.n:,} in {metric.clusters:,}" if fewer else f"{metric.n:,}"


def _baselines(found: Sequence[Rung]) -> list[Column]:
    """The best baseline with its name and whether it is beaten; without its name where there is less room."""
    if all(rung.baseline is None for rung in found):
        return []
    values = [formatting.number(r.baseline.value) if r.baseline else "" for r in found]
    named = [r.baseline.name if r.baseline else "" for r in found]
    longest, most = max(map(len, named)), max(map(len, values))
    marks = [MARKS[r.standing] for r in found]
    full = [
        f"{mark} {name.ljust(longest)} {value.rjust(most)}" if value else ""
        for mark, name, value in zip(marks, named, values, strict=True)
    ]
    short = [
        f"{mark} {value.rjust(most)}" if value else "" for mark, value in zip(marks, values, strict=True)
    ]
    styles = [_STYLES[r.standing] for r in found]
    return [Column("best baseline", full, drop=16, shorter=(60, "baseline", short), styles=styles)]


def _legend(found: Sequence[Rung], table: Table, width: int, flat: bool) -> Iterator[Text]:
    lines = []
    if flat and "metric" in table.omitted:
        metrics = {rung.task.task: [rung.metric.name] for rung in found if rung.metric}
        lines.append(f"values: {but_for(metrics)}")
    standings = [s for s in ("beats", "unclear", "below") if any(rung.standing == s for rung in found)]
    heads = {column.head for column in table.columns}
    if standings and heads & {"best baseline", "baseline"}:
        first, *others = standings
        where = [f"{MARKS[first]} interval {_LIES[first].replace(' it', ' the best trivial baseline')}"]  # type: ignore[index]
        lines.append(", ".join([*where, *(f"{MARKS[s]} {_LIES[s]}" for s in others)]))  # type: ignore[index]
    if any(" in " in cell for column in table.columns if column.head == "n" for cell in column.cells):
        lines.append(CLUSTERS)
    lost = [head for head in table.omitted if head not in ("stage", "metric")]
    if lost:
        lines.append(f"no room for {', '.join(lost)}: see --full")
    for line in lines:
        yield from (Text(folded, style="dim") for folded in fold(plain(line), width))
