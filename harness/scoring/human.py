"""What people said of a data set's portraits: agreement, and how one person and a judge do against the others.

Metric values and `baselines` are measured against the label of the data set. People cannot be: where the label is made
from their answers, it contains their own. `people` therefore has a truth of its own, the consensus of all raters but one,
and both a single person and the judge are measured against it, on the same samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.datasets.ratings import RaterAnswers
from harness.records import Interval
from harness.results import HumanAgreement, HumanCeiling, LabelAgreement, Reliability, TaskResult
from harness.scoring.rows import Rows, codes
from harness.stats.agreement import (
    interval_alpha,
    interval_columns,
    nominal_alpha,
    nominal_columns,
)
from harness.stats.ceiling import Ceiling, Part, choice_ceiling, rating_ceiling
from harness.stats.correlation import RankCorrelation
from harness.stats.raters import (
    Ratings,
    collect_ratings,
    icc_2k,
    keep_raters,
    mean_opinion_scores,
    ratings_table,
    screen_raters,
    soft_labels,
)
from harness.tasks.answers import Labelled
from harness.tasks.clusters import cluster_column
from harness.tasks.spec import Answer, TaskSpec
from harness.types import EMOTIONS

_CELLS = 50_000_000
"""Samples times raters up to which a full table is built: agreement of larger crowds is omitted."""
FEW = 10
"""With fewer raters than this, how raters vary is known so badly that intervals over them are rough."""
SAME_ORDER = 0.9995
"""Labels that correlate like this with the raters' mean are in the same order, up to rounding."""


class _Sample(Labelled, Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True)
class Compared:
    """What is compared with people's answers to one question, by the codes that `RaterAnswers` gives samples."""

    inside: Mask
    """Shape (samples,): those that people and judge are compared on."""
    cluster: Ints
    """Shape (samples,): the unit of resampling."""
    label: Floats
    """Shape (samples,): code of the option, or the rating, that the data set gives; NaN where it gives none."""
    judge: Floats
    """Shape (repeats, samples): the judge's answers, NaN where unparsed; no repeats without a judge."""


def compared_samples(given: RaterAnswers, samples: Iterable[_Sample]) -> Compared:
    """The samples of a data set, without a judge."""
    own = [sample for sample in samples if sample.id in given.samples]
    code = np.array([given.samples[sample.id] for sample in own], np.int64)
    column = cluster_column("", (sample.attributes for sample in own))
    found = _nothing(given, 0)
    found.inside[code] = True
    found.cluster[code] = codes(sample.attributes.get(column) or sample.id for sample in own)
    labels = [getattr(sample, given.question, None) for sample in own]
    found.label[code] = [_label(label) for label in labels]
    return found


def compared_rows(given: RaterAnswers, rows: Rows, cluster: str) -> Compared:
    """The samples that a judge answered, in every repeat; of ratings, those whose replies could be parsed."""
    at = [i for i, sample in enumerate(rows.samples) if sample.id in given.samples]
    rows = rows.select(at)
    code = np.array([given.samples[sample.id] for sample in rows.samples], np.int64)
    repeat = codes(rows.repeats)
    found = _nothing(given, int(repeat.max()) + 1 if len(repeat) else 0)
    if not len(code):
        return found
    found.judge[repeat, code] = np.array(rows.predicted)
    seen = np.zeros(found.judge.shape, bool)
    seen[repeat, code] = True if rows.answer.kind == "choice" else np.isfinite(np.array(rows.predicted))
    scores = rows.scores(cluster)
    found.cluster[code] = scores.cluster
    found.label[code] = scores.truth
    return replace(found, inside=np.asarray(seen.all(axis=0)))


def _nothing(given: RaterAnswers, repeats: int) -> Compared:
    size = len(given.samples)
    return Compared(
        np.zeros(size, bool),
        np.zeros(size, np.int64),
        np.full(size, np.nan),
        np.full((repeats, size), np.nan),
    )


def _label(label: str | float | None) -> float:
    if label is None:
        return math.nan
    return float(EMOTIONS.index(label)) if isinstance(label, str) else float(label)


def describe(given: RaterAnswers, compared: Compared, answer: Answer | None = None) -> HumanAgreement:
    """Raters, samples, screening, agreement and ceiling of one question, on the samples `compared`.

    `answer` maps people's labels onto the options of a task.
    """
    sample, rater = np.array(given.sample, np.int64), np.array(given.rater, np.int64)
    value = np.array(given.value, np.float64)
    choice = given.question == "emotion"
    if choice:
        value = _mapped(value, answer)
    everything = collect_ratings(sample, rater, value, len(given.samples), len(given.raters))
    rejected = np.zeros(everything.raters, bool) if choice else screen_raters(everything).rejected
    inside = _on_samples(everything, compared.inside)
    kept = keep_raters(inside, ~rejected)
    found = HumanAgreement(
        question=given.question,
        answers=len(inside.value),
        samples=len(np.unique(inside.sample)),
        raters=len(np.unique(inside.rater)),
        not_used=dict(sorted(given.skipped.items())),
        rejected=[name for name, code in given.raters.items() if rejected[code]],
        screening=None if choice else "ITU-R BT.500",
        ceiling=_no_ceiling("none: nobody to agree with"),
    )
    judge = compared.judge if len(compared.judge) else None
    if choice:
        options = answer.options if answer is not None else EMOTIONS
        _describe_choices(found, kept, len(options))
        if answer is not None and answer.contrast:
            found.ceiling = _no_ceiling("none: people chose among all options, the judge among those shown")
            return found
        ceiling = choice_ceiling(kept, len(options), judge, compared.cluster)
        found.ceiling = _ceiling("accuracy", "majority of the other raters, ties shared", ceiling)
        found.labels = _choice_labels(kept, compared.label, len(options))
    else:
        _describe_ratings(found, kept)
        ceiling = rating_ceiling(kept, judge, compared.cluster)
        found.ceiling = _ceiling("srcc", "mean of the other raters", ceiling)
        found.labels = _rating_labels(kept, compared.label)
    return found


