"""Metrics as Every Eval Ever describes them: range, direction, canonical names; and which metric a single answer enters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.records import Direction
from harness.results import BOUND

Limit = float | str

_SHARE = (0.0, 1.0)
_SIGNED = (-1.0, 1.0)
_POSITIVE = (0.0, "Infinity")
_ANY = ("-Infinity", "Infinity")
_RANGES: Mapping[str, tuple[Limit, Limit]] = {
    **dict.fromkeys(
        (
            "accuracy",
            "balanced_accuracy",
            "macro_f1",
            "unparsed_rate",
            "fidelity",
            "consistency",
            "first_share",
        ),
        _SHARE,
    ),
    **dict.fromkeys(
        (
            "kappa",
            "position_bias",
            "valence_gap",
            "srcc",
            "srcc_within_emotion",
            "krcc",
            "plcc",
            "plcc_fitted",
        ),
        _SIGNED,
    ),
    **dict.fromkeys(("mae", "rmse", "rmse_fitted", "spread_ratio", "distinct_values"), _POSITIVE),
    **dict.fromkeys(("bias", "slope", "mean_rating"), _ANY),
    "brier": (0.0, 2.0),
    "ece": (-1.0, 1.0),  # Debiased: it can fall below 0.
}
"""Least and greatest value. Errors of ratings are unbounded: labels may lie off the scale of the task."""
_CANONICAL = {"macro_f1": "f1_macro", "kappa": "cohen_kappa", "srcc": "spearman", "plcc": "pearson"}
_PLAIN = {"accuracy", "balanced_accuracy", "mae", "rmse", "ece", "brier"}
_UNITS = {
    "mae": "levels",
    "rmse": "levels",
    "rmse_fitted": "levels",
    "bias": "levels",
    "mean_rating": "levels",
}
MEANS_OF_ROWS = {"choice": ("accuracy", "fidelity"), "pair": ("accuracy",), "rating": ("mae", "mean_rating")}
"""Kind of answer -> the metrics that are the mean of a score of each answer."""


def base_name(metric: str) -> str:
    """The metric that a bound is the bound of; the metric itself else."""
    return metric.removesuffix(BOUND)


def metric_config(metric: str, direction: Direction, group: Mapping[str, str]) -> dict[str, Any]:
    """The `metric_config` of a metric value. Metrics of plugins have no range here."""
    base = base_name(metric)
    config: dict[str, Any] = {
        "metric_id": _CANONICAL.get(metric) or (metric if metric in _PLAIN else f"memobench.{metric}"),
        "metric_name": metric,
        "lower_is_better": direction == "lower",
    }
    if base in _RANGES:
        low, high = _RANGES[base]
        unit = _UNITS.get(base) or ("proportion" if (low, high) == _SHARE else "points")
        config |= {
            "metric_kind": _CANONICAL.get(base, base),
            "metric_unit": unit,
            "score_type": "continuous",
            "min_score": low,
            "max_score": high,
        }
    if group:
        config["metric_parameters"] = dict(group)
    details = {}
    if direction == "none":
        details["direction"] = "neither larger nor smaller is better"
    if base != metric:
        details["bound"] = f"{base} with each unparsed reply counted as an unfavourable answer"
    if details:
        config["additional_details"] = details
    return config


def mean_of_rows(kind: str, metrics: Iterable[str]) -> str | None:
    """Which of the metrics is the mean of the scores of single answers, if any is."""
    reported = set(metrics)
    return next((name for name in MEANS_OF_ROWS.get(kind, ()) if name in reported), None)
