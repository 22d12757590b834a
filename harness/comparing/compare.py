"""`harness.compare`: paired differences of runs on the samples that they share, corrected for all that is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.arrays import Ints, Mask
from harness.comparing.changed import changed_samples
from harness.comparing.comparable import check_comparable, check_roles, domain_notes, entry_name
from harness.comparing.loaded import LoadedRun, load_run
from harness.comparing.records import ComparedValue, Comparison, Kind, RunDifference
from harness.comparing.shared import SharedRows, same_data_names, shared_entries
from harness.components.metric import Direction, Metric
from harness.errors import RequestError, unknown
from harness.exporting.run_result import RunResult
from harness.metrics.paired import PairedValue, compare_metric
from harness.scoring.rows import Rows
from harness.scoring.score_rows import make_metric, scores_for
from harness.stats.comparison import holm
from harness.stats.paired import PairedDifference, paired_shares
from harness.store.find import find_run
from harness.tasks.answers import LABELS


def compare(
    runs: Sequence[str | Path | RunResult],
    *,
    anyway: bool = False,
    group_by: Sequence[str] = (),
    samples: bool = False,
) -> Comparison:
    """Compare two or more runs (folders, names below `runs/`, results, or baselines of the gate) with the first one.

    Differences are paired on the samples that all runs share; intervals are by cluster at 95%; p values have Holm's
    correction over everything shown. `group_by` adds a row for each value of these columns, `samples` the samples whose
    correctness changes. Raises `RequestError` that names what differs where runs are not comparable, unless `anyway`.
    """
    if isinstance(runs, (str, Path)) or len(runs) < 2:
        raise RequestError("A comparison needs two runs or more.", "For example: harness compare RUN RUN")
    loaded = [load_run(run.path if isinstance(run, RunResult) else find_run(run)) for run in runs]
    return compare_loaded(loaded, anyway=anyway, group_by=group_by, samples=samples)


def compare_loaded(
    runs: Sequence[LoadedRun], *, anyway: bool = False, group_by: Sequence[str] = (), samples: bool = False
) -> Comparison:
    """`compare` for runs that were read already."""
    runs = same_data_names(runs)
    check_roles(runs)
    warnings = check_comparable(runs, anyway=anyway)
    entries, left_out = shared_entries(runs)
    warnings += left_out
    warnings += domain_notes(runs)
    warnings += [f"{run.record.name} is incomplete" for run in runs if not run.complete]
    check_columns(entries, group_by)
    warnings += [warning for shared in entries for warning in shared.ungrouped(group_by)]
    rows = []
    for shared in entries:
        rows += list(_values(shared, runs[0].record.seed, group_by))
        if all(d is None for d in rows[-1].differences) and rows[-1].kind == "metric":
            warnings.append(f"{entry_name(shared.entries[0])}: {rows[-1].metric} has no paired difference")
    _correct(rows)
    changed = [change for shared in entries for change in changed_samples(shared, runs)] if samples else []
    return Comparison(runs=[run.info() for run in runs], rows=rows, samples=changed, warnings=warnings)


def check_columns(entries: Sequence[SharedRows], columns: Sequence[str]) -> None:
    """Raise `UnknownName` for a column that no shared sample has."""
    for name in columns:
        known = {*LABELS, *(column for e in entries for s in e.rows[0].samples for column in s.attributes)}
        if name not in known:
            raise unknown("column", name, known)


def _values(shared: SharedRows, seed: int, group_by: Sequence[str]) -> Iterator[ComparedValue]:
    metric = make_metric(shared.entries[0].metric)
    yield metric_value(shared, shared.rows, metric, {}, seed)
    for group, mask in shared.groups(group_by):
        yield metric_value(shared, shared.select(mask), metric, group, seed)
    yield from share_values(shared, seed)


def metric_value(
    shared: SharedRows, rows: Sequence[Rows], metric: Metric, group: dict[str, str], seed: int
) -> ComparedValue:
    """The primary metric on these rows, in every run."""
    found = list(paired_values(shared, rows, metric, seed))
    return ComparedValue(
        **about(shared),
        metric=shared.entries[0].metric.name,
        kind="metric",
        direction=metric.direction,
        group=group,
        n=found[0].n,
        clusters=found[0].clusters,
        values=[found[0].first, *(pair.second for pair in found)],
        differences=[_difference(pair.difference, metric.direction) for pair in found],
    )


def paired_values(
    shared: SharedRows, rows: Sequence[Rows], metric: Metric, seed: int, level: float = 0.95
) -> Iterator[PairedValue]:
    """Each run but the first compared with it, on the rows that enter the metric in every run."""
    cluster = shared.entries[0].spec.cluster
    scores = [scores_for(found, metric, cluster) for found in rows]
    inside = np.logical_and.reduce([metric.entered(s) for s in scores]) if len(scores) > 2 else None
    if inside is not None:
        scores = [s.where(inside) for s in scores]
    for other in scores[1:]:
        yield compare_metric(metric, scores[0], other, seed=seed, level=level)


def share_values(shared: SharedRows, seed: int) -> Iterator[ComparedValue]:
    """The shares of unparsed replies and of failed samples, in every run."""
    flags, units = unparsed_flags(shared)
    yield _share(shared, "unparsed", flags, units, seed)
    if shared.key.judge:
        shares: list[float | None] = [entry.failed / max(entry.planned, 1) for entry in shared.entries]
        planned = min(entry.planned for entry in shared.entries)
        yield ComparedValue(
            **about(shared),
            metric="failed",
            kind="failed",
            direction="lower",
            n=planned,
            clusters=planned,
            values=shares,
            differences=[None] * (len(shares) - 1),
        )
        return
    first = shared.entries[0].asked
    asked = sorted(unit for unit in first if all(unit in entry.asked for entry in shared.entries))
    numbers: dict[str, int] = {}
    samples = np.array([numbers.setdefault(id_, len(numbers)) for id_, _ in asked], np.int64)
    failed = [np.array([unit not in entry.places for unit in asked], bool) for entry in shared.entries]
    yield _share(shared, "failed", failed, samples, seed)


def unparsed_flags(shared: SharedRows) -> tuple[list[Mask], Ints]:
    """Which shared rows are unparsed, shape (n,) for each run, and their clusters."""
    units = shared.rows[0].scores(shared.entries[0].spec.cluster).cluster
    return [np.array([bool(reason) for reason in rows.reasons]) for rows in shared.rows], units


def _share(shared: SharedRows, kind: Kind, flags: Sequence[Mask], cluster: Ints, seed: int) -> ComparedValue:
    return ComparedValue(
        **about(shared),
        metric="unparsed replies" if kind == "unparsed" else "failed",
        kind=kind,
        direction="lower",
        n=len(cluster),
        clusters=len(np.unique(cluster)),
        values=[float(flag.mean()) if len(flag) else None for flag in flags],
        # Where nothing happened there is nothing to test, and no test to correct others for.
        differences=[
            _difference(paired_shares(flags[0], flag, cluster, seed=seed), "lower")
            if flags[0].any() or flag.any()
            else None
            for flag in flags[1:]
        ],
    )


def about(shared: SharedRows) -> dict[str, Any]:
    """The fields that name an entry."""
    key = shared.key
    return {
        "task": key.task,
        "data": key.data,
        "judge": key.judge or None,
        "prompt_variant": key.variant or None,
    }


def _difference(found: PairedDifference | None, direction: Direction) -> RunDifference | None:
    if found is None or not math.isfinite(found.value):
        return None
    worse, better = found.first_only, found.second_only
    if direction == "lower":
        worse, better = better, worse
    return RunDifference(
        value=found.value,
        low=found.low,
        high=found.high,
        p=None if math.isnan(found.p) else found.p,
        p_adjusted=None,
        newly_wrong=worse,
        newly_right=better,
        detectable=found.detectable,
        method=found.method,
    )


def _correct(rows: Sequence[ComparedValue]) -> None:
    tests = [d for row in rows for d in row.differences if d is not None and d.p is not None]
    for test, p in zip(tests, holm([test.p for test in tests if test.p is not None]), strict=True):
        test.p_adjusted = p