def _on_samples(answers: Ratings, inside: Mask) -> Ratings:
    mask = inside[answers.sample]
    return replace(answers, sample=answers.sample[mask], rater=answers.rater[mask], value=answers.value[mask])


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


def _describe_choices(found: HumanAgreement, answers: Ratings, options: int) -> None:
    found.alpha_level = "nominal"
    if answers.samples * answers.raters <= _CELLS:
        columns = nominal_columns(ratings_table(answers), options)
        found.alpha = nominal_alpha(columns.sum(axis=0)[None])[0]


def _describe_ratings(found: HumanAgreement, answers: Ratings) -> None:
    if answers.samples * answers.raters > _CELLS:
        return
    table = ratings_table(answers)
    table = table[:, np.isfinite(table).any(axis=0)]
    found.alpha = interval_alpha(interval_columns(table).sum(axis=0)[None])[0]
    found.alpha_level = "interval"
    icc = icc_2k(table)
    found.icc_2k = Reliability(value=icc.value, low=icc.low, high=icc.high, samples=icc.n, raters=icc.k)


def _no_ceiling(method: str) -> HumanCeiling:
    return HumanCeiling(value=None, low=None, high=None, metric="", raters=0, method=method)


def _ceiling(metric: str, truth: str, found: Ceiling) -> HumanCeiling:
    raters = int(np.isfinite(found.raters).sum())
    over = "samples and raters" if found.over_raters else f"samples, for these {raters} raters"
    return HumanCeiling(
        value=found.people.value,
        low=found.people.low,
        high=found.people.high,
        metric=metric,
        raters=raters,
        method=f"leave one rater out; interval over {over}",
        truth=truth,
        samples=found.samples,
        clusters=found.clusters,
        judge=_interval(found.judge),
        difference=_interval(found.difference),
        over_raters=found.over_raters,
    )


def _interval(part: Part | None) -> Interval | None:
    return None if part is None else Interval(value=part.value, low=part.low, high=part.high)


def _choice_labels(answers: Ratings, label: Floats, options: int) -> LabelAgreement | None:
    """On samples with two answers or more; a label that ties for the most answers does not differ."""
    votes = np.bincount(
        answers.sample * options + answers.value.astype(np.int64), minlength=answers.samples * options
    ).reshape(answers.samples, options)
    known = np.flatnonzero((votes.sum(axis=1) > 1) & np.isfinite(label))
    if not len(known):
        return None
    own = votes[known, label[known].astype(np.int64)]
    return LabelAgreement(samples=len(known), differ=int((own < votes[known].max(axis=1)).sum()))


def _rating_labels(answers: Ratings, label: Floats) -> LabelAgreement | None:
    count = np.bincount(answers.sample, minlength=answers.samples)
    known = np.flatnonzero((count > 1) & np.isfinite(label))
    if not len(known):
        return None
    # Rounded, so that the order of summation does not break ties.
    mean = np.round(np.bincount(answers.sample, answers.value, answers.samples)[known] / count[known], 9)
    ranks = RankCorrelation(label[known], mean, np.zeros(len(known), np.int64), 1)
    return LabelAgreement(samples=len(known), srcc=ranks(np.ones((1, 1), np.int64))[0][0, 0])


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
            known = {k: round(float(v[code]), 12) for k, v in columns.items() if math.isfinite(v[code])}
            rows.setdefault(name, {}).update(known)
    return rows


def add_people(
    result: TaskResult,
    spec: TaskSpec,
    rows: Rows,
    ratings: Mapping[str, RaterAnswers],
    earlier: HumanAgreement | None,
) -> None:
    """Add what people said of the samples that the judge answered, and how both do against the same people.

    `earlier` is what a run folder of an earlier version says of people, without their answers.
    """
    answer = spec.answer
    if answer is None or answer.kind not in ("choice", "rating"):
        return
    given = ratings.get(answer.truth.field)
    if given is None or not len(given):
        if earlier is not None:
            result.people = earlier
            result.warnings.append(
                "people: this run folder has no answers of individual people, so the ceiling is on all samples of the data "
                "set and has no value of the judge next to it; resume the run to add them"
            )
        return
    found = describe(given, compared_rows(given, rows, spec.cluster), answer)
    if found.answers:
        result.people = found
        result.warnings += notes(found)


def notes(found: HumanAgreement) -> Sequence[str]:
    """What a reader of the ceiling should know: where labels and people differ, and how few the raters are."""
    remarks, labels, ceiling = [], found.labels, found.ceiling
    against = "metrics are measured against the label, the ceiling and the judge next to it against people"
    if labels is not None and labels.differ:
        remarks.append(
            f"people: on {labels.differ} of {labels.samples} samples the label is not what most people say: {against}"
        )
    if labels is not None and labels.srcc is not None and labels.srcc < SAME_ORDER:
        remarks.append(
            f"people: the labels of {labels.samples} samples and the mean of people have SRCC {labels.srcc:.3f}: {against}"
        )
    if ceiling.value is not None and not ceiling.over_raters:
        remarks.append(f"people: the ceiling is about these {ceiling.raters} raters, not about people")
    elif ceiling.value is not None and ceiling.raters < FEW:
        remarks.append(f"people: few raters ({ceiling.raters}): intervals of the ceiling are rough")
    return remarks
