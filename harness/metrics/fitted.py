"""PLCC and RMSE after the 4-parameter logistic that maps replies onto the scale of the truth."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.arrays import Floats, Ints
from harness.components.metric import Estimator, Metric, Scores
from harness.metrics.base import BuiltIn
from harness.metrics.rating import Plcc, RootMeanSquareError, missing_spread
from harness.stats.logistic import Logistic, fit_logistic


class FittedMetric(BuiltIn):
    """A metric of mapped replies. The mapping is held fixed over the resamples, and the method says so."""

    kinds = frozenset({"rating"})
    method = "cluster bootstrap, mapping fixed"
    plain: type[BuiltIn]
    """The metric that is applied to the mapped replies."""

    def estimator(self, scores: Scores) -> Estimator:
        def refit(weights: Ints) -> Floats:
            return np.array([self._fitted(scores, row) for row in weights])

        return refit

    def _fitted(self, scores: Scores, row: Ints) -> float:
        metric, mapped = self.prepared(scores, row)
        return float(metric.estimator(mapped)(row[None])[0])

    def prepared(self, scores: Scores, counts: Ints) -> tuple[Metric, Scores]:
        """The plain metric, and replies mapped by the fit to the data, weighted by `counts`; unparsed if none fits."""
        inside = scores.paired
        weights = counts[scores.cluster].astype(np.float64)
        columns = (scores.predicted[inside], scores.truth[inside], weights[inside])
        curve = _fitted(*(column.tobytes() for column in columns))
        if curve is None:
            return self.plain(), replace(scores, predicted=np.full(scores.n, np.nan))
        return self.plain(), replace(scores, predicted=curve(scores.predicted))

    def missing(self, scores: Scores) -> str:
        few = len(np.unique(scores.predicted[scores.paired]))
        return missing_spread(scores) or f"the fit has 4 parameters and the judge gave {few} distinct values"


class PlccFitted(FittedMetric):
    """Pearson's correlation after the mapping."""

    correlation = True
    plain = Plcc


class RmseFitted(FittedMetric):
    """Root mean square error after the mapping."""

    direction = "lower"
    plain = RootMeanSquareError


@lru_cache(maxsize=2)
def _fitted(predicted: bytes, truth: bytes, weights: bytes) -> Logistic | None:
    """The fit to these columns of float64: both metrics, their values and their resamples share it."""
    return fit_logistic(*(np.frombuffer(column, np.float64) for column in (predicted, truth, weights)))
