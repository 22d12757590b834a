"""The sequential mode: paired differences are looked at while replies arrive, until the verdict is clear.

Clusters count in a seeded random order, whatever the order of arrival, so a run that was killed and resumed comes to the
same verdict. Half of alpha is spent while it runs, the other half on the test at the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.arrays import Ints
from harness.comparing.comparable import entry_name
from harness.comparing.loaded import Entry, EntryKey, LoadedRun, Unit
from harness.gating.config import GateConfig
from harness.gating.records import Verdict
from harness.metrics.paired import right_rows
from harness.scoring.score_rows import make_metric, scores_for
from harness.stats.sequential import SequentialTest, cleared, clearing_test, sequential_test
from harness.tasks.clusters import cluster_column

FEWEST_CLUSTERS = 60
"""With fewer clusters nothing can be stopped early: the first looks come too late."""
Cluster = tuple[str, str]
"""Data set and name."""


@dataclass
class _Watched:
    """One task on one data set, as far as it has been looked at."""

    entry: Entry
    """The baseline's."""
    baseline: dict[Unit, bool]
    """Which units the baseline has right, of those that are planned."""
    clusters: dict[Cluster, list[Unit]]
    sizes: Ints
    """Of the clusters that were planned."""
    margin: float
    early_pass: bool
    """Groups are watched at the end: a pass on all rows says nothing of them."""
    alarm: SequentialTest
    clear: SequentialTest
    verdict: Verdict | None = None
    n: int = 0
    total: float = 0.0
    found: dict[Unit, bool] = field(default_factory=dict)
    """Which units the new run has right, of those that it has answered."""

    def look(self, cluster: Cluster) -> None:
        """Take a cluster whose units have all been answered or have failed."""
        units = [unit for unit in self.clusters.get(cluster, ()) if unit in self.found]
        if not units:
            return
        d = np.array([float(self.found[unit]) - self.baseline[unit] for unit in units])
        self.n += len(d)
        self.total += float(d.sum())
        alarmed = self.alarm.add(d)
        passes = self.clear.add(cleared(d, self.margin))
        if self.verdict is None and alarmed and -self.total / self.n > self.margin:
            self.verdict = "regression"
        elif self.verdict is None and passes and self.early_pass:
            self.verdict = "pass"


class SequentialGate:
    """The state of a sequential gate. `verdict` is None until it is clear."""

    def __init__(
        self,
        baseline: LoadedRun,
        config: GateConfig,
        planned: Iterable[tuple[EntryKey, Unit]],
        seed: int,
        sizes: Mapping[EntryKey, Ints] | None = None,
    ) -> None:
        """`planned`: the units that the new run asks, with the entries that they belong to.

        `seed`, the run's, decides the order of clusters. `sizes`: those of all clusters that were planned, where
        `planned` holds only what was answered before a stop: the tests depend on them.
        """
        units: dict[EntryKey, set[Unit]] = {}
        for key, unit in planned:
            units.setdefault(key, set()).add(unit)
        entries = {
            key: entry
            for key, entry in baseline.entries.items()
            if key in units and (not config.only or key.task in config.only)
        }
        self._watched = {
            key: _watch(
                entry,
                units[key],
                config,
                config.alpha / 2 / len(entries),
                None if sizes is None else sizes.get(key),
            )
            for key, entry in entries.items()
        }
        names = {cluster for watched in self._watched.values() for cluster in watched.clusters}
        self.order = sorted(names, key=lambda cluster: _digest(seed, cluster))
        place = {cluster: number for number, cluster in enumerate(self.order)}
        self._cluster = {
            (key, unit): cluster
            for key, watched in self._watched.items()
            for cluster, held in watched.clusters.items()
            for unit in held
        }
        self._places = {(key.data, unit[0]): place[cluster] for (key, unit), cluster in self._cluster.items()}
        self._open: dict[Cluster, int] = dict.fromkeys(self.order, 0)
        for cluster in self._cluster.values():
            self._open[cluster] += 1
        self._settled: set[tuple[EntryKey, Unit]] = set()
        self.clusters = 0
        """How many clusters have been looked at, in order."""
        self.verdict: Verdict | None = None

    def sizes(self) -> Iterator[tuple[EntryKey, Ints]]:
        """The rows of each cluster that is planned, of each entry."""
        for key, watched in self._watched.items():
            yield key, watched.sizes

    @property
    def units(self) -> int:
        """How many answers the gate can use."""
        return len(self._cluster)

    def place(self, data: str, sample_id: str) -> int:
        """Where in the random order the cluster of a sample is; those that the baseline lacks come last."""
        return self._places.get((data, sample_id), len(self.order))

    def truth(self, key: EntryKey, unit: Unit) -> str | float | None:
        """The truth of a unit, as the baseline has it; None for one that is not watched."""
        watched = self._watched.get(key)
        if watched is None or unit not in watched.baseline:
            return None
        return watched.entry.rows.truths[watched.entry.places[unit]]

    def settle(self, key: EntryKey, unit: Unit, right: bool | None, *, look: bool = True) -> None:
        """Take an answer, right or wrong, or a failure (None), and `look` at all clusters that are whole now."""
        cluster = self._cluster.get((key, unit))
        if cluster is None or (key, unit) in self._settled:
            return
        self._settled.add((key, unit))
        if right is not None:
            self._watched[key].found[unit] = right
        self._open[cluster] -= 1
        if look:
            self.look()

    def look(self, most: int | None = None) -> None:
        """Look at whole clusters in their order, at most up to number `most`, until the verdict is clear."""
        while self.verdict is None and self.clusters < len(self.order):
            cluster = self.order[self.clusters]
            if self._open[cluster] or (most is not None and self.clusters >= most):
                return
            self.clusters += 1
            for watched in self._watched.values():
                watched.look(cluster)
            verdicts = [watched.verdict for watched in self._watched.values()]
            if "regression" in verdicts:
                self.verdict = "regression"
            elif verdicts and all(verdict == "pass" for verdict in verdicts):
                self.verdict = "pass"

    def outcomes(self) -> Iterator[tuple[EntryKey, Verdict | None, list[Unit]]]:
        """Of each entry: its verdict, and the units that it rests on."""
        seen = set(self.order[: self.clusters])
        for key, watched in self._watched.items():
            units = [
                unit
                for cluster, held in watched.clusters.items()
                if cluster in seen
                for unit in held
                if unit in watched.found
            ]
            yield key, watched.verdict, units


