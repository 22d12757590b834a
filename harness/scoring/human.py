"""What people said of a data set's pictures: how far they agree, and the ceiling that a single person reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.datasets.ratings import RaterAnswers
from harness.results import HUMAN
from harness.stats.agreement import (
    interval_alpha,
    interval_columns,
    nominal_alpha,
    nominal_columns,
)
from harness.stats.raters import (
    Ceiling,
    choice_ceiling,
    collect_ratings,
    icc_2k,
    keep_raters,
    mean_opinion_scores,
    rating_ceiling,
    ratings_table,
    screen_raters,
    soft_labels,
)
from harness.tasks.spec import Answer, TaskSpec
from harness.types import EMOTIONS

_CELLS = 50_000_000
"""Samples times raters up to which a full table is made: agreement of crowds beyond it is left out."""


def describe_people(questions: Mapping[str, TaskSpec], answers: Mapping[str, RaterAnswers]) -> dict[str, Any]:
    """For each task whose question people answered too: agreement and ceiling, as JSON values."""
    found = {}
    for name, spec in questions.items():
        said = answers.get(spec.answer.truth.field) if spec.answer else None
        if (
            said is not None
            and len(said)
            and spec.answer is not None
            and spec.answer.kind in ("choice", "rating")
        ):
            described = describe(said, spec.answer)
            if described["answers"]:
                found[name] = described
    return found


def describe(said: RaterAnswers, answer: Answer | None = None) -> dict[str, Any]:
    """Raters, samples, screening, agreement and ceiling of one question; `answer` maps labels onto its options."""
    sample, rater = np.array(said.sample, np.int64), np.array(said.rater, np.int64)
    value = np.array(said.value, np.float64)
    if said.question == "emotion":
        options = answer.options if answer is not None else EMOTIONS
        value = _mapped(value, answer)
        document = _choice(sample, rater, value, options)
    else:
        document = _rating(sample, rater, value, said)
    known = np.isfinite(value)
    return {
        "question": said.question,
        "answers": int(known.sum()),
        "samples": len(np.unique(sample[known])),
        "raters": len(np.unique(rater[known])),
        "not_used": dict(sorted(said.skipped.items())),
        **document,
    }


def _mapped(value: Floats, answer: Answer | None) -> Floats:
    """Codes of emotions as codes of a task's options; NaN for what the task does not ask about."""
    if answer is None:
        return value
    codes = []
    for emotion in EMOTIONS:
        option = answer.truth.mapping.get(emotion, emotion)
        left_out = emotion in answer.truth.leave_out or option not in answer.options
        codes.append(math.nan if left_out else float(answer.options.index(option)))
    mapped: Floats = np.array(codes)[value.astype(np.int64)]
    return mapped


def _choice(sample: Ints, rater: Ints, value: Floats, options: tuple[str, ...]) -> dict[str, Any]:
    ceiling = choice_ceiling(sample, rater, value, len(options))
    alpha = None
    answers = collect_ratings(sample, rater, value)
    if answers.samples * answers.raters <= _CELLS:
        alpha = _figure(
            nominal_alpha(nominal_columns(ratings_table(answers), len(options)).sum(axis=0)[None])
        )
    return {"alpha": alpha, "alpha_level": "nominal", "ceiling": _ceiling("accuracy", ceiling)}


def _rating(sample: Ints, rater: Ints, value: Floats, said: RaterAnswers) -> dict[str, Any]:
    answers = collect_ratings(sample, rater, value)
    rejected = screen_raters(answers).rejected
    names = list(said.raters)
    kept = keep_raters(answers, ~rejected)
    document: dict[str, Any] = {
        "rejected": [names[code] for code in np.flatnonzero(rejected)],
        "screening": "ITU-R BT.500",
        "ceiling": _ceiling("srcc", rating_ceiling(kept)),
    }
    if kept.samples * kept.raters <= _CELLS:
        predicted = ratings_table(kept)[:, ~rejected] if len(rejected) else ratings_table(kept)
        document["alpha"] = _figure(interval_alpha(interval_columns(predicted).sum(axis=0)[None]))
        document["alpha_level"] = "interval"
        found = icc_2k(predicted)
        document["icc_2k"] = {"value": _number(found.value), "low": _number(found.low), "high": _number(found.high),
                              "samples": found.n, "raters": found.k}  # fmt: skip
    return document


def _ceiling(metric: str, found: Ceiling) -> dict[str, Any]:
    return {"metric": metric, "value": _number(found.value), "low": _number(found.low), "high": _number(found.high),
            "raters": int(np.isfinite(found.raters).sum()), "method": "leave one rater out"}  # fmt: skip


def opinion_rows(answers: Mapping[str, RaterAnswers]) -> dict[str, dict[str, float]]:
    """Sample id -> MOS (0 to 100) and mean of each rated question, and the share of votes of each emotion."""
    rows: dict[str, dict[str, float]] = {}
    for question, said in answers.items():
        sample, rater = np.array(said.sample, np.int64), np.array(said.rater, np.int64)
        value = np.array(said.value, np.float64)
        columns: dict[str, Floats] = {}
        if question == "emotion":
            votes = soft_labels(sample, value, len(EMOTIONS), len(said.samples))
            columns = {f"votes_{e}": votes[:, i] for i, e in enumerate(EMOTIONS)}
        else:
            long = collect_ratings(sample, rater, value, len(said.samples), len(said.raters))
            kept = keep_raters(long, ~screen_raters(long).rejected)
            found = mean_opinion_scores(kept)
            total = np.bincount(kept.sample, kept.value, kept.samples)
            count = np.bincount(kept.sample, minlength=kept.samples)
            mean = np.divide(total, count, out=np.full(kept.samples, np.nan), where=count > 0)
            columns = {f"{question}_mean": mean, f"{question}_mos": found.mos, f"{question}_mos_se": found.error,
                       f"{question}_raters": count.astype(np.float64)}  # fmt: skip
        for name, code in said.samples.items():
            known = {k: round(float(v[code]), 6) for k, v in columns.items() if math.isfinite(v[code])}
            rows.setdefault(name, {}).update(known)
    return rows


def with_ceiling(entry: dict[str, Any], people: Mapping[str, Any] | None) -> None:
    """Put what people reach beside an entry's figures: agreement under `people`, the ceiling among baselines."""
    if not people:
        return
    entry["people"] = dict(people)
    ceiling = people["ceiling"]
    if ceiling["value"] is not None:
        entry["baselines"] = [
            *entry["baselines"],
            {"name": HUMAN, "metric": ceiling["metric"], "value": ceiling["value"]},
        ]


def _figure(values: Floats) -> float | None:
    return _number(float(values[0]))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
