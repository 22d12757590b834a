"""`harness.gate`: is a run worse than a baseline? Reads both folders; asks no model."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.comparing.comparable import check_comparable, check_roles, domain_notes, entry_name
from harness.comparing.compare import about, check_columns, paired_values, unparsed_flags
from harness.comparing.loaded import LoadedRun, load_run
from harness.comparing.shared import SharedRows, same_data_names, shared_entries
from harness.errors import RequestError
from harness.exporting.run_result import RunResult
from harness.gating.config import GateConfig, load_config
from harness.gating.records import CANNOT_TELL, Check, GateReport, Sequential
from harness.gating.replay import asked_samples, replay, stopped_checks
from harness.gating.verdicts import EXIT_CODES, decide, make_check, overall
from harness.scoring.score_rows import make_metric
from harness.stats.paired import paired_shares
from harness.store.find import find_run

OLD_BASELINE = 90
"""Days after which a baseline is called old."""


def gate(
    run: str | Path | RunResult,
    baseline: str | Path | RunResult,
    *,
    margin: float | None = None,
    config: str | Path | None = None,
    anyway: bool = False,
) -> GateReport:
    """Whether `run` is worse than `baseline`, two runs or baselines of the gate on the same request.

    Worse means a significant drop (one-sided, corrected) that is larger than the margin; not worse means that a drop of
    the margin is ruled out; else the gate cannot tell. `margin` (0.05 by default) is in the units of the primary metric;
    `config` is a `gate.toml`, by default the one in the baseline's folder. Raises `RequestError` that names what differs
    where the runs are not comparable, unless `anyway`.
    """
    paths = [found.path if isinstance(found, RunResult) else find_run(found) for found in (run, baseline)]
    if paths[0].resolve() == paths[1].resolve():
        raise RequestError(
            "The run and the baseline are the same folder.", "Give the run of the new release."
        )
    settings = load_config(None if config is None else Path(config), paths[1], margin)
    return gate_loaded(load_run(paths[0]), load_run(paths[1]), settings, anyway=anyway)


def gate_loaded(
    run: LoadedRun, baseline: LoadedRun, config: GateConfig, *, anyway: bool = False
) -> GateReport:
    """`gate` for runs that were read already."""
    entries, warnings = comparable_entries(run, baseline, config, anyway=anyway)
    sequential, alpha = None, config.alpha
    stored = run.record.sequential or {}
    stopped = bool(stored.get("stopped"))
    played = replay(run, baseline, config)
    if played:
        asked, planned = asked_samples(run, stored)
        sequential = Sequential(asked=asked, planned=planned, stopped=stopped)
        alpha /= 2
    elif stopped:
        warnings.append(
            f"{run.record.name} was stopped early against another baseline, and what it asked depends on that one: "
            f"{CANNOT_TELL}"
        )
    if played and stopped:
        checks = list(stopped_checks(entries, played, config, run.record.seed))
    else:
        checks = [
            check for shared in entries for check in make_checks(shared, config, run.record.seed, alpha)
        ]
        decide(checks, alpha)
    failures = [failed_check(shared, config) for shared in entries]
    checks += [check for check in failures if check.value or check.baseline]
    unusable = run.mixed or baseline.mixed or bool(run.record.halted) or (stopped and not played)
    verdict = overall(checks, no_evidence=unusable)
    warnings += _state(run, baseline)
    return GateReport(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        run=run.info(),
        baseline=baseline.info(),
        baseline_age_days=_age(baseline, run),
        alpha=alpha,
        checks=checks,
        sequential=sequential,
        failed=sum(shared.entries[1].failed for shared in entries),
        warnings=warnings,
    )


def check_requests(
    run: LoadedRun, baseline: LoadedRun, config: GateConfig, *, anyway: bool = False
) -> list[str]:
    """Raise `RequestError` where a run asks something else than the baseline, or less; return warnings.

    Looks at what is asked, not at answers.
    """
    run = same_data_names((baseline, run))[1]
    check_roles((baseline, run))
    warnings = check_comparable((baseline, run), anyway=anyway)
    known = {key.task for key in baseline.entries}
    for name in (*config.only, *config.tasks):
        if name not in known:
            raise RequestError(
                f"The gate file names the task {name!r}, which the baseline does not have.",
                f"The baseline has: {', '.join(sorted(known))}.",
            )
    missing = [
        entry_name(entry)
        for key, entry in baseline.entries.items()
        if key not in run.entries and (not config.only or key.task in config.only)
    ]
    if missing:
        raise RequestError(
            f"{run.record.name} lacks what the baseline has: {', '.join(missing)}.",
            "Run these too, or name the tasks to watch in gate.toml: only = [...]",
        )
    return warnings


def comparable_entries(
    run: LoadedRun, baseline: LoadedRun, config: GateConfig, *, anyway: bool = False
) -> tuple[list[SharedRows], list[str]]:
    """What the gate watches, and warnings. Raises `RequestError` where the runs do not allow it."""
    warnings = check_requests(run, baseline, config, anyway=anyway)
    entries, left_out = shared_entries((baseline, run))
    watched = [shared for shared in entries if not config.only or shared.key.task in config.only]
    if not watched:
        raise RequestError(
            f"{run.record.name} and the baseline share no sample of {', '.join(config.only)}.",
            "Run the same samples.",
        )
    check_columns(watched, [name for shared in watched for name in config.groups_of(shared.key.task)])
    for shared in watched:
        left_out += shared.ungrouped(config.groups_of(shared.key.task))
    return watched, [*warnings, *domain_notes((baseline, run)), *left_out]


def make_checks(shared: SharedRows, config: GateConfig, seed: int, alpha: float) -> Iterator[Check]:
    """The checks of one entry that have a test: the primary metric, its groups, unparsed replies."""
    task = shared.key.task
    metric = make_metric(shared.entries[0].metric)
    named: dict[str, Any] = {**about(shared), "metric": shared.entries[0].metric.name, "kind": "metric"}
    groups = shared.groups(config.groups_of(task))
    parts = [({}, shared.rows), *((group, shared.select(mask)) for group, mask in groups)]
    for group, rows in parts:
        [pair] = paired_values(shared, rows, metric, seed, level=1 - alpha)
        yield make_check(
            {**named, "group": group},
            metric.direction,
            (pair.first, pair.second),
            pair.difference,
            config.margin_of(task),
            (pair.n, pair.clusters),
        )
    flags, units = unparsed_flags(shared)
    if flags[0].any() or flags[1].any():
        found = paired_shares(flags[0], flags[1], units, seed=seed, level=1 - alpha)
        yield make_check(
            {**about(shared), "metric": "unparsed replies", "kind": "unparsed"},
            "lower",
            (float(flags[0].mean()), float(flags[1].mean())),
            found,
            config.limits.unparsed_rise,
            (len(units), len(np.unique(units))),
        )


def failed_check(shared: SharedRows, config: GateConfig) -> Check:
    """Whether the run has so few failed samples that the others are evidence."""
    shares = [entry.failed / max(entry.planned, 1) for entry in shared.entries]
    limit, planned = config.limits.failed, shared.entries[1].planned
    check = make_check(
        {**about(shared), "metric": "failed", "kind": "failed"},
        "lower",
        (shares[0], shares[1]),
        None,
        limit,
        (planned, planned),
    )
    check.method, check.drop = "limit", shares[1] - shares[0]
    if shares[1] <= limit:
        check.verdict, check.reason = (
            "pass",
            f"{shares[1]:.1%} of the samples failed, at most {limit:.1%} may",
        )
    else:
        check.reason = (
            f"{shares[1]:.1%} of the samples failed or were not asked, more than the limit of {limit:.1%}: "
            "the others may be the easy ones"
        )
    return check


def _state(run: LoadedRun, baseline: LoadedRun) -> list[str]:
    """Warnings on the state of both."""
    warnings = [f"{found.record.name} is incomplete" for found in (run, baseline) if not found.complete]
    warnings += [
        f"{found.record.name} mixes replies of two releases: {CANNOT_TELL}"
        for found in (run, baseline)
        if found.mixed
    ]
    if run.record.halted:
        warnings.append(f"{run.record.name} asked no further, since {run.record.halted}: {CANNOT_TELL}")
    if run.record.model == baseline.record.model and run.record.release == baseline.record.release:
        warnings.append(
            f"the baseline is of the same release of {run.record.model.name}: name releases: `harness run --release ID`"
        )
    age = _age(baseline, run)
    if age > OLD_BASELINE:
        warnings.append(f"the baseline is {age:.0f} days old")
    return warnings


def _age(baseline: LoadedRun, run: LoadedRun) -> float:
    """Days from the baseline's start to the run's."""
    try:
        start, end = (datetime.datetime.fromisoformat(found.record.created) for found in (baseline, run))
        return round((end - start).total_seconds() / 86_400, 2)
    except (ValueError, TypeError):  # written by hand, or without a time zone
        return 0.0
