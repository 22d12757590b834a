"""All figures of one task: metrics with intervals, groups, baselines, and what is to be said about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.arrays import Mask
from harness.components.metric import Metric, Scores
from harness.metrics import baselines
from harness.metrics.base import BuiltIn, parsed
from harness.metrics.interval import Estimate, Resampling, estimates
from harness.metrics.position import PositionBias, favoured
from harness.metrics.rank import SrccWithinEmotion
from harness.metrics.rating import MeanAbsoluteError

FEW = 10
"""Fewer clusters than this get a warning: their bootstrap intervals are too narrow."""


@dataclass(frozen=True)
class MetricRequest:
    """A metric to compute, under the name that results show."""

    name: str
    metric: Metric
    primary: bool = False


@dataclass(frozen=True)
class ScoreTable:
    """What `score_metrics` found, as JSON values: a figure that does not exist is None, never NaN."""

    metrics: list[dict[str, Any]]
    """name, value, low, high, n (rows that entered), method, direction, primary, group."""
    baselines: list[dict[str, Any]]
    """name (chance, majority, constant, emotion-mean), metric, value."""
    warnings: list[str] = field(default_factory=list)
    confusion: dict[str, Any] | None = None
    """For a choice: labels, and matrix[truth][read] with unparsed as the last column."""


def score_metrics(
    scores: Scores,
    requests: Sequence[MetricRequest],
    groups: Sequence[tuple[Mapping[str, str], Mask]] = (),
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
) -> ScoreTable:
    """Compute every metric over all rows, and for each group the primary one and those shown per group.

    `groups` are names and values with the rows that belong to them, shape (n,). The same seed gives the
    same intervals, whatever the order of rows and numbers of clusters. The truth of a rating may be NaN: such rows
    enter only metrics that need none. Raises ValueError for scores that
    are not what `Scores` says.
    """
    _check(scores)
    wrong = next((dict(group) for group, mask in groups if np.shape(mask) != (scores.n,)), None)
    if wrong is not None:
        raise ValueError(f"the rows of group {wrong} are not {scores.n} truth values")
    how = Resampling(seed, resamples, level)
    found = estimates(scores, [request.metric for request in requests], how)
    metrics = [_entry(*pair, {}) for pair in zip(requests, found, strict=True)]
    warnings = _few_clusters(scores)
    warnings += _remarks(requests, found, "")
    for request, estimate in zip(requests, found, strict=True):
        warnings += _partial(request, scores) + _favours(request, estimate, scores)
    trivial = _baselines(scores, requests)
    warnings += _beaten(metrics, trivial)
    shown = [request for request in requests if request.primary or _per_group(request.metric)]
    few = []
    for group, mask in groups:
        part = scores.where(mask)
        found = estimates(part, [request.metric for request in shown], how)
        metrics += [_entry(*pair, group) for pair in zip(shown, found, strict=True)]
        warnings += _remarks(shown, found, _label(group))
        few += [part.clusters] if part.clusters < FEW <= scores.clusters else []
    if few:
        warnings.append(
            f"{len(few)} of {len(groups)} groups have few clusters (the least {min(few)}): "
            "their intervals are rough"
        )
    return ScoreTable(metrics, trivial, warnings, confusion(scores))


def confusion(scores: Scores) -> dict[str, Any] | None:
    """Counts of truth (rows) by reply (columns, unparsed last); None for ratings."""
    if scores.kind != "choice":
        return None
    options = len(scores.options)
    predicted = np.where(np.isnan(scores.predicted), options, scores.predicted).astype(np.int64)
    cell = scores.truth.astype(np.int64) * (options + 1) + predicted
    matrix = np.bincount(cell, minlength=options * (options + 1)).reshape(options, options + 1)
    return {"labels": list(scores.options), "matrix": matrix.tolist()}


def _check(scores: Scores) -> None:
    lengths = {len(column) for column in (scores.truth, scores.predicted, scores.cluster, scores.emotion)}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    if np.isinf(scores.truth).any() or np.isinf(scores.predicted).any():
        raise ValueError("truth and replies must be finite or NaN")
    if scores.n and (scores.cluster.min() < 0 or scores.emotion.max() >= len(scores.emotions)):
        raise ValueError("cluster below 0, or an emotion without a name")
    if scores.kind == "choice":
        codes = np.r_[scores.truth, scores.predicted[parsed(scores)]]
        if not np.isin(codes, np.arange(len(scores.options))).all():
            raise ValueError("truth and replies of a choice must be codes into its options")


def _entry(request: MetricRequest, found: Estimate, group: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": request.name,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "method": found.method,
        "direction": request.metric.direction,
        "primary": request.primary and not group,
        "group": dict(group),
    }


def _per_group(metric: Metric) -> bool:
    return isinstance(metric, BuiltIn) and metric.per_group


def _baselines(scores: Scores, requests: Sequence[MetricRequest]) -> list[dict[str, Any]]:
    """The baselines that exist, of the primary metric and, for ratings, of the mean absolute error."""
    known = scores.where(~np.isnan(scores.truth))
    if not known.n:
        return []
    compared = [(request.name, request.metric) for request in requests if request.primary]
    if scores.kind == "choice":
        makers = {"chance": baselines.chance, "majority": baselines.majority}
    else:
        makers = {"constant": baselines.constant, "emotion-mean": baselines.emotion_mean}
        errors = [(r.name, r.metric) for r in requests if isinstance(r.metric, MeanAbsoluteError)]
        if compared and not any(isinstance(metric, MeanAbsoluteError) for _, metric in compared):
            errors = errors or [("mae", MeanAbsoluteError())]
        compared += [error for error in errors if error not in compared]
    made = [
        {"name": name, "metric": metric_name, "value": make(known, metric)}
        for metric_name, metric in compared
        for name, make in makers.items()
    ]
    return [entry for entry in made if entry["value"] is not None]


def _beaten(metrics: Sequence[Mapping[str, Any]], trivial: Sequence[Mapping[str, Any]]) -> list[str]:
    """A warning for each figure whose interval reaches the best of its baselines, or falls short of it."""
    warnings = []
    for entry in metrics:
        rivals = [rival for rival in trivial if rival["metric"] == entry["name"]]
        if not rivals or entry["value"] is None or entry["direction"] == "none":
            continue
        sign = 1 if entry["direction"] == "higher" else -1
        best = max(rivals, key=lambda rival: sign * rival["value"])
        edge = entry["low" if sign == 1 else "high"]
        if sign * ((entry["value"] if edge is None else edge) - best["value"]) <= 0:
            interval = "" if edge is None else f" [{_show(entry['low'])}, {_show(entry['high'])}]"
            warnings.append(
                f"{best['name']} baseline not beaten: {entry['name']} {_show(entry['value'])}"
                f"{interval} vs {_show(best['value'])}"
            )
    return warnings


def _few_clusters(scores: Scores) -> list[str]:
    clusters = len(np.unique(scores.cluster))
    if not 0 < clusters < FEW:
        return []
    if clusters == 1:
        return ["one cluster: there is nothing to resample, so no intervals"]
    return [f"few clusters ({clusters}): intervals are rough, and mostly too narrow"]


def _remarks(requests: Sequence[MetricRequest], found: Sequence[Estimate], label: str) -> list[str]:
    """Why figures do not exist and what is wrong with intervals; like remarks are made once for all names."""
    remarks: dict[str, list[str]] = {}
    for request, estimate in zip(requests, found, strict=True):
        if estimate.missing:
            remarks.setdefault(f"does not exist: {estimate.missing}", []).append(request.name)
        elif estimate.remark:
            remarks.setdefault(estimate.remark, []).append(request.name)
    return [f"{', '.join(names)}{label} {remark}" for remark, names in remarks.items()]


def _partial(request: MetricRequest, scores: Scores) -> list[str]:
    """Says which emotions an average over emotions leaves out, where it leaves out some but not all."""
    if not isinstance(request.metric, SrccWithinEmotion) or scores.kind != "rating":
        return []
    left_out = request.metric.left_out_emotions(scores)
    if not left_out or not request.metric.entered(scores).any():
        return []
    return [f"{request.name} leaves out {', '.join(left_out)}: truth or replies are constant there"]


def _favours(request: MetricRequest, found: Estimate, scores: Scores) -> list[str]:
    """Names the place that a judge favours, where its interval tells a position bias from none."""
    if not isinstance(request.metric, PositionBias) or found.low is None or found.high is None:
        return []
    place = favoured(scores)
    if place is None or found.low <= 0 <= found.high:
        return []
    number, share, expected = place
    return [
        f"{request.name}: options at place {number} are chosen in {share:.0%} of the replies; "
        f"without position bias they would be in {expected:.0%}"
    ]


def _label(group: Mapping[str, str]) -> str:
    return " (" + ", ".join(f"{name}={value}" for name, value in group.items()) + ")"


def _show(value: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.3g}"