def _watch(
    entry: Entry, planned: set[Unit], config: GateConfig, alpha: float, sizes: Ints | None = None
) -> _Watched:
    metric = make_metric(entry.metric)
    right = right_rows(metric, scores_for(entry.rows, metric, entry.spec.cluster))
    assert right is not None, "checked by why_not"
    column = cluster_column(entry.spec.cluster, (s.attributes for s in entry.rows.samples))
    baseline = {unit: bool(right[place]) for unit, place in entry.places.items() if unit in planned}
    clusters: dict[Cluster, list[Unit]] = {}
    for unit in sorted(baseline):
        sample = entry.rows.samples[entry.places[unit]]
        clusters.setdefault((entry.key.data, sample.attributes.get(column) or sample.id), []).append(unit)
    if sizes is None:
        sizes = np.array([len(held) for held in clusters.values()], np.int64)
    margin = config.margin_of(entry.spec.name)
    return _Watched(
        entry,
        baseline,
        clusters,
        sizes,
        margin,
        not config.groups_of(entry.spec.name),
        sequential_test(alpha, len(sizes), int(sizes.max(initial=1))),
        clearing_test(alpha, sizes, margin),
    )


def why_not(baseline: LoadedRun, config: GateConfig) -> str:
    """Why the sequential mode cannot help with this baseline; empty where it can."""
    if baseline.record.role == "generator":
        return "all portraits are generated before the first is judged"
    columns = set()
    for key, entry in baseline.entries.items():
        if config.only and key.task not in config.only:
            continue
        metric = make_metric(entry.metric)
        several = entry.spec.pairs is not None or entry.spec.each is not None
        if several or metric.joins_orders or entry.rows.answer.scored != "choice":
            return f"{entry_name(entry)}: {entry.metric.name} is not a share of single answers"
        scores = scores_for(entry.rows, metric, entry.spec.cluster)
        right = right_rows(metric, scores)
        if right is None or not np.array_equal(right, scores.predicted == scores.truth):
            return f"{entry_name(entry)}: {entry.metric.name} is not a share of right answers"
        if len(np.unique(scores.cluster)) < FEWEST_CLUSTERS:
            count = len(np.unique(scores.cluster))
            return f"{entry_name(entry)} has {count} clusters, and it takes {FEWEST_CLUSTERS}"
        columns.add(scores.cluster_column)
    return "" if len(columns) < 2 else "its tasks have different clusters"


def _digest(seed: int, cluster: Cluster) -> bytes:
    named = f"{seed}:{cluster[0]}:{cluster[1]}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(named, digest_size=16, person=b"memobench-gate").digest()
