"""Measures interval coverage and test size by simulation: `python benchmarks/bench_coverage.py`.

Simulates data with known truth and answers that are correlated within a cluster (a person or a prompt). Prints how
often the 95% interval contains the truth (target: 93 to 97%, or a warning in the results), and how often a test at 5%
rejects a true null hypothesis (target: 4 to 6%, exact tests below). Seeds are fixed. Exits with 1 if a value is outside
its target.
"""

from __future__ import annotations

import itertools
import sys
import time

import coverage_confidence as confidence
import coverage_groups as groups
import coverage_people as people
import coverage_presence as presence
import coverage_shapes as shapes
import coverage_unparsed as unparsed
import numpy as np

from harness.arrays import Floats, Ints
from harness.components.metric import Scores
from harness.metrics.choice import Accuracy
from harness.metrics.collapsed import collapsed
from harness.metrics.rank import Srcc
from harness.metrics.rating import MeanAbsoluteError
from harness.metrics.score import MetricRequest, score_metrics
from harness.stats.clustered import clustered_standard_error
from harness.stats.collapse import collapse
from harness.stats.comparison import mcnemar
from harness.stats.jackknife import jackknife_interval, standard_error
from harness.stats.paired import paired_difference
from harness.stats.wild import wild_cluster_p
from harness.types import EMOTIONS

SEED = 20_241_117
COVERAGE, TESTS = 1_000, 10_000
RESAMPLES = 500
ICC = 0.3
"""Correlation of the answers within a cluster, on the latent scale before thresholding."""

INTERVAL_NAMES = {"analytic": "analytic interval of accuracy", "jackknife": "jackknife interval of srcc"}

failures: list[str] = []


def latent(rng: np.random.Generator, cluster: Ints, icc: float) -> Floats:
    """Standard normal values, correlated by `icc` within a cluster; shape (n,)."""
    shared = rng.normal(size=int(cluster.max()) + 1)[cluster]
    return np.sqrt(icc) * shared + np.sqrt(1 - icc) * rng.normal(size=len(cluster))


def report(name: str, share: float, low: float, high: float, trials: int, start: float) -> None:
    inside = low <= share <= high
    failures.extend([] if inside else [name])
    print(
        f"{name:66} {share:7.2%}  of {trials:6,}   target {low:.0%} to {high:.0%}   "
        f"{'ok' if inside else 'OUTSIDE'}   {time.perf_counter() - start:5.1f} s",
        flush=True,
    )


def jackknifed(rating: Scores) -> tuple[float, float]:
    """The jackknife interval of SRCC."""
    metric, (sample, counts) = Srcc(), collapsed(rating)
    value = float(metric.estimate(sample, counts[None])[0])
    error = standard_error(metric.leave_one_out(sample, counts), counts)
    interval = jackknife_interval(value, error, int(counts.sum()), correlation=True)
    assert interval is not None
    return interval


def coverage(clusters: int, size: int) -> None:
    """Coverage of accuracy, MAE and SRCC with known truth: cluster bootstrap, analytic interval, jackknife."""
    start, rng = time.perf_counter(), np.random.default_rng([SEED, clusters])
    cluster, emotion = np.repeat(np.arange(clusters), size), np.zeros(clusters * size, np.int64)
    skill = 0.6
    truths = {"accuracy": 0.7, "srcc": 6 / np.pi * np.arcsin(skill / 2), "mae": np.sqrt(2 / np.pi)}
    hits = dict.fromkeys([*truths, "analytic", "jackknife"], 0)
    requests = [MetricRequest("srcc", Srcc()), MetricRequest("mae", MeanAbsoluteError())]
    for number in range(COVERAGE):
        right = latent(rng, cluster, ICC) < 0.5244005127080407  # the 70% point
        choice = Scores("choice", emotion * 1.0, 1.0 - right, cluster, emotion, ("yes", "no"), EMOTIONS)
        x, noise = latent(rng, cluster, ICC), latent(rng, cluster, ICC)
        y = skill * x + np.sqrt(1 - skill**2) * noise
        rating = Scores("rating", x, y, cluster, emotion, (), EMOTIONS)
        error = Scores("rating", x, x + noise, cluster, emotion, (), EMOTIONS)
        found = score_metrics(
            choice, [MetricRequest("accuracy", Accuracy())], seed=number, resamples=RESAMPLES
        ).metrics
        found += score_metrics(rating, requests[:1], seed=number, resamples=RESAMPLES).metrics
        found += score_metrics(error, requests[1:], seed=number, resamples=RESAMPLES).metrics
        # The harness uses it where very many rows allow too few resamples.
        low, high = jackknifed(rating)
        hits["jackknife"] += low <= truths["srcc"] <= high
        for entry in found:
            hits[entry["name"]] += entry["low"] <= truths[entry["name"]] <= entry["high"]
        reach = 1.959963984540054 * clustered_standard_error(right * 1.0, cluster)
        hits["analytic"] += abs(right.mean() - 0.7) <= reach
    for name, count in hits.items():
        if (
            name != "analytic" or clusters >= 100
        ):  # a normal interval is known to be too narrow with few clusters
            label = INTERVAL_NAMES.get(name, f"bootstrap interval of {name}")
            report(
                f"{label}, {clusters} clusters of {size}, ICC {ICC}",
                count / COVERAGE,
                0.93,
                0.97,
                COVERAGE,
                start,
            )


