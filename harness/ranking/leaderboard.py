"""`harness.leaderboard`: many runs in one table, with the ranks that paired tests leave open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.errors import RequestError, unknown
from harness.exporting.run_result import RunResult
from harness.ranking.columns import Candidate, Column, Participant, columns_of, tables_of
from harness.ranking.folders import RankedRun, find_runs
from harness.ranking.ranks import ranks, tested_pairs
from harness.ranking.records import BoardRow, BoardTable, BoardValue, Leaderboard
from harness.scoring.settings import domain_note

SHORTEST_DIGEST = 6
"""Characters of a digest that name a set of data."""


def leaderboard(
    paths: str | Path | RunResult | Sequence[str | Path | RunResult],
    *,
    tasks: Sequence[str] = (),
    data: Sequence[str] = (),
    digests: Sequence[str] = (),
) -> Leaderboard:
    """Rank the models of many runs: run folders, baselines, results, or folders that contain runs.

    Models are ranked where they were asked the same task, version and prompt in the same answer mode on the same data:
    a rank is what Holm-corrected tests on shared samples leave open. Oracles, models that were trained on such pictures,
    incomplete runs and mixtures of releases are listed and not ranked. Of several runs of one model and release, the
    newest counts. `tasks`, `data` (names) and `digests` (at least six characters) choose. Raises `RequestError` where
    there is no run, `UnknownName` where a choice matches none.
    """
    several = [paths] if isinstance(paths, (str, Path, RunResult)) else list(paths)
    if not several:
        raise RequestError("A leaderboard needs a run or more.", "For example: harness leaderboard runs")
    runs, notes = find_runs([path.path if isinstance(path, RunResult) else path for path in several])
    found = [Candidate(run, task) for run in runs for task in run.results.tasks if task.primary is not None]
    if not found:
        raise RequestError("No run has results.", "Finish one, or score it: harness score RUN")
    found = chosen(found, tasks, data, digests)
    columns, superseded = columns_of(found)
    tables = [_table(table) for table in tables_of(columns)]
    tables.sort(key=lambda t: (not any(row.ranked for row in t.rows), -len(t.rows), t.columns[0].data))
    return Leaderboard(tables=tables, notes=[*notes, *superseded])


def chosen(
    found: Sequence[Candidate], tasks: Sequence[str], data: Sequence[str], digests: Sequence[str]
) -> list[Candidate]:
    """The candidates of these tasks, data sets and digests. Raises `UnknownName` for one that matches none."""
    kept = _matching(found, "task", tasks, lambda c: c.task.task)
    kept = _matching(kept, "data set", data, lambda c: c.task.data.name)
    for prefix in digests:
        if len(prefix) < SHORTEST_DIGEST:
            raise RequestError(
                f"The digest {prefix!r} is too short.", f"Give {SHORTEST_DIGEST} characters or more."
            )
    known = {_digest(candidate) for candidate in kept}
    for prefix in digests:
        if not any(digest.startswith(prefix.lower()) for digest in known):
            raise unknown("data digest", prefix, {digest[:12] for digest in known})
    wanted = tuple(prefix.lower() for prefix in digests)
    return [c for c in kept if not wanted or _digest(c).startswith(wanted)]


def _digest(candidate: Candidate) -> str:
    return candidate.task.data.digest


def _matching(
    found: Sequence[Candidate], kind: str, names: Sequence[str], of: Callable[[Candidate], str]
) -> list[Candidate]:
    known = {of(candidate) for candidate in found}
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)
    return [candidate for candidate in found if not names or of(candidate) in names]


def _table(columns: Sequence[Column]) -> BoardTable:
    models = list(dict.fromkeys(model for column in columns for model in column.cells))
    labels = _labels(models)
    rows = {
        model: BoardRow(model=model.model, release=model.release or None, label=labels[model], values=[])
        for model in models
    }
    pairs, notes = [], []
    for column in columns:
        values = {model: _value(cell) for model, cell in column.cells.items()}
        ranked = [model for model in models if model in values and not values[model].marks]
        tested = tested_pairs(column, ranked) if len(ranked) > 1 else []
        for model, (best, worst) in zip(ranked, ranks(column, ranked, tested), strict=True):
            values[model].best, values[model].worst = best, worst
        about = column.about
        about.ranked, about.pairs = len(ranked), len(tested)
        about.paired = sum(pair.evidence == "paired" for pair in tested)
        pairs.append(tested)
        notes += _notes(column, [values[model].n for model in ranked])
        for model, row in rows.items():
            row.values.append(values.get(model))
    ordered = sorted(rows.values(), key=lambda row: _order(row, list(rows.values()), columns))
    return BoardTable(columns=[c.about for c in columns], rows=ordered, pairs=pairs, notes=notes)


def _value(cell: Candidate) -> BoardValue:
    main = cell.task.primary
    assert main is not None, "only tasks with a primary metric are candidates"
    return BoardValue(
        run=cell.run.results.run.name,
        path=str(cell.run.path),
        created=cell.run.results.run.created,
        value=main.value,
        low=main.low,
        high=main.high,
        n=main.n,
        clusters=main.clusters,
        method=main.method,
        unparsed=cell.task.unparsed,
        failed=cell.task.failed,
        marks=cell.run.task_marks(cell.task),
    )


def _notes(column: Column, counts: Sequence[int]) -> list[str]:
    about = column.about
    found = domain_note(about.task, about.domain, about.data, about.data_domain)
    if not found and about.domain != "shown":
        found = [
            f"{about.task} asks about {about.domain} emotion: it is not comparable with tasks about shown emotion"
        ]
    others = about.pairs - about.paired
    if others:
        found.append(
            f"{about.task}: {others} of {about.pairs} pairs of models share no samples, or none that can be read; "
            "their intervals were compared instead"
        )
    if len(set(counts)) > 1:
        found.append(
            f"{about.task}: values rest on {min(counts)} to {max(counts)} samples; tests use what both models answered"
        )
    return found


def _order(row: BoardRow, rows: Iterable[BoardRow], columns: Sequence[Column]) -> tuple[bool, float, str]:
    """Sorts models: ranked ones first, by their mean standing over the columns in which they are ranked."""
    standings = []
    for k, column in enumerate(columns):
        mine = row.values[k]
        if mine is None or mine.best is None:
            continue
        sign = -1 if column.about.direction == "lower" else 1
        ahead = [
            other.values[k]
            for other in rows
            if (v := other.values[k]) is not None
            and v.best is not None
            and sign * (v.value or 0) > sign * (mine.value or 0)
        ]
        standings.append(len(ahead) / max(1, column.about.ranked - 1))
    return (not standings, sum(standings) / len(standings) if standings else 0.0, row.label)


def _labels(models: Sequence[Participant]) -> dict[Participant, str]:
    """The model and release of each, with the options in which it differs from others of this name."""
    found = {}
    for model in models:
        twins = [m for m in models if m[:2] == model[:2]]
        label = f"{model.model} {model.release}".strip()
        if len(twins) > 1:
            options = [json.loads(twin.options) for twin in twins]
            mine = json.loads(model.options)
            # An option that is not given, with what it would be for the others, says nothing.
            differ = [
                name
                for name in sorted(mine)
                if mine[name] is not None and any(o.get(name) != mine[name] for o in options)
            ]
            label += f" ({', '.join(f'{name}={mine[name]}' for name in differ)})" if differ else ""
        found[model] = label
    return found


def ranked_runs(paths: Sequence[str | Path]) -> list[RankedRun]:
    """The runs below these paths, for reports that show them beside the leaderboard."""
    return find_runs(paths)[0]
