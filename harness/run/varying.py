"""Trivial baselines of questions whose options vary by sample: a guess is among the options shown, not among all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.components.metric import Floats, Metric, Scores
from harness.metrics.interval import point
from harness.metrics.score import MetricRequest, ScoreTable

NOT_BEATEN = "baseline not beaten"


def with_shown_baselines(table: ScoreTable, scores: Scores, requests: Sequence[MetricRequest]) -> ScoreTable:
    """The table with chance and majority among the options that each sample was shown.

    Majority is the option that, over all samples, is most often true among those shown beside it.
    """
    metric = next(r for r in requests if r.primary)
    if not scores.n or scores.positions is None:
        return table
    values = {"chance": chance(scores, metric.metric), "majority": majority(scores, metric.metric)}
    known = {name: value for name, value in values.items() if value is not None}
    main = next(m for m in table.metrics if m["primary"])
    warnings = [w for w in table.warnings if NOT_BEATEN not in w]
    if known and main["value"] is not None and main["direction"] == "higher":
        best = max(known, key=known.__getitem__)
        if (main["value"] if main["low"] is None else main["low"]) <= known[best]:
            warnings.append(f"{best} {NOT_BEATEN}: {metric.name} {main['value']:.3g} vs {known[best]:.3g}")
    found = [{"name": name, "metric": metric.name, "value": value} for name, value in known.items()]
    return replace(table, baselines=found, warnings=warnings)


def chance(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks each option shown equally often; all samples are shown equally many."""
    assert scores.positions is not None
    row, option = np.nonzero(scores.positions >= 0)
    spread = replace(scores, truth=scores.truth[row], cluster=scores.cluster[row], emotion=scores.emotion[row],
                     read=option.astype(np.float64), probabilities=None, positions=None)  # fmt: skip
    return point(metric, spread)


def majority(scores: Scores, metric: Metric) -> float | None:
    """A judge that picks, of the options shown, the one that is true most often when it is shown."""
    assert scores.positions is not None
    shown = scores.positions >= 0
    true = np.bincount(scores.truth.astype(np.int64), minlength=len(scores.options))
    rate: Floats = true / np.maximum(shown.sum(axis=0), 1)
    read = np.where(shown, rate, -1.0).argmax(axis=1).astype(np.float64)
    return point(metric, replace(scores, read=read, probabilities=None, positions=None))
