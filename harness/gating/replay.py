"""The report of a run with a sequential gate: its verdict again, from the stored replies alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.comparing.compare import about, paired_values
from harness.comparing.loaded import EntryKey, LoadedRun, Unit
from harness.comparing.shared import SharedRows, same_data_names
from harness.gating.config import GateConfig
from harness.gating.records import Check, Verdict
from harness.gating.sequential import SequentialGate
from harness.gating.verdicts import make_check
from harness.metrics.paired import right_rows
from harness.scoring.score_rows import make_metric, scores_for

_WHY: dict[Verdict, str] = {
    "regression": "a significant drop of {drop:.3f} when the run was stopped, larger than the margin of {margin:g}",
    "pass": "a drop of {margin:g} was ruled out when the run was stopped",
    "inconclusive": "not clear when the run was stopped",
}


def baseline_name(baseline: LoadedRun) -> dict[str, str]:
    """Which baseline a run was stopped against."""
    return {"baseline": baseline.record.name, "created": baseline.record.created}


def replay(run: LoadedRun, baseline: LoadedRun, config: GateConfig) -> SequentialGate | None:
    """The sequential gate of a run in the state in which it ended; None where it had none with this baseline."""
    stored = run.record.sequential
    if not stored or any(stored.get(name) != value for name, value in baseline_name(baseline).items()):
        return None
    run = same_data_names((baseline, run))[1]
    gate = SequentialGate(
        baseline,
        config,
        ((key, unit) for key, entry in run.entries.items() for unit in entry.places),
        run.record.seed,
        dict(_planned_sizes(stored)),
    )
    for key, unit, right in answers(run):
        gate.settle(key, unit, right, look=False)
    gate.look(stored.get("clusters"))
    return gate


def stored_sizes(gate: SequentialGate) -> list[dict[str, Any]]:
    """What `run.json` keeps of the clusters that were planned: how many have so many rows, of each entry."""
    return [
        {**key._asdict(), "sizes": sorted(Counter(sizes.tolist()).items())} for key, sizes in gate.sizes()
    ]


def _planned_sizes(stored: Mapping[str, Any]) -> Iterator[tuple[EntryKey, Ints]]:
    for entry in stored.get("entries", ()):
        sizes, counts = zip(*entry["sizes"], strict=True) if entry["sizes"] else ((), ())
        key = EntryKey(*(entry[name] for name in EntryKey._fields))
        yield key, np.repeat(np.array(sizes, np.int64), np.array(counts, np.int64))


def answers(run: LoadedRun) -> Iterator[tuple[EntryKey, Unit, bool]]:
    """Every answered unit of a run, and whether it is right."""
    for key, entry in run.entries.items():
        metric = make_metric(entry.metric)
        right = right_rows(metric, scores_for(entry.rows, metric, entry.spec.cluster))
        if right is not None:
            yield from ((key, unit, bool(right[place])) for unit, place in entry.places.items())


def stopped_checks(
    entries: list[SharedRows], gate: SequentialGate, config: GateConfig, seed: int
) -> Iterator[Check]:
    """The checks of a run that was stopped: values on the clusters looked at, verdicts of the sequential tests.

    Neither p nor bounds: those of a fixed number of samples do not hold at the moment of a stop.
    """
    found = {key: (verdict, units) for key, verdict, units in gate.outcomes()}
    for shared in entries:
        if shared.entries[0].key not in found:
            continue
        verdict, units = found[shared.entries[0].key]
        chosen = set(units)
        mask = np.array([unit in chosen for unit in shared.units])
        metric = make_metric(shared.entries[0].metric)
        [pair] = paired_values(shared, shared.select(mask), metric, seed, level=1 - config.alpha)
        named: dict[str, Any] = {**about(shared), "metric": shared.entries[0].metric.name, "kind": "metric"}
        check = make_check(
            named,
            metric.direction,
            (pair.first, pair.second),
            pair.difference,
            config.margin_of(shared.key.task),
            (pair.n, pair.clusters),
        )
        check.p = check.drop_at_most = None
        check.method = "sequential: betting" if pair.n == pair.clusters else "sequential: asymptotic"
        check.verdict = verdict or "inconclusive"
        check.reason = _WHY[check.verdict].format(drop=check.drop or 0.0, margin=check.margin)
        yield check


def asked_samples(run: LoadedRun, stored: Mapping[str, Any]) -> tuple[int, int]:
    """How many samples were asked, and how many were planned."""
    asked = len({(key.data, unit[0]) for key, entry in run.entries.items() for unit in entry.places})
    return asked, max(int(stored.get("planned", asked)), asked)
