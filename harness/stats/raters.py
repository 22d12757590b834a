"""Statistics of individual human ratings: rater screening, MOS, soft labels and ICC.

Most functions take long arrays of shape (m,): sample codes (0..samples-1), rater codes (0..raters-1) and answers. A
choice is an index into the options, a rating is a number; NaN marks a missing answer. Krippendorff's alpha is in
`harness.stats.agreement`, the human ceiling in `harness.stats.ceiling`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.stats.correlation import ratio

OFTEN, LOPSIDED = 0.05, 0.3
"""ITU-R BT.500 rejects a rater with a larger share of outliers than the first and less asymmetry than the second."""


@dataclass(frozen=True)
class Ratings:
    """The non-missing answers, one for each rater and sample (the mean of repeated ratings)."""

    sample: Ints
    rater: Ints
    value: Floats
    samples: int
    raters: int


def collect_ratings(sample: Ints, rater: Ints, value: Floats, samples: int = 0, raters: int = 0) -> Ratings:
    """Ratings sorted by rater and sample. `samples` and `raters` are minimum counts, for codes without answers."""
    known = np.isfinite(value)
    sample, rater, value = sample[known], rater[known], value[known]
    samples = max(samples, int(sample.max()) + 1 if len(sample) else 0)
    raters = max(raters, int(rater.max()) + 1 if len(rater) else 0)
    cells, inverse = np.unique(rater * samples + sample, return_inverse=True)
    mean = np.bincount(inverse.reshape(-1), value) / np.bincount(inverse.reshape(-1)) if len(cells) else value
    return Ratings(
        cells % max(samples, 1), cells // max(samples, 1), mean.astype(np.float64), samples, raters
    )


def ratings_table(answers: Ratings) -> Floats:
    """Shape (samples, raters), NaN where a rating is missing."""
    found = np.full((answers.samples, answers.raters), np.nan)
    found[answers.sample, answers.rater] = answers.value
    return found


def _sums(codes: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(codes, values, size).astype(np.float64)


def _floats(counts: Ints) -> Floats:
    return counts.astype(np.float64)


@dataclass(frozen=True)
class Screening:
    """Which raters ITU-R BT.500 rejects, shape (raters,) each."""

    rejected: Mask
    high: Ints
    """P: outliers above the mean."""
    low: Ints
    """Q: outliers below the mean."""
    n: Ints
    """Number of answers."""


def screen_raters(answers: Ratings) -> Screening:
    """Screening of raters as in ITU-R BT.500-13, annex 2, section 2.3.1.

    An answer is an outlier if its distance from the mean of the sample's answers is at least 2 standard deviations, or
    sqrt(20) if their kurtosis is not within 2..4. A rater is rejected if more than 5% of their answers are outliers and
    about as many lie above as below: |P - Q| / (P + Q) < 0.3. Raters without outliers are kept. A sample whose answers
    are all equal has no outliers.
    """
    sample, value, size = answers.sample, answers.value, answers.samples
    count = _sums(sample, np.ones(len(sample)), size)
    away: Floats = value - ratio(_sums(sample, value, size), count)[sample]
    second, fourth = (ratio(_sums(sample, away**power, size), count) for power in (2, 4))
    kurtosis = ratio(fourth, second**2)
    deviation = np.sqrt(ratio(second * count, count - 1))
    normal = (kurtosis >= 2) & (kurtosis <= 4)
    edge = (np.where(normal, 2.0, math.sqrt(20)) * deviation)[sample]
    varied = edge > 0
    high = np.bincount(answers.rater[varied & (away >= edge)], minlength=answers.raters)
    low = np.bincount(answers.rater[varied & (away <= -edge)], minlength=answers.raters)
    n = np.bincount(answers.rater, minlength=answers.raters)
    off = _floats(high + low)
    rejected = (ratio(off, _floats(n)) > OFTEN) & (ratio(_floats(np.abs(high - low)), off) < LOPSIDED)
    return Screening(rejected, high, low, n)


def keep_raters(answers: Ratings, kept: Mask) -> Ratings:
    """The ratings of the raters that the mask `kept`, shape (raters,), selects. Codes do not change."""
    inside = kept[answers.rater]
    return Ratings(
        answers.sample[inside], answers.rater[inside], answers.value[inside], answers.samples, answers.raters
    )


@dataclass(frozen=True)
class OpinionScores:
    """Mean opinion scores, shape (samples,) each; NaN where a sample has no valid rating."""

    mos: Floats
    error: Floats
    """Standard error of each; NaN with fewer than two answers."""
    n: Ints
    constant: Ints
    """Codes of the raters left out because all their answers are equal (or they gave one), so z-scores are undefined."""


def mean_opinion_scores(answers: Ratings) -> OpinionScores:
    """MOS from each rater's z-scores, rescaled as 100 (z + 3) / 6, so that -3..3 becomes 0..100.

    z = (value - the rater's mean) / the rater's standard deviation (divisor n - 1).
    """
    rater, raters = answers.rater, answers.raters
    count = _sums(rater, np.ones(len(rater)), raters)
    away: Floats = answers.value - ratio(_sums(rater, answers.value, raters), count)[rater]
    deviation = np.sqrt(ratio(_sums(rater, away**2, raters), count - 1))
    size = ratio(_sums(rater, np.abs(answers.value), raters), count)
    varied = deviation > 1e-12 * size
    inside = varied[rater]
    score = 100 * (away[inside] / deviation[rater[inside]] + 3) / 6
    sample = answers.sample[inside]
    n = np.bincount(sample, minlength=answers.samples)
    mean = ratio(_sums(sample, score, answers.samples), _floats(n))
    squares = _sums(sample, (score - mean[sample]) ** 2, answers.samples)
    error = np.sqrt(ratio(ratio(squares, _floats(n - 1)), _floats(n)))
    return OpinionScores(mean, np.where(n > 1, error, np.nan), n, np.flatnonzero(~varied & (count > 0)))


def soft_labels(sample: Ints, choice: Floats, options: int, samples: int = 0) -> Floats:
    """Share of votes for each option, shape (samples, options); NaN for samples without votes."""
    known = np.isfinite(choice)
    sample, code = sample[known], choice[known].astype(np.int64)
    samples = max(samples, int(sample.max()) + 1 if len(sample) else 0)
    votes = np.bincount(sample * options + code, minlength=samples * options).reshape(samples, options)
    return ratio(_floats(votes), _floats(votes.sum(axis=1, keepdims=True)))


@dataclass(frozen=True)
class Reliability:
    """An intraclass correlation with its interval, NaN if undefined, computed from n samples and k raters."""

    value: float
    low: float
    high: float
    n: int
    k: int


def icc_2k(ratings: Floats, level: float = 0.95) -> Reliability:
    """ICC(2,k): reliability of the mean of k raters, with random raters and random samples.

    Shrout and Fleiss (1979), with the interval of McGraw and Wong (1996). `ratings` has shape (samples, raters);
    samples with a missing rating (NaN) are left out.
    """
    full = ratings[np.isfinite(ratings).all(axis=1)]
    n, k = full.shape
    if n < 2 or k < 2:
        return Reliability(math.nan, math.nan, math.nan, n, k)
    mean, rows, columns = full.mean(), full.mean(axis=1), full.mean(axis=0)
    between_samples = k * float(((rows - mean) ** 2).sum()) / (n - 1)
    between_raters = n * float(((columns - mean) ** 2).sum()) / (k - 1)
    rest = full - rows[:, None] - columns + mean
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    if between_samples + between_raters <= 1e-24 * max(float((full**2).sum()), 1.0):
        return Reliability(math.nan, math.nan, math.nan, n, k)
    whole = between_samples + (between_raters - error) / n
    if whole <= 0:  # Raters contradict each other so much that no share of variance is left to compare with.
        return Reliability(math.nan, math.nan, math.nan, n, k)
    value = (between_samples - error) / whole
    if error <= 1e-13 * between_samples:
        return Reliability(value, math.nan, math.nan, n, k)
    low, high = _icc_interval(n, k, between_samples, between_raters, error, level)
    low, high = (k * end / (1 + end * (k - 1)) if 1 + end * (k - 1) > 0 else math.nan for end in (low, high))
    if not low <= value <= high:  # Beyond the pole of the step from one rater to k.
        low = high = math.nan
    return Reliability(value, low, high, n, k)


def _icc_interval(
    n: int, k: int, between_samples: float, between_raters: float, error: float, level: float
) -> tuple[float, float]:
    """The interval of ICC(2,1), which determines that of ICC(2,k)."""
    from scipy.special import fdtri

    single = (between_samples - error) / (
        between_samples + (k - 1) * error + k * (between_raters - error) / n
    )
    f = between_raters / error
    rest = n * (1 + (k - 1) * single) - k * single
    freedom = (k - 1) * (n - 1) * (k * single * f + rest) ** 2 / ((n - 1) * (k * single * f) ** 2 + rest**2)
    upper = float(fdtri(n - 1, freedom, (1 + level) / 2))
    lower = float(fdtri(freedom, n - 1, (1 + level) / 2))
    other = k * between_raters + (k * n - k - n) * error
    low = n * (between_samples - upper * error) / (upper * other + n * between_samples)
    high = n * (lower * between_samples - error) / (other + n * lower * between_samples)
    return low, high
