"""What people's single answers say: who rates carelessly, how far people agree, and how well a person does.

All take long arrays, shape (m,) each: the code of the sample (0..samples-1), the code of the rater (0..raters-1) and
the answer. A choice is a code into the options, a rating a number; an answer that is NaN counts as none.
Krippendorff's alpha is in `harness.stats.agreement`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints
from harness.stats.correlation import RankCorrelation, ratio

OFTEN, LOPSIDED = 0.05, 0.3
"""ITU-R BT.500: the share of answers far off, and their lopsidedness, from which and up to which a rater is rejected."""


@dataclass(frozen=True)
class Ratings:
    """The answers that are known, one for each rater and sample (the mean of a rater's repeats)."""

    sample: Ints
    rater: Ints
    value: Floats
    samples: int
    raters: int


def ratings(sample: Ints, rater: Ints, value: Floats, samples: int = 0, raters: int = 0) -> Ratings:
    """Answers in the order of rater and sample. `samples` and `raters` tell of codes that no answer has."""
    known = np.isfinite(value)
    sample, rater, value = sample[known], rater[known], value[known]
    samples = max(samples, int(sample.max()) + 1 if len(sample) else 0)
    raters = max(raters, int(rater.max()) + 1 if len(rater) else 0)
    cells, inverse = np.unique(rater * samples + sample, return_inverse=True)
    mean = np.bincount(inverse.reshape(-1), value) / np.bincount(inverse.reshape(-1)) if len(cells) else value
    return Ratings(
        cells % max(samples, 1), cells // max(samples, 1), mean.astype(np.float64), samples, raters
    )


def table(answers: Ratings) -> Floats:
    """One row for each sample and one column for each rater, NaN where a rater gave none."""
    found = np.full((answers.samples, answers.raters), np.nan)
    found[answers.sample, answers.rater] = answers.value
    return found


def _sums(codes: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(codes, values, size).astype(np.float64)


def _floats(counts: npt.NDArray[np.int64]) -> Floats:
    return counts.astype(np.float64)


@dataclass(frozen=True)
class Screening:
    """Which raters ITU-R BT.500 rejects, shape (raters,) each."""

    rejected: npt.NDArray[np.bool_]
    high: Ints
    """P: answers far above what the others gave."""
    low: Ints
    """Q: answers far below."""
    n: Ints
    """Answers given."""


def screen(answers: Ratings) -> Screening:
    """Screening of raters as in ITU-R BT.500-13, annex 2, section 2.3.1.

    An answer is far off if it lies 2 standard deviations of its sample's answers or more from their mean, or
    sqrt(20) where their kurtosis is not within 2..4. A rater is rejected with more than 5% of the answers far off and
    about as many above as below: |P - Q| / (P + Q) < 0.3. Who has none far off is kept, and where all answers to a
    sample are alike none is.
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


def keep(answers: Ratings, kept: npt.NDArray[np.bool_]) -> Ratings:
    """The answers of the raters that `kept`, shape (raters,), marks. Codes stay."""
    inside = kept[answers.rater]
    return Ratings(
        answers.sample[inside], answers.rater[inside], answers.value[inside], answers.samples, answers.raters
    )


@dataclass(frozen=True)
class Opinions:
    """Mean opinion scores, shape (samples,) each; NaN where nobody's answer counts."""

    mos: Floats
    error: Floats
    """Standard error of each; NaN with fewer than two answers."""
    n: Ints
    constant: Ints
    """Raters who gave one value throughout (or one answer): they have no z-score and do not count."""


def opinions(answers: Ratings) -> Opinions:
    """MOS from each rater's z-scores, rescaled 100 (z + 3) / 6, so that a z of -3..3 becomes 0..100.

    z = (value - the rater's mean) / the rater's standard deviation (divisor n - 1).
    """
    rater, raters = answers.rater, answers.raters
    count = _sums(rater, np.ones(len(rater)), raters)
    away: Floats = answers.value - ratio(_sums(rater, answers.value, raters), count)[rater]
    deviation = np.sqrt(ratio(_sums(rater, away**2, raters), count - 1))
    size = ratio(_sums(rater, np.abs(answers.value), raters), count)
    graded = deviation > 1e-12 * size
    inside = graded[rater]
    score = 100 * (away[inside] / deviation[rater[inside]] + 3) / 6
    sample = answers.sample[inside]
    n = np.bincount(sample, minlength=answers.samples)
    mean = ratio(_sums(sample, score, answers.samples), _floats(n))
    squares = _sums(sample, (score - mean[sample]) ** 2, answers.samples)
    error = np.sqrt(ratio(ratio(squares, _floats(n - 1)), _floats(n)))
    return Opinions(mean, np.where(n > 1, error, np.nan), n, np.flatnonzero(~graded & (count > 0)))


def soft_labels(sample: Ints, choice: Floats, options: int, samples: int = 0) -> Floats:
    """Share of the votes that each option has, shape (samples, options); NaN where a sample has none."""
    known = np.isfinite(choice)
    sample, code = sample[known], choice[known].astype(np.int64)
    samples = max(samples, int(sample.max()) + 1 if len(sample) else 0)
    votes = np.bincount(sample * options + code, minlength=samples * options).reshape(samples, options)
    return ratio(_floats(votes), _floats(votes.sum(axis=1, keepdims=True)))


@dataclass(frozen=True)
class Ceiling:
    """How well a single person does, held against the others: the mean over raters, with its t interval."""

    value: float
    low: float
    high: float
    raters: Floats
    """Shape (raters,): each rater's own figure, NaN where it does not exist."""
    n: Ints
    """Shape (raters,): the answers that entered."""


def choice_ceiling(sample: Ints, rater: Ints, choice: Floats, options: int, level: float = 0.95) -> Ceiling:
    """Accuracy of each rater against the majority of the others. Samples where those tie are left out.

    Each rater's answer to a sample counts once: of repeats, the last.
    """
    known = np.isfinite(choice)
    cell = _last(rater[known], sample[known])
    sample, rater, code = sample[known][cell], rater[known][cell], choice[known][cell].astype(np.int64)
    samples = int(sample.max()) + 1 if len(sample) else 0
    votes = np.bincount(sample * options + code, minlength=samples * options).reshape(samples, options)
    others = votes[sample]
    others[np.arange(len(code)), code] -= 1
    most = others.max(axis=1, initial=0)
    clear = (most > 0) & ((others == most[:, None]).sum(axis=1) == 1)
    right = others.argmax(axis=1) == code if len(code) else np.zeros(0, bool)
    raters = int(rater.max()) + 1 if len(rater) else 0
    n = np.bincount(rater[clear], minlength=raters)
    figures = ratio(_floats(np.bincount(rater[clear & right], minlength=raters)), _floats(n))
    return _ceiling(figures, n, level, 0.0)


def rating_ceiling(answers: Ratings, level: float = 0.95) -> Ceiling:
    """Spearman's correlation of each rater with the mean of the others, over samples that others rated too."""
    sum_ = np.bincount(answers.sample, answers.value, answers.samples)
    count = np.bincount(answers.sample, minlength=answers.samples)
    inside = count[answers.sample] > 1
    sample, rater, value = answers.sample[inside], answers.rater[inside], answers.value[inside]
    n = np.bincount(rater, minlength=answers.raters)
    figures = np.full(answers.raters, np.nan)
    if len(value):
        # Rounded, so that sums in another order do not break ties.
        others = np.round((sum_[sample] - value) / (count[sample] - 1), 9)
        codes, segment = np.unique(rater, return_inverse=True)
        nobody = np.zeros(len(value), np.int64)
        ranks = RankCorrelation(value, others, nobody, 1, segment.reshape(-1).astype(np.int64))
        figures[codes] = ranks(np.ones((1, 1), np.int64))[0][0]
    return _ceiling(figures, n, level, -1.0)


def _last(rater: Ints, sample: Ints) -> Ints:
    """Where the last answer of each rater to each sample stands."""
    if not len(rater):
        return np.zeros(0, np.int64)
    cell = (rater * (int(sample.max()) + 1) + sample)[::-1]
    last: Ints = len(cell) - 1 - np.unique(cell, return_index=True)[1].astype(np.int64)
    return last


def _ceiling(figures: Floats, n: Ints, level: float, least: float) -> Ceiling:
    known = figures[np.isfinite(figures)]
    if not len(known):
        return Ceiling(math.nan, math.nan, math.nan, figures, n)
    mean = float(known.mean())
    if len(known) < 2:
        return Ceiling(mean, math.nan, math.nan, figures, n)
    from scipy.special import stdtrit

    error = float(known.std(ddof=1)) / math.sqrt(len(known))
    reach = float(stdtrit(len(known) - 1, (1 + level) / 2)) * error
    return Ceiling(mean, max(mean - reach, least), min(mean + reach, 1.0), figures, n)


@dataclass(frozen=True)
class Reliability:
    """An intraclass correlation with its interval; NaN where it does not exist. n samples, k raters entered."""

    value: float
    low: float
    high: float
    n: int
    k: int


def icc_2k(readings: Floats, level: float = 0.95) -> Reliability:
    """ICC(2,k): how reliable the mean of k raters is, raters and samples being drawn at random.

    Shrout and Fleiss (1979), with the interval of McGraw and Wong (1996). `ratings_table`, shape (samples, raters),
    NaN where there is none: samples that some rater left out do not enter.
    """
    full = readings[np.isfinite(readings).all(axis=1)]
    n, k = full.shape
    if n < 2 or k < 2:
        return Reliability(math.nan, math.nan, math.nan, n, k)
    mean, rows, columns = full.mean(), full.mean(axis=1), full.mean(axis=0)
    between = k * float(((rows - mean) ** 2).sum()) / (n - 1)
    judges = n * float(((columns - mean) ** 2).sum()) / (k - 1)
    rest = full - rows[:, None] - columns + mean
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    if between + judges <= 1e-24 * max(float((full**2).sum()), 1.0):
        return Reliability(math.nan, math.nan, math.nan, n, k)
    value = (between - error) / (between + (judges - error) / n)
    if error <= 1e-13 * between:
        return Reliability(value, math.nan, math.nan, n, k)
    low, high = _icc_interval(n, k, between, judges, error, level)
    return Reliability(value, k * low / (1 + low * (k - 1)), k * high / (1 + high * (k - 1)), n, k)


def _icc_interval(
    n: int, k: int, between: float, judges: float, error: float, level: float
) -> tuple[float, float]:
    """The interval of ICC(2,1), from which that of ICC(2,k) follows."""
    from scipy.special import fdtri

    single = (between - error) / (between + (k - 1) * error + k * (judges - error) / n)
    f = judges / error
    rest = n * (1 + (k - 1) * single) - k * single
    freedom = (k - 1) * (n - 1) * (k * single * f + rest) ** 2 / ((n - 1) * (k * single * f) ** 2 + rest**2)
    upper = float(fdtri(n - 1, freedom, (1 + level) / 2))
    lower = float(fdtri(freedom, n - 1, (1 + level) / 2))
    other = k * judges + (k * n - k - n) * error
    low = n * (between - upper * error) / (upper * other + n * between)
    high = n * (lower * between - error) / (other + n * lower * between)
    return low, high
