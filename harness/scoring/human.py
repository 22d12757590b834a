"""What people said of a data set's portraits: agreement, and the ceiling that a single person reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.arrays import Floats, Ints
from harness.datasets.ratings import RaterAnswers
from harness.results import (
    HUMAN,
    BaselineValue,
    HumanAgreement,
    HumanCeiling,
    Reliability,
    TaskResult,
)
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
"""Samples times raters up to which a full table is built: agreement of larger crowds is omitted."""


def describe_people(
    questions: Mapping[str, TaskSpec], answers: Mapping[str, RaterAnswers]
) -> dict[str, HumanAgreement]:
    """For each task whose question people answered too: agreement and ceiling."""
    found = {}
    for name, spec in questions.items():
        if spec.answer is None or spec.answer.kind not in ("choice", "rating"):
            continue
        given = answers.get(spec.answer.truth.field)
        if given is not None and len(given):
            described = describe(given, spec.answer)
            if described.answers:
                found[name] = described
    return found


def describe(given: RaterAnswers, answer: Answer | None = None) -> HumanAgreement:
    """Raters, samples, screening, agreement and ceiling of one question; `answer` maps labels onto its options."""
    sample, rater = np.array(given.sample, np.int64), np.array(given.rater, np.int64)
    value = np.array(given.value, np.float64)
    if given.question == "emotion":
        value = _mapped(value, answer)
    known = np.isfinite(value)
    found = HumanAgreement(
        question=given.question,
        answers=int(known.sum()),
        samples=len(np.unique(sample[known])),
        raters=len(np.unique(rater[known])),
        not_used=dict(sorted(given.skipped.items())),
        ceiling=HumanCeiling(value=None, low=None, high=None, metric="", raters=0, method=""),
    )
    if given.question == "emotion":
        options = answer.options if answer is not None else EMOTIONS
        _describe_choices(found, sample, rater, value, len(options))
    else:
        _describe_ratings(found, sample, rater, value, list(given.raters))
    return found


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


def _describe_choices(found: HumanAgreement, sample: Ints, rater: Ints, value: Floats, options: int) -> None:
    found.ceiling = _ceiling("accuracy", choice_ceiling(sample, rater, value, options))
    found.alpha_level = "nominal"
    answers = collect_ratings(sample, rater, value)
    if answers.samples * answers.raters <= _CELLS:
        columns = nominal_columns(ratings_table(answers), options)
        found.alpha = nominal_alpha(columns.sum(axis=0)[None])[0]


def _describe_ratings(
    found: HumanAgreement, sample: Ints, rater: Ints, value: Floats, names: Sequence[str]
) -> None:
    answers = collect_ratings(sample, rater, value)
    rejected = screen_raters(answers).rejected
    kept = keep_raters(answers, ~rejected)
    found.rejected = [names[code] for code in np.flatnonzero(rejected)]
    found.screening = "ITU-R BT.500"
    found.ceiling = _ceiling("srcc", rating_ceiling(kept))
    if kept.samples * kept.raters <= _CELLS:
        table = ratings_table(kept)[:, ~rejected] if len(rejected) else ratings_table(kept)
        found.alpha = interval_alpha(interval_columns(table).sum(axis=0)[None])[0]
        found.alpha_level = "interval"
        icc = icc_2k(table)
        found.icc_2k = Reliability(value=icc.value, low=icc.low, high=icc.high, samples=icc.n, raters=icc.k)


def _ceiling(metric: str, found: Ceiling) -> HumanCeiling:
    return HumanCeiling(
        value=found.value,
        low=found.low,
        high=found.high,
        metric=metric,
        raters=int(np.isfinite(found.raters).sum()),
        method="leave one rater out",
    )


def rating_columns(answers: Mapping[str, RaterAnswers]) -> dict[str, dict[str, float]]:
    """Sample id -> MOS (0 to 100) and mean of each rated question, and the share of votes of each emotion."""
    rows: dict[str, dict[str, float]] = {}
    for question, given in answers.items():
        sample, rater = np.array(given.sample, np.int64), np.array(given.rater, np.int64)
        value = np.array(given.value, np.float64)
        columns: dict[str, Floats] = {}
        if question == "emotion":
            votes = soft_labels(sample, value, len(EMOTIONS), len(given.samples))
            columns = {f"votes_{e}": votes[:, i] for i, e in enumerate(EMOTIONS)}
        else:
            long = collect_ratings(sample, rater, value, len(given.samples), len(given.raters))
            kept = keep_raters(long, ~screen_raters(long).rejected)
            found = mean_opinion_scores(kept)
            total = np.bincount(kept.sample, kept.value, kept.samples)
            count = np.bincount(kept.sample, minlength=kept.samples)
            mean = np.divide(total, count, out=np.full(kept.samples, np.nan), where=count > 0)
            columns = {
                f"{question}_mean": mean,
                f"{question}_mos": found.mos,
                f"{question}_mos_se": found.error,
                f"{question}_raters": count.astype(np.float64),
            }
        for name, code in given.samples.items():
            known = {k: round(float(v[code]), 6) for k, v in columns.items() if math.isfinite(v[code])}
            rows.setdefault(name, {}).update(known)
    return rows


def add_ceiling(result: TaskResult, people: HumanAgreement | None) -> None:
    """Add what people reach to a result: agreement as `people`, the ceiling among the baselines."""
    if people is None:
        return
    result.people = people
    ceiling = people.ceiling
    if ceiling.value is not None:
        result.baselines.append(BaselineValue(name=HUMAN, metric=ceiling.metric, value=ceiling.value))
