"""Paired comparison of two runs on the same rows, clustered: tests, intervals and one-sided bounds.

The difference is always that of the second run from the first. Of a share, a row is discordant if only one of the runs
has it right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.stats.beta import t_cdf, t_quantile_two_sided
from harness.stats.clustered import effective_clusters
from harness.stats.comparison import mcnemar, mcnemar_below, sign_flip
from harness.stats.intervals import percentile_interval
from harness.stats.jackknife import leave_one_out, standard_error
from harness.stats.weights import cluster_weights

FEW_DISCORDANT = 10
"""With fewer discordant clusters than this, signs are permuted, and their correlation is assumed, not estimated."""
ASSUMED_ICC = 0.15
"""The correlation of differences within a cluster that is assumed where too few clusters are discordant to show it.

With a correlation of 0.3 to 0.6 of the answers on a latent scale, bounds then miss in 1 to 8% of simulations (0.1: up to
10%; 0.3 makes runs that hardly differ inconclusive)."""
MANY_PAIRED = 50
"""From this many clusters on, bootstrap intervals of differences are not widened: the bootstrap p is already conservative
then."""
STEPS = 60
"""Bisections of an interval's end: to 2^-60 of the scale."""
DETECTED = 1.6448536269514722 + 0.8416212335729143
"""z at 95% plus z at 80%: the standard errors that a one-sided test at 5% detects with power 0.8."""


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two runs on the same rows, second minus first.

    NaN where something does not exist, such as every interval and p with a single cluster.
    """

    value: float
    low: float
    high: float
    """The two-sided interval at `level`."""
    p: float
    """Two-sided."""
    lower: float
    upper: float
    """One-sided bounds, each at `level`."""
    p_below: float
    p_above: float
    """One-sided: small where the second run is below, or above, the first."""
    error: float
    """Standard error, from which the smallest detectable difference follows."""
    method: str
    first_only: int | None = None
    second_only: int | None = None
    """Of a share: the discordant rows."""

    @property
    def detectable(self) -> float:
        """The difference that a one-sided test at 5% detects with power 0.8; NaN where nothing shows how far it may vary."""
        return DETECTED * self.error if self.error > 0 else math.nan


def paired_shares(
    first: Mask, second: Mask, cluster: Ints, *, seed: int = 0, resamples: int = 10_000, level: float = 0.95
) -> PairedDifference:
    """Compare the share of right rows; `first`, `second` and `cluster` (codes) have shape (n,).

    Single-row clusters: McNemar's mid-p. Otherwise the score test of the difference, with its variance multiplied by
    the design effect of the clusters and Student's t for their number; with fewer than `FEW_DISCORDANT` discordant
    clusters, whose variance says little, each p is the larger one of this test and of sign flips of whole clusters. Intervals and bounds invert the
    score test (Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Stat. Med. 17), which needs no discordant row, on the effective number of rows. The design
    effect is at least 1, and where few of many clusters are discordant at least that of a correlation of `ASSUMED_ICC`.
    """
    n = len(first)
    lost, gained = int((first & ~second).sum()), int((second & ~first).sum())
    if not n:
        return _nothing(math.nan, "none: no rows", lost, gained)
    value = (gained - lost) / n
    sizes: Floats = np.bincount(cluster).astype(np.float64)
    sums: Floats = np.bincount(cluster, second.astype(np.float64) - first)[sizes > 0].astype(np.float64)
    sizes = sizes[sizes > 0]
    clusters = len(sizes)
    if clusters < 2:
        return _nothing(value, "none: one cluster", lost, gained)
    single = clusters == n
    discordant = int(((sums != 0) | _mixed(first, second, cluster)).sum())
    few = not single and discordant < FEW_DISCORDANT
    # Where most clusters are discordant, they show how alike their rows are, however few they are.
    assumed = few and 2 * discordant < clusters
    effect = 1.0 if single else _design_effect(value, (lost + gained) / n, sums, sizes, assumed=assumed)
    rows = n / effect
    freedom = math.inf if single else effective_clusters(sizes, np.ones(clusters, np.int64)) - 1
    score = _Score(rows * gained / n, rows * lost / n, rows)
    if single:
        p, below, above = (
            mcnemar(lost, gained),
            mcnemar_below(gained, lost),
            mcnemar_below(lost, gained),
        )
        method = "McNemar mid-p"
    else:
        t = score.statistic(0.0)
        below, above = t_cdf(t, freedom), t_cdf(-t, freedom)
        p, method = min(1.0, 2 * min(below, above)), "clustered score test"
    if few:
        flips = sign_flip(sums, np.ones(clusters, np.int64), seed=seed, resamples=resamples)
        p, below, above = (max(pair) for pair in zip((p, below, above), flips, strict=True))
        method = "clustered score test and sign flips: the larger p"
    low, high = (score.end(side * _critical(level, freedom)) for side in (1, -1))
    lower, upper = (score.end(side * _critical(2 * level - 1, freedom)) for side in (1, -1))
    if p > 1 - level:
        # Where test and interval would say different things, the test decides.
        low, high = min(low, 0.0), max(high, 0.0)
    # Without discordant rows the standard error would be 0: what could have gone unseen then decides.
    at = (value,) if lost + gained >= FEW_DISCORDANT else (lower, upper)
    error = math.sqrt(max(map(score.variance, at)))
    return PairedDifference(value, low, high, p, lower, upper, below, above, error, method, lost, gained)


def _nothing(value: float, method: str, lost: int, gained: int) -> PairedDifference:
    gone = math.nan
    return PairedDifference(value, gone, gone, gone, gone, gone, gone, gone, gone, method, lost, gained)


def _mixed(first: Mask, second: Mask, cluster: Ints) -> Mask:
    """Clusters with a discordant row, of those that have rows."""
    sizes = np.bincount(cluster)
    found: Mask = np.bincount(cluster, (first != second).astype(np.float64))[sizes > 0] > 0
    return found


def _design_effect(value: float, discordant: float, sums: Floats, sizes: Floats, *, assumed: bool) -> float:
    """How many times larger the variance by cluster is than that of as many independent rows; at least 1."""
    n, clusters = sizes.sum(), len(sizes)
    independent = max(discordant - value**2, 0.0) / n
    away = sums - value * sizes
    found = clusters / (clusters - 1) * float(away @ away) / n**2 / independent if independent > 0 else 1.0
    if assumed:
        # A cluster of a row of average size (Kish 1965).
        found = max(found, 1 + (float(sizes @ sizes) / n - 1) * ASSUMED_ICC)
    return min(max(found, 1.0), float(n))


@dataclass(frozen=True)
class _Score:
    """Tango's score statistic, for counts that need not be whole."""

    gained: float
    lost: float
    n: float

    def variance(self, hypothesis: float) -> float:
        """Of the difference, if its true value is `hypothesis`."""
        b, c, n, d = self.gained, self.lost, self.n, hypothesis
        first = -b - c + (2 * n - b + c) * d
        root = math.sqrt(max(first**2 + 8 * n * c * d * (1 - d), 0.0))
        share = max((root - first) / (4 * n), 0.0, -d)
        return max(2 * share + d * (1 - d), 0.0) / n

    def statistic(self, hypothesis: float) -> float:
        away = (self.gained - self.lost) / self.n - hypothesis
        variance = self.variance(hypothesis)
        if variance > 0:
            return away / math.sqrt(variance)
        return 0.0 if away == 0 else math.copysign(math.inf, away)

    def end(self, critical: float) -> float:
        """The hypothesis whose statistic is `critical`: below the value for a positive one, above it for a negative one."""
        near = (self.gained - self.lost) / self.n
        far = -1.0 if critical > 0 else 1.0
        for _ in range(STEPS):
            middle = (near + far) / 2
            if abs(self.statistic(middle)) < abs(critical):
                near = middle
            else:
                far = middle
        return far


