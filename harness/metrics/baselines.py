"""What trivial predictors score on the same truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.components.metric import Floats, Metric, Scores
from harness.metrics.interval import collapsed, point, weighted_point


def chance(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks each option equally often, whatever it sees: every row once with each option."""
    options = len(scores.options)
    # Interchangeable clusters first: rows are about to be multiplied.
    sample, counts = collapsed(replace(scores, read=np.zeros(scores.n), probabilities=None))
    spread = replace(
        sample,
        truth=np.repeat(sample.truth, options),
        cluster=np.repeat(sample.cluster, options),
        emotion=np.repeat(sample.emotion, options),
        read=np.tile(np.arange(options, dtype=np.float64), sample.n),
    )
    return weighted_point(metric, spread, counts)


def majority(scores: Scores, metric: Metric) -> float | None:
    """A judge that always gives the answer that is true most often (the first of them where several are)."""
    most = np.bincount(scores.truth.astype(np.int64), minlength=1).argmax()
    return _with(scores, metric, np.full(scores.n, float(most)))


def constant(scores: Scores, metric: Metric) -> float | None:
    """A judge that always gives the mean of the truth."""
    return _with(scores, metric, np.full(scores.n, _mean(scores.truth)))


def emotion_mean(scores: Scores, metric: Metric) -> float | None:
    """A judge that knows nothing but each emotion's mean truth. Rows without an emotion do not enter."""
    known = scores.where(scores.emotion >= 0)
    read = np.zeros(known.n)
    for code in np.unique(known.emotion):
        inside = known.emotion == code
        read[inside] = _mean(known.truth[inside])
    return _with(known, metric, read)


def _mean(values: Floats) -> float:
    """The mean, the same whatever the order of the values."""
    return float(np.sort(values).mean())


def _with(scores: Scores, metric: Metric, read: Floats) -> float | None:
    return point(metric, replace(scores, read=read, probabilities=None))
