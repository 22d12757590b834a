"""What trivial predictors score on the same truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.arrays import Floats, Mask
from harness.components.metric import Metric, Scores
from harness.metrics.collapsed import collapsed, detail
from harness.metrics.interval import point, weighted_point


def chance(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks each option shown equally often, whatever it sees: every row once with each of them."""
    # Interchangeable clusters first: rows are about to be multiplied.
    places = np.where(_shown(scores), 0, -1)
    blank = replace(scores, predicted=np.zeros(scores.n), positions=places, probabilities=None)
    sample, counts = collapsed(blank, "rows" if detail(metric) == "rows" else "tables")
    row, option = np.nonzero(_shown(sample))
    spread = replace(
        sample.take(row, sample.cluster[row]), predicted=option.astype(np.float64), positions=None
    )
    return weighted_point(metric, spread, counts)


def majority(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks, of the options shown, the one that is true most often when it is shown (the first of several)."""
    shown = _shown(scores)
    true = np.bincount(scores.truth.astype(np.int64), minlength=len(scores.options))
    rate: Floats = true / np.maximum(shown.sum(axis=0), 1)
    return _with(scores, metric, np.where(shown, rate, -1.0).argmax(axis=1).astype(np.float64))


def _shown(scores: Scores) -> Mask:
    """Which options each row was shown, shape (n, options): all, unless the scores say otherwise."""
    if scores.positions is None:
        return np.ones((scores.n, len(scores.options)), bool)
    return scores.positions >= 0


def constant(scores: Scores, metric: Metric) -> float | None:
    """A judge that always gives the mean of the truth."""
    return _with(scores, metric, np.full(scores.n, _mean(scores.truth)))


def emotion_mean(scores: Scores, metric: Metric) -> float | None:
    """A judge that knows nothing but each emotion's mean truth. Rows without an emotion do not enter."""
    known = scores.where(scores.emotion >= 0)
    predicted = np.zeros(known.n)
    for code in np.unique(known.emotion):
        inside = known.emotion == code
        predicted[inside] = _mean(known.truth[inside])
    return _with(known, metric, predicted)


def _mean(values: Floats) -> float:
    """The mean, the same whatever the order of the values."""
    return float(np.sort(values).mean())


def _with(scores: Scores, metric: Metric, predicted: Floats) -> float | None:
    return point(metric, replace(scores, predicted=predicted, positions=None, probabilities=None))
