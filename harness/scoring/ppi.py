"""Generator metrics calibrated on people: where people rated some of the portraits, a judge's values are corrected.

Prediction-powered estimates (`harness.stats.ppi`): unbiased for what people would say of all portraits whatever the
judge does, as long as the rated portraits are a random sample of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.datasets.ratings import RaterAnswers
from harness.records import Interval
from harness.results import CalibratedValue, LabelsNeeded
from harness.scoring.rows import Rows
from harness.scoring.stored import StoredSample
from harness.stats.intervals import proportion_interval
from harness.stats.ppi import PpiMean, labels_needed, ppi_mean
from harness.types import EMOTIONS

WIDTHS = {"choice": (0.2, 0.1, 0.05), "rating": (1.0, 0.5, 0.2)}
"""Interval widths for which results say how many more labels they need: shares, and levels."""
METHOD = "prediction-powered (PPI++), t interval by cluster over portraits, for these {raters} raters"
"""The interval resamples portraits, not raters: what other raters would say is not part of it."""


@dataclass(frozen=True)
class _Values:
    """What the judge and people say of the portraits that were delivered, shape (n,) each."""

    judge: Floats
    people: Floats
    """NaN where nobody was asked."""
    cluster: Ints
    missed: Ints
    """Clusters of the portraits that were not delivered, shape (m,), from the same codes."""


def calibrated(
    question: str, rows: Rows, cluster: str, people: Mapping[str, RaterAnswers]
) -> list[CalibratedValue]:
    """The calibrated value of one question; none where people were not asked it.

    A choice gives the share of people's answers that are what was asked for, a rating their mean rating. Portraits that
    were not delivered show nothing of what was asked, as in the judge's own value: how many are delivered is part of the
    interval. They have no rating, so a mean rating is about the others.
    """
    given = people.get(rows.answer.truth.field)
    if given is None or not len(given) or rows.answer.kind not in ("choice", "rating"):
        return []
    found = _values(rows, given, cluster)
    labelled = np.isfinite(found.people)
    if not labelled.any():
        return []
    choice = rows.answer.kind == "choice"
    missed = found.missed if choice else None
    mean = ppi_mean(
        found.people[labelled],
        found.judge[labelled],
        found.judge[~labelled],
        cluster=found.cluster[labelled],
        unlabelled_cluster=found.cluster[~labelled],
        zero_cluster=missed,
    )
    low, high = _ends(mean, choice=choice)
    alone = _people_alone(found, labelled, missed, choice=choice)
    return [
        CalibratedValue(
            question=question,
            name="fidelity" if choice else "mean_rating",
            value=mean.value,
            low=low,
            high=high,
            people_alone=alone,
            judge_alone=mean.moments.share * float(found.judge.mean()),
            weight=mean.weight,
            labelled=mean.labelled,
            unlabelled=mean.unlabelled,
            raters=len(given.raters),
            labels_needed=[_labels_needed(mean, width) for width in WIDTHS[rows.answer.kind]],
            method=METHOD.format(raters=len(given.raters)),
        )
    ]


def _ends(mean: PpiMean, *, choice: bool) -> tuple[float, float]:
    """The interval; where nothing varies, that of a share of 0 or 1, and none of a mean rating."""
    if mean.error != 0:
        return mean.low, mean.high
    if choice and mean.value in (0.0, 1.0):
        return proportion_interval(mean.value, mean.labelled, 0.0, mean.moments.clusters, mean.level)[0]
    return math.nan, math.nan


def _people_alone(found: _Values, labelled: Mask, missed: Ints | None, *, choice: bool) -> Interval:
    """The same without the judge: its predictions have no weight, but how many portraits are delivered is known."""
    mean = ppi_mean(
        found.people[labelled],
        found.judge[labelled],
        found.judge[~labelled],
        weight=0.0,
        cluster=found.cluster[labelled],
        unlabelled_cluster=found.cluster[~labelled],
        zero_cluster=missed,
    )
    low, high = _ends(mean, choice=choice)
    return Interval(value=mean.value, low=low, high=high)


def _values(rows: Rows, given: RaterAnswers, cluster: str) -> _Values:
    """One value for each portrait; an unparsed reply is wrong, and for a rating the mean of the others."""
    scores = rows.scores(cluster)
    delivered = np.array([reason is not None for reason in rows.reasons], bool)
    predicted, missed = scores.predicted[delivered], scores.cluster[~delivered]
    by_sample = _by_sample(given)
    samples = [sample for sample, has in zip(rows.samples, delivered, strict=True) if has]
    people = [_of(sample, by_sample) for sample in samples]
    if rows.answer.kind == "rating":
        known = np.isfinite(predicted)
        middle = float(predicted[known].mean()) if known.any() else 0.0
        judge = np.where(known, predicted, middle)
        means = [float(np.mean(values)) if values else math.nan for values in people]
        return _Values(judge, np.array(means, np.float64), scores.cluster[delivered], missed)
    correct = np.where(np.isnan(predicted), 0.0, (predicted == scores.truth[delivered]) * 1.0)
    shares = [_share(values, sample, rows) for values, sample in zip(people, samples, strict=True)]
    return _Values(
        correct.astype(np.float64), np.array(shares, np.float64), scores.cluster[delivered], missed
    )


def _by_sample(given: RaterAnswers) -> dict[str, list[float]]:
    names = list(given.samples)
    found: dict[str, list[float]] = {}
    for sample, value in zip(given.sample, given.value, strict=True):
        found.setdefault(names[sample], []).append(value)
    return found


def _of(sample: StoredSample, by_sample: Mapping[str, list[float]]) -> list[float]:
    """What people said of a portrait, by its id or that of the picture it was copied from."""
    keys = (sample.id, sample.attributes.get("source_id", ""), sample.attributes.get("file", ""))
    return next((by_sample[key] for key in keys if key in by_sample), [])


def _share(values: list[float], sample: StoredSample, rows: Rows) -> float:
    """The share of people's answers that are what was asked for; NaN where there is none."""
    if not values:
        return math.nan
    mapping = rows.answer.truth.mapping
    asked = mapping.get(str(sample.emotion), sample.emotion)
    answers = [mapping.get(EMOTIONS[int(code)], EMOTIONS[int(code)]) for code in values]
    return sum(option == asked for option in answers) / len(answers)


def _labels_needed(mean: PpiMean, width: float) -> LabelsNeeded:
    """How many more labels an interval of this width needs; None where all portraits together are too few."""
    return LabelsNeeded(
        width=width,
        more=labels_needed(mean, width),
        more_without_judge=labels_needed(mean, width, judge=False),
    )