def _critical(level: float, freedom: float) -> float:
    """The two-sided critical value of Student's t, or of the normal distribution."""
    if math.isinf(freedom):
        return NormalDist().inv_cdf((1 + level) / 2)
    return t_quantile_two_sided(freedom, level)


def paired_difference(
    first: Callable[[Ints], Floats],
    second: Callable[[Ints], Floats],
    counts: Ints,
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
    width: int = 0,
    beyond: bool = False,
) -> PairedDifference:
    """Compare any two estimates by a paired cluster bootstrap that gives both the same resamples.

    Both take weights of shape (resamples, patterns) and return shape (resamples,). The patterns are distinct clusters
    of the two runs' joined rows (`harness.stats.collapse`); pattern i stands for `counts[i]` clusters.

    Each p is the larger of two. The first comes from the share of resamples on the far side of 0, with the data counted
    as one resample; below `MANY_PAIRED` clusters, it and the intervals are corrected for their number
    (`harness.stats.intervals.expanded_tail`). It is too small where few clusters differ: resamples without any of 4
    differences are rare, but 4 differences have the same sign by chance in 1 of 8 cases. The second is `sign_flip`
    of each cluster's share in the difference, which is McNemar's mid-p where clusters are single right or wrong answers.
    Where only the second keeps 0, the interval is extended to it. With more patterns than resamples there is no second.

    So many resamples cannot tell how small a p is below their number. With `beyond`, a p at this floor is that of Student's
    t, for corrections over many tests.
    """
    value = float((second(counts[None]) - first(counts[None]))[0])
    method = "paired cluster bootstrap and sign flips"
    if not math.isfinite(value) or counts.sum() < 2:
        gone = math.nan
        return PairedDifference(value, gone, gone, gone, gone, gone, gone, gone, gone, method)
    found = np.concatenate(
        [second(weights) - first(weights) for weights in cluster_weights(counts, resamples, seed, width)]
    )
    clusters = int(counts.sum()) if counts.sum() < MANY_PAIRED else 0
    none = (math.nan, math.nan)
    low, high = percentile_interval(found, level, clusters) or none
    lower, upper = percentile_interval(found, 2 * level - 1, clusters) or none
    found = found[np.isfinite(found)]
    below, above = (
        _expanded_p((int(beyond.sum()) + 1) / (len(found) + 1), clusters)
        for beyond in (found >= 0, found <= 0)
    )
    p = min(1.0, 2 * min(below, above))
    error = float(found.std()) if len(found) else math.nan
    floor = _expanded_p(1 / (len(found) + 1), clusters)
    flips = 0.0
    if len(counts) <= resamples:
        left_out = leave_one_out(lambda weights: second(weights) - first(weights), counts)
        total = int(counts.sum())
        away = value + (total - 1) * (np.average(left_out, weights=counts) - left_out)
        flipped = sign_flip(away, counts, seed=seed, resamples=resamples)
        if flipped[0] > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        if not math.isnan(flipped[0]):
            p, below, above = (max(pair) for pair in zip((p, below, above), flipped, strict=True))
            error = max(error, standard_error(left_out, counts))
            flips = min(flipped[1:]) if min(flipped[1:]) > 2 / (resamples + 1) else 0.0
    if beyond and min(below, above) <= floor * (1 + 1e-9) and error > 0:
        least = max(flips, t_cdf(-abs(value) / error, int(counts.sum()) - 1))
        below, above = (min(below, least), above) if value < 0 else (below, min(above, least))
        p = min(1.0, 2 * min(below, above))
        method += ", Student's t beyond the resamples"
    return PairedDifference(value, low, high, p, lower, upper, below, above, error, method)


def _expanded_p(p: float, clusters: int) -> float:
    """The one-sided p consistent with an interval widened by `expanded_tail`: its bound excludes 0 if p < its tail."""
    if p >= 1 or not clusters:
        return min(p, 1.0)
    z = NormalDist().inv_cdf(p)
    return t_cdf(z * math.sqrt((clusters - 1) / clusters), clusters - 1)
