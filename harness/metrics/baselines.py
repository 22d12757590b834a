"""What trivial predictors score on the same rows and the same truth as a judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.arrays import Floats
from harness.components.metric import Metric, Scores
from harness.metrics.collapsed import collapsed, detail
from harness.metrics.interval import point, weighted_point
from harness.metrics.option_ranks import OptionRanking
from harness.metrics.option_ranks import shown as _shown


def chance(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks each option shown equally often, whatever it sees: every row once with each of them."""
    if isinstance(metric, OptionRanking):
        return metric.by_chance(scores)
    # Interchangeable clusters first: rows are about to be multiplied.
    places = np.where(_shown(scores), 0, -1)
    blank = replace(scores, predicted=np.zeros(scores.n), positions=places, probabilities=None)
    sample, counts = collapsed(blank, "rows" if detail(metric) == "rows" else "tables")
    row, option = np.nonzero(_shown(sample))
    spread = replace(sample.take(row, sample.cluster[row]), predicted=option.astype(np.float64))
    return weighted_point(metric, _without_order(spread, metric), counts)


def majority(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks, of the options shown, the one that is true most often when it is shown (the first of several)."""
    if isinstance(metric, OptionRanking):
        return metric.by_frequency(scores)
    shown = _shown(scores)
    true = np.bincount(scores.truth.astype(np.int64), minlength=len(scores.options))
    rate: Floats = true / np.maximum(shown.sum(axis=0), 1)
    return _with(scores, metric, np.where(shown, rate, -1.0).argmax(axis=1).astype(np.float64))


def unrelated(scores: Scores, metric: Metric) -> float | None:
    """A judge whose ratings have nothing to do with the truth: its correlation is 0 (but not after a fit to the truth)."""
    return 0.0 if metric.correlation and type(metric).prepared is Metric.prepared else None


def constant(scores: Scores, metric: Metric) -> float | None:
    """A judge that always gives the mean of the truth; it has no correlation."""
    return None if metric.correlation else _with(scores, metric, mean_truth(scores))


def emotion_mean(scores: Scores, metric: Metric) -> float | None:
    """A judge that knows nothing but each emotion's mean truth, and the mean where the emotion is unknown."""
    if not (scores.emotion >= 0).any():
        return None
    return _with(scores, metric, mean_truth(scores, by_emotion=True))


def mean_truth(scores: Scores, *, by_emotion: bool = False) -> Floats:
    """The mean truth, shape (n,): of all rows, or of those of the same emotion where it is known."""
    known = ~np.isnan(scores.truth)
    means = np.full(scores.n, _mean(scores.truth[known]))
    for code in np.unique(scores.emotion[known]) if by_emotion else ():
        if code >= 0:
            inside = scores.emotion == code
            means[inside] = _mean(scores.truth[inside & known])
    return means


def _mean(values: Floats) -> float:
    """The mean, the same whatever the order of the values."""
    return float(np.sort(values).mean())


def _without_order(scores: Scores, metric: Metric) -> Scores:
    """Scores of a predictor that goes by no position; which options were shown stays, where the metric looks at it."""
    places = (
        None if scores.positions is None or metric.direction == "none" else np.where(_shown(scores), 0, -1)
    )
    return replace(scores, positions=places, probabilities=None)


def _with(scores: Scores, metric: Metric, predicted: Floats) -> float | None:
    return point(metric, _without_order(replace(scores, predicted=predicted), metric))