def by_confidence() -> None:
    """The interval of the debiased ECE, and how often that of a calibrated judge excludes 0."""
    for name, share, low in confidence.calibration_errors():
        # The upper end keeps the bias of the binned value: above 97% for small gaps.
        report(name, share, low, 1.0 if low else 0.05, confidence.SIMULATIONS, time.perf_counter())


def false_positives(clusters: int, size: int) -> None:
    """Two equally good judges on the same samples: rejection rate of the paired bootstrap."""
    start, rng = time.perf_counter(), np.random.default_rng([SEED, clusters, 1])
    cluster = np.repeat(np.arange(clusters), size)
    found = 0
    for number in range(TESTS):
        common = latent(rng, cluster, ICC)
        runs = [0.8 * common + 0.6 * latent(rng, cluster, ICC) < 0.5 for _ in range(2)]
        kinds = collapse([run * 1.0 for run in runs], cluster)
        sums = [np.bincount(kinds.cluster, run[kinds.rows] * 1.0) for run in runs]

        def accuracy(which: int, sums: list[Floats] = sums) -> object:
            return lambda weights: weights @ sums[which] / (clusters * size)

        test = paired_difference(accuracy(0), accuracy(1), kinds.counts, seed=number, resamples=RESAMPLES)  # type: ignore[arg-type]
        found += test.p <= 0.05
    report(f"paired bootstrap at 5%, {clusters} clusters of {size}", found / TESTS, 0.04, 0.06, TESTS, start)


def few_differences(n: int, differ: float) -> None:
    """Two equally good judges that differ in about `differ` of n answers, in either direction alike."""
    start, rng = time.perf_counter(), np.random.default_rng([SEED, n, int(differ)])
    values, found = np.array([1.0, -1.0, 0.0]), 0
    for number in range(TESTS):
        counts = rng.multinomial(n, [differ / 2 / n, differ / 2 / n, 1 - differ / n])
        sums = values[counts > 0]
        test = paired_difference(
            lambda weights: np.zeros(len(weights)),
            lambda weights, sums=sums: weights @ sums / n,  # type: ignore[misc]
            counts[counts > 0],
            seed=number,
            resamples=RESAMPLES,
        )
        found += test.p <= 0.05
    # Few differences have few possible p values: the test cannot reach 5%.
    low = 0.04 if differ >= 30 else 0.0
    report(
        f"paired difference at 5%, {differ:g} of {n} answers differ", found / TESTS, low, 0.06, TESTS, start
    )


def few_clusters(clusters: int, size: int) -> None:
    """The wild cluster bootstrap on paired differences of 12 models."""
    start, rng = time.perf_counter(), np.random.default_rng([SEED, clusters, 2])
    cluster = np.repeat(np.arange(clusters), size)
    p = [
        wild_cluster_p(latent(rng, cluster, 0.5), cluster, resamples=RESAMPLES - 1, seed=n)
        for n in range(TESTS)
    ]
    share = float(np.mean(np.array(p) <= 0.05))
    report(f"wild cluster bootstrap at 5%, {clusters} clusters of {size}", share, 0.04, 0.06, TESTS, start)


def mid_p_test(n: int) -> None:
    """McNemar's mid-p test: its size may be below 5% with few differences, but not above 6%."""
    start, rng = time.perf_counter(), np.random.default_rng([SEED, n, 3])
    counts = rng.multinomial(n, [0.06, 0.06, 0.88], size=TESTS)
    share = float(np.mean([mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in counts]))
    report(f"McNemar's mid-p test at 5%, {n} samples", share, 0.0, 0.06, TESTS, start)


def in_shapes() -> None:
    """Intervals of every shape that runs have, and the permutation tests of the valence gap and of groups."""
    for found in itertools.chain(
        shapes.accuracies(),
        shapes.repeated(),
        shapes.gaps(),
        shapes.classes(),
        shapes.ranks(),
        unparsed.among_two(),
        groups.repeats(),
        presence.covered(),
    ):
        failures.extend([] if found.verdict.startswith("ok") else [found.name])
        print(
            f"{found.name:66} {found.share:7.2%}  missed unwarned {found.unwarned:6.2%}   {found.verdict}",
            flush=True,
        )
    for name, share in itertools.chain(shapes.gap_tests(), groups.omnibus_tests()):
        # A permutation test keeps its level; with few errors it cannot reach 5%.
        report(f"{name}, at 5%", share, 0.0, 0.065, shapes.SIMULATIONS, time.perf_counter())
    for name, share in unparsed.refusals():
        report(name, share, 0.0, 0.0, shapes.SIMULATIONS, time.perf_counter())


def by_people() -> None:
    """Human ceilings, judges against the same people, and prediction-powered estimates."""
    start = time.perf_counter()
    for name, share in people.calibrated_values():
        report(name, share, 0.93, 0.97, people.SIMULATIONS, start)
    for name, share, warned in people.ceilings():
        # With few raters the results say that the interval is rough.
        low, high = (0.91, 0.985) if warned else (0.93, 0.97)
        report(name, share, low, high, people.SIMULATIONS, start)


def main() -> int:
    coverage(100, 6)
    coverage(24, 12)
    by_confidence()
    false_positives(100, 3)
    false_positives(24, 12)
    few_differences(300, 6)
    few_differences(300, 40)
    few_clusters(12, 10)
    mid_p_test(600)
    in_shapes()
    by_people()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
