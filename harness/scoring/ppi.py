"""Generator figures calibrated on people: where people rated some of the portraits, a judge's figures are corrected.

Prediction-powered estimates (`harness.stats.ppi`): unbiased for what people would say of all portraits whatever the
judge does, as long as the rated portraits were drawn from all of them at random.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.datasets.ratings import RaterAnswers
from harness.scoring.rows import Rows
from harness.scoring.stored import StoredSample
from harness.stats.ppi import PpiMean, labels_needed, ppi_mean
from harness.types import EMOTIONS

WIDTHS = {"choice": (0.2, 0.1, 0.05), "rating": (1.0, 0.5, 0.2)}
"""Widths of an interval for which the report says how many more labels they take: shares, and levels."""
METHOD = "prediction-powered (PPI++), t interval by cluster"


@dataclass(frozen=True)
class _Readings:
    """What the judge and people say of the portraits that were delivered, shape (n,) each."""

    judge: Floats
    people: Floats
    """NaN where nobody was asked."""
    cluster: Ints


def calibrated(
    question: str, rows: Rows, cluster: str, people: Mapping[str, RaterAnswers]
) -> list[dict[str, Any]]:
    """The calibrated figure of one question, as JSON values; none where people were not asked it.

    A choice gives the share of people's readings that are what was asked for, a rating their mean rating; portraits
    that were not delivered show nothing, as in the judge's own figure.
    """
    field = rows.answer.truth.field
    said = people.get(field)
    if said is None or not len(said) or rows.answer.kind not in ("choice", "rating"):
        return []
    delivered = rows.select(i for i, reason in enumerate(rows.reasons) if reason is not None)
    found = _readings(delivered, said, cluster)
    labelled = np.isfinite(found.people)
    if not labelled.any():
        return []
    mean = ppi_mean(
        found.people[labelled],
        found.judge[labelled],
        found.judge[~labelled],
        cluster=found.cluster[labelled],
        unlabelled_cluster=found.cluster[~labelled],
    )
    choice = rows.answer.kind == "choice"
    part = len(delivered.samples) / len(rows.samples) if choice and rows.samples else 1.0
    return [
        {
            "question": question,
            "name": "fidelity" if choice else "mean_rating",
            **_interval(mean, part),
            "people_alone": _alone(found, labelled, part),
            "judge_alone": _number(part * float(found.judge.mean())),
            "weight": _number(mean.weight),
            "labelled": mean.labelled,
            "unlabelled": mean.unlabelled,
            "raters": len(said.raters),
            "labels_needed": [_needed(mean, width, part) for width in WIDTHS[rows.answer.kind]],
            "method": METHOD,
        }
    ]


def _readings(rows: Rows, said: RaterAnswers, cluster: str) -> _Readings:
    """One value for each portrait; a reply that cannot be read is no hit, and for a rating the mean of the others."""
    scores = rows.scores(cluster)
    opinion = _opinions(said)
    people = [_of(sample, opinion) for sample in rows.samples]
    if rows.answer.kind == "rating":
        known = np.isfinite(scores.read)
        middle = float(scores.read[known].mean()) if known.any() else 0.0
        judge = np.where(known, scores.read, middle)
        mean = [float(np.mean(values)) if values else math.nan for values in people]
        return _Readings(judge, np.array(mean, np.float64), scores.cluster)
    hits = np.where(np.isnan(scores.read), 0.0, (scores.read == scores.truth) * 1.0)
    shares = [_share(values, sample, rows) for values, sample in zip(people, rows.samples, strict=True)]
    return _Readings(hits.astype(np.float64), np.array(shares, np.float64), scores.cluster)


def _opinions(said: RaterAnswers) -> dict[str, list[float]]:
    names = list(said.samples)
    found: dict[str, list[float]] = {}
    for sample, value in zip(said.sample, said.value, strict=True):
        found.setdefault(names[sample], []).append(value)
    return found


def _of(sample: StoredSample, opinion: Mapping[str, list[float]]) -> list[float]:
    """What people said of a portrait, by its id or that of the picture which it was taken from."""
    keys = (sample.id, sample.attributes.get("source_id", ""), sample.attributes.get("file", ""))
    return next((opinion[key] for key in keys if key in opinion), [])


def _share(values: list[float], sample: StoredSample, rows: Rows) -> float:
    """The share of people's readings that are what was asked for; NaN where there is none."""
    if not values:
        return math.nan
    mapping = rows.answer.truth.mapping
    asked = mapping.get(str(sample.emotion), sample.emotion)
    read = [mapping.get(EMOTIONS[int(code)], EMOTIONS[int(code)]) for code in values]
    return sum(option == asked for option in read) / len(read)


def _alone(found: _Readings, labelled: Any, part: float) -> dict[str, float | None]:
    mean = ppi_mean(
        found.people[labelled], found.judge[labelled], np.zeros(0), cluster=found.cluster[labelled]
    )
    return _interval(mean, part)


def _interval(mean: PpiMean, part: float) -> dict[str, float | None]:
    return {
        "value": _number(part * mean.value),
        "low": _number(part * mean.low),
        "high": _number(part * mean.high),
    }


def _needed(mean: PpiMean, width: float, part: float) -> dict[str, Any]:
    """How many more labels an interval of this width takes; None where all portraits together are too few."""
    wished = width / part if part else math.inf
    return {
        "width": width,
        "more": labels_needed(mean, wished),
        "more_without_judge": labels_needed(mean, wished, judge=False),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
