"""What unparsed replies may hide: values that count each of them as an unfavourable answer, and a note on how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.arrays import Mask
from harness.components.metric import Metric, Scores
from harness.metrics.baselines import mean_truth
from harness.metrics.calibration import CalibrationMetric, true_codes
from harness.metrics.choice import ClassMetric, WorstClasses
from harness.metrics.rank import SrccWithinEmotion

NOTED = 0.05
"""Share of rows without a parsed reply from which results say so."""


def asked(scores: Scores) -> Mask:
    """Rows with a truth, shape (n,), or all rows where none has one: then the replies alone are described."""
    known = ~np.isnan(scores.truth)
    return known if known.any() else np.ones(scores.n, bool)


def without_reply(scores: Scores) -> Mask:
    """The rows `asked` that have no parsed reply, shape (n,)."""
    missing: Mask = asked(scores) & ~scores.parsed
    return missing


def entering(metric: Metric, scores: Scores) -> Mask:
    """`metric.entered`, shape (n,); no rows where a plugin's method raises, which results report with the value."""
    try:
        inside = np.asarray(metric.entered(scores), bool)
    except Exception:  # may be a plugin's code
        return np.zeros(scores.n, bool)
    return inside if inside.shape == (scores.n,) else np.zeros(scores.n, bool)


def leaves_out(metric: Metric, scores: Scores) -> bool:
    """Whether the value rests on the rows with a parsed reply alone, and there are others."""
    inside, missing = entering(metric, scores), without_reply(scores)
    return bool(inside.any() and missing.any() and not inside[missing].any())


def worst_case(metric: Metric, scores: Scores) -> tuple[Metric, Scores] | None:
    """The metric and scores in which each unparsed reply is an unfavourable answer; None where there is nothing to bound.

    So a judge never gains by refusing instead of guessing. Bounds by the worst values of what is missing: Horowitz and
    Manski (2000), J. Am. Stat. Assoc. 95, 77-84. For errors of ratings that is the end of the scale farther from the
    truth. For correlations and slopes it is the end on the other side of the mean truth (of the emotion's, for a
    correlation within emotion): the least that a rating can add to a covariance. For macro-F1 and kappa, in which an
    unparsed reply costs less than some wrong ones, they are divided over the classes so that the value is least. For ECE and the Brier score
    it is full confidence in a wrong option.
    """
    if metric.direction == "none" or not without_reply(scores).any():
        return None
    if isinstance(metric, CalibrationMetric):
        return _confidently_wrong(metric, scores)
    if isinstance(metric, ClassMetric):
        return _least_favourable(metric, scores)
    if scores.kind != "rating" or not leaves_out(metric, scores):
        return None
    metric, scores = _mapped(metric, scores)
    if not scores.paired.any():
        return None
    if metric.direction == "lower":
        high = scores.truth - scores.low <= scores.high - scores.truth
    else:
        high = scores.truth <= mean_truth(scores, by_emotion=isinstance(metric, SrccWithinEmotion))
    worst = np.where(high, scores.high, scores.low)
    predicted = np.where(without_reply(scores), worst, scores.predicted)
    return metric, replace(scores, predicted=predicted, probabilities=None)


def _confidently_wrong(metric: CalibrationMetric, scores: Scores) -> tuple[Metric, Scores] | None:
    if scores.probabilities is None or not leaves_out(metric, scores):
        return None
    missing, options = without_reply(scores), scores.probabilities.shape[1]
    wrong = np.where(true_codes(scores) * 2 < options, options - 1, 0)
    probabilities = np.where(missing[:, None], np.eye(options)[wrong], scores.probabilities)
    named = wrong if scores.kind == "choice" else np.linspace(scores.low, scores.high, options)[wrong]
    predicted = np.where(missing, named, scores.predicted)
    return metric, replace(scores, predicted=predicted, probabilities=probabilities)


def _least_favourable(metric: ClassMetric, scores: Scores) -> tuple[Metric, Scores] | None:
    sums = metric.columns(scores).sum(axis=0).astype(np.float64)
    shares = metric.least_favourable(sums, int(without_reply(scores).sum()))
    return None if shares is None else (WorstClasses(metric, shares), scores)


def _mapped(metric: Metric, scores: Scores) -> tuple[Metric, Scores]:
    """What is resampled. A fitted curve stays that of the parsed replies, which it maps into the range of the truth."""
    try:
        plain, mapped = metric.prepared(scores, np.ones(scores.clusters, np.int64))
    except Exception:  # may be a plugin's code; results report it with the value
        return metric, replace(scores, predicted=np.full(scores.n, np.nan))
    if mapped is scores:
        return plain, scores
    known = scores.truth[~np.isnan(scores.truth)]
    return plain, replace(mapped, low=float(known.min()), high=float(known.max()))


def unparsed_notes(scores: Scores, named: Sequence[tuple[str, Metric]], *, bounded: bool) -> list[str]:
    """Says how many rows have no parsed reply, from `NOTED` on, and what becomes of them."""
    missing, n = int(without_reply(scores).sum()), int(asked(scores).sum())
    if not n or missing < NOTED * n:
        return []
    left_out = [name for name, metric in named if leaves_out(metric, scores)]
    parts = ["they count as wrong"] if scores.kind == "choice" else []
    parts += [f"left out of {', '.join(left_out)}"] if left_out else []
    parts += ["each bound counts them as unfavourable answers"] if bounded else []
    return (
        [f"{missing} of {n} rows ({missing / n:.0%}) have no parsed reply: {'; '.join(parts)}"]
        if parts
        else []
    )
