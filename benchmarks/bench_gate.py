"""Measures the gate by simulation: `python benchmarks/bench_gate.py [--seeds N]`.

Two runs answer the same samples, correlated with each other and within clusters. Prints, for the fixed and for the
sequential mode, how often the gate says regression, pass and cannot tell, how many samples the sequential mode asks, and
how often the test alone rejects next to what `harness power` predicts. Seeds are fixed. Exits with 1 if a false alarm is
more frequent than 5% (by more than simulation error), a power is off by more than 5 points, or a drop of 10 points takes
the sequential mode more than half of the samples in the median where the runs' right answers are correlated by 0.3 or more.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from harness.arrays import Mask
from harness.gating.verdicts import decide, make_check
from harness.stats import power
from harness.stats.paired import paired_shares
from harness.stats.sequential import cleared, clearing_test, sequential_test

SEED = 20_261_129
ALPHA, MARGIN = 0.05, 0.05
BASE, NEW = 0.80, (0.80, 0.78, 0.70)
SHAPES = ((600, 1), (100, 6), (24, 25), (7145, 1), (600, 12))
"""Clusters, and rows of each."""
CORRELATIONS = (0.3, 0.5, 0.7)
"""Of the two runs on the latent scale; their right answers are correlated by 0.2, 0.3 and 0.5 then."""
ALIKE = 0.295
"""Correlation of right answers from which on the sequential mode is to save half of the samples."""
WITHIN = (0.0, 0.3)
"""Correlation of answers within a cluster."""


@dataclass(frozen=True)
class Case:
    """One simulated comparison."""

    clusters: int
    size: int
    new: float
    between: float
    within: float

    def draw(self, rng: np.random.Generator) -> tuple[Mask, Mask]:
        """Which rows each run has right, shape (clusters, size)."""

        def part(shape: tuple[int, int]) -> np.ndarray:
            return np.sqrt(self.within) * rng.normal(size=(self.clusters, 1)) + np.sqrt(
                1 - self.within
            ) * rng.normal(size=shape)

        shape = (self.clusters, self.size)
        common = part(shape)
        runs = []
        for accuracy in (BASE, self.new):
            own = np.sqrt(self.between) * common + np.sqrt(1 - self.between) * part(shape)
            runs.append(own < NormalDist().inv_cdf(accuracy))
        return runs[0], runs[1]


def fixed(one: Mask, two: Mask, alpha: float) -> tuple[str, bool]:
    """The verdict on all samples, and whether the one-sided test rejects."""
    clusters, size = one.shape
    found = paired_shares(
        one.ravel(), two.ravel(), np.repeat(np.arange(clusters), size), level=1 - alpha, resamples=2_000
    )
    about = {"task": "t", "data": "d", "metric": "accuracy", "kind": "metric"}
    check = make_check(about, "higher", (one.mean(), two.mean()), found, MARGIN, (one.size, clusters))
    decide([check], alpha)
    return check.verdict, found.p_below <= alpha


def sequential(one: Mask, two: Mask) -> tuple[str, float]:
    """The verdict of the sequential mode, and the share of the samples that it asks."""
    clusters, size = one.shape
    differences = two.astype(float) - one
    alarm = sequential_test(ALPHA / 2, clusters, size)
    clear = clearing_test(ALPHA / 2, np.full(clusters, size), MARGIN)
    total = 0.0
    for number, d in enumerate(differences, 1):
        total += d.sum()
        if alarm.add(d) and -total / (number * size) > MARGIN:
            return "regression", number / clusters
        if clear.add(cleared(d, MARGIN)):
            return "pass", number / clusters
    return fixed(one, two, ALPHA / 2)[0], 1.0


def predicted(case: Case, rng: np.random.Generator) -> float:
    """Power of the one-sided test, as `harness power --paired --discordant D --alpha 0.1` with the design effect."""
    drawn = [case.draw(rng) for _ in range(200)]
    discordant = float(np.mean([(one != two).mean() for one, two in drawn]))
    n = case.clusters * case.size
    sums = np.array([(two.astype(float) - one).sum(axis=1) for one, two in drawn])
    independent = discordant - (case.new - BASE) ** 2
    effect = max(1.0, float(sums.var() / case.size / independent))
    return power.paired_proportions(BASE - case.new, n / effect, discordant, 2 * ALPHA)


def cases() -> Iterator[Case]:
    for clusters, size in SHAPES:
        for within in WITHIN if size > 1 else (0.0,):
            for between in CORRELATIONS:
                for new in NEW:
                    yield Case(clusters, size, new, between, within)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=300)
    seeds = parser.parse_args().seeds
    slack = 3 * (0.05 * 0.95 / seeds) ** 0.5
    failures = []
    start = time.perf_counter()
    for number, case in enumerate(cases()):
        verdicts, early, asked, alike, rejected = Counter[str](), Counter[str](), [], [], 0
        for seed in range(seeds):
            one, two = case.draw(np.random.default_rng([SEED, number, seed]))
            alike.append(np.corrcoef(one.ravel(), two.ravel())[0, 1])
            verdict, rejects = fixed(one, two, ALPHA)
            verdicts[verdict] += 1
            rejected += rejects
            verdict, share = sequential(one, two)
            early[verdict] += 1
            asked.append(share)
        expected = predicted(case, np.random.default_rng([SEED, number])) if case.new < BASE else ALPHA
        problems = []
        if case.new == BASE:
            for mode, found in (("fixed", verdicts), ("sequential", early)):
                problems += [f"{mode} false alarms"] if found["regression"] / seeds > 0.05 + slack else []
            problems += ["false alarms of the test"] if rejected / seeds > 0.05 + slack else []
        elif abs(rejected / seeds - expected) > 0.05 + slack / 2 and rejected / seeds < expected:
            problems.append("power")
        if case.new == 0.70 and case.clusters >= 60 and np.mean(alike) >= ALIKE and median(asked) > 0.5:
            problems.append("asks too many")
        name = f"{case.clusters} x {case.size}, {BASE} against {case.new}, runs {np.mean(alike):.2f}, within {case.within}"
        failures += [f"{name}: {problem}" for problem in problems]
        print(
            f"{name:58} test {rejected / seeds:6.1%} (predicted {expected:6.1%})  fixed: {_shares(verdicts, seeds)}  "
            f"sequential: {_shares(early, seeds)}, asked {median(asked):4.0%}  {', '.join(problems) or 'ok'}",
            flush=True,
        )
    print(f"{time.perf_counter() - start:.0f} s; {len(failures)} outside their targets")
    print("\n".join(failures))
    return 1 if failures else 0


def _shares(found: Counter[str], seeds: int) -> str:
    return "/".join(f"{found[name] / seeds:.1%}" for name in ("regression", "pass", "inconclusive"))


if __name__ == "__main__":
    sys.exit(main())
