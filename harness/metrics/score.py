"""All values of one task: metrics with intervals, groups, baselines, and warnings about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.arrays import Mask
from harness.components.metric import Estimate, Metric, Scores
from harness.metrics import baselines
from harness.metrics.interval import Resampling, estimates
from harness.metrics.unparsed import NOTED, asked, entering, unparsed_notes, without_reply, worst_case
from harness.results import BOUND, BaselineValue, ConfusionMatrix, HypothesisTest, MetricValue
from harness.stats.clustered import effective_clusters

FEW = 20
"""Fewer clusters than this get a warning: variances between so few are rough (Cameron and Miller 2015, section VI)."""
PLURALS = {"does": "do", "has": "have"}


@dataclass(frozen=True)
class MetricRequest:
    """A metric to compute, under the name that results show."""

    name: str
    metric: Metric
    primary: bool = False


@dataclass(frozen=True)
class ScoreTable:
    """What `score_metrics` found."""

    metrics: list[MetricValue]
    baselines: list[BaselineValue]
    warnings: list[str] = field(default_factory=list)
    confusion: ConfusionMatrix | None = None
    """For a choice."""


def score_metrics(
    scores: Scores,
    requests: Sequence[MetricRequest],
    groups: Sequence[tuple[Mapping[str, str], Mask]] = (),
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
) -> ScoreTable:
    """Compute every metric over all rows, and for each group the primary one and those with `by_group`.

    `groups` are names and values with the rows that belong to them, shape (n,). The same seed gives the
    same intervals, whatever the order of rows (unless a metric uses attributes or extra) and the numbers of clusters. The truth of a rating may be NaN: such rows
    enter only metrics that need none. Raises ValueError for scores that are not what `Scores` says.
    """
    _check(scores)
    wrong = next((dict(group) for group, mask in groups if np.shape(mask) != (scores.n,)), None)
    if wrong is not None:
        raise ValueError(f"the mask of group {wrong} must have shape ({scores.n},)")
    how = Resampling(seed, resamples, level)
    found = estimates(scores, [request.metric for request in requests], how)
    cases = _worst_cases(scores, requests)
    bounds = _bounds(cases, how)
    values = []
    for request, estimate in zip(requests, found, strict=True):
        values.append(_value(request, estimate, {}, scores))
        values += [bounds[request.name + BOUND]] if request.name + BOUND in bounds else []
    trivial = _baselines(scores, requests)
    for case in cases:
        trivial += _baselines(case.scores, [request for request in case.of if request.name in bounds])
    warnings = [
        *few_clusters(scores),
        *unparsed_notes(
            scores, [(request.name, request.metric) for request in requests], bounded=bool(bounds)
        ),
        *_interval_remarks(requests, found, ""),
        *(remark for pair in zip(requests, found, strict=True) for remark in _own_remarks(*pair, scores)),
        *_not_shown_to_beat(values, trivial),
    ]
    by_group, remarks = _groups(scores, requests, groups, how)
    return ScoreTable(values + by_group, trivial, warnings + remarks, confusion(scores))


def _groups(
    scores: Scores,
    requests: Sequence[MetricRequest],
    groups: Sequence[tuple[Mapping[str, str], Mask]],
    how: Resampling,
) -> tuple[list[MetricValue], list[str]]:
    """The values of each group: of the primary metric and those with `by_group`; and warnings about groups."""
    shown = [request for request in requests if request.primary or request.metric.by_group]
    few: list[int] = []
    unparsed: list[tuple[float, str]] = []
    values: list[MetricValue] = []
    warnings: list[str] = []
    for group, mask in groups:
        part = scores.where(mask)
        found = estimates(part, [request.metric for request in shown], how)
        values += [_value(*pair, group, part) for pair in zip(shown, found, strict=True)]
        warnings += _interval_remarks(shown, found, _label(group))
        few += [part.clusters] if part.clusters < FEW <= scores.clusters else []
        unparsed.append((without_reply(part).sum() / max(asked(part).sum(), 1), _label(group).strip(" ()")))
    if few:
        warnings.append(
            f"{len(few)} of {len(groups)} groups have few clusters (the fewest: {min(few)}): their intervals are rough"
        )
    many = [pair for pair in unparsed if pair[0] >= NOTED]
    if many:
        most, where = max(many)
        warnings.append(
            f"{len(many)} of {len(groups)} groups have no parsed reply in {NOTED:.0%} of their rows or more "
            f"(the most: {where}, {most:.0%})"
        )
    return values, warnings


def metric_tests(
    request: MetricRequest, scores: Scores, question: str, *, seed: int, resamples: int
) -> tuple[list[HypothesisTest], list[str]]:
    """The tests that belong to a metric, and warnings if it raises or a p-value is not a probability."""
    try:
        found = request.metric.tests(scores, seed=seed, resamples=resamples)
        tests = [test.model_copy(update={"question": question}) for test in found]
    except Exception as error:  # may be a plugin's code
        return [], [f"{request.name}: its tests raised {type(error).__name__}: {error}"]
    # Holm's correction and the results file need a number.
    valid = [test for test in tests if 0 <= test.p <= 1]
    return valid, [
        f"{request.name}: the test {t.name} is omitted: its p is {t.p:g}" for t in tests if t not in valid
    ]


def confusion(scores: Scores) -> ConfusionMatrix | None:
    """Counts of truth (rows) by reply (columns, unparsed last); None for ratings."""
    if scores.kind != "choice":
        return None
    options = len(scores.options)
    predicted = np.where(np.isnan(scores.predicted), options, scores.predicted).astype(np.int64)
    cell = scores.truth.astype(np.int64) * (options + 1) + predicted
    matrix = np.bincount(cell, minlength=options * (options + 1)).reshape(options, options + 1)
    return ConfusionMatrix(labels=list(scores.options), matrix=matrix.tolist())


def _check(scores: Scores) -> None:
    lengths = {len(column) for column in (scores.truth, scores.predicted, scores.cluster, scores.emotion)}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    if np.isinf(scores.truth).any() or np.isinf(scores.predicted).any():
        raise ValueError("truth and replies must be finite or NaN")
    if scores.n and (scores.cluster.min() < 0 or scores.emotion.max() >= len(scores.emotions)):
        raise ValueError("cluster below 0, or an emotion without a name")
    if scores.kind == "choice":
        codes = np.r_[scores.truth, scores.predicted[scores.parsed]]
        if not np.isin(codes, np.arange(len(scores.options))).all():
            raise ValueError("truth and replies of a choice must be codes into its options")


def _value(request: MetricRequest, found: Estimate, group: Mapping[str, str], scores: Scores) -> MetricValue:
    return MetricValue(
        name=request.name,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        clusters=len(np.unique(scores.cluster[entering(request.metric, scores)])),
        method=found.method,
        direction=request.metric.direction,
        primary=request.primary and not group,
        group=dict(group),
    )


@dataclass
class _Worst:
    """Requests that count unparsed replies alike, with the scores in which each is an unfavourable answer."""

    scores: Scores
    requests: list[MetricRequest]
    """What gives the bounds: after a fitted curve, its plain metric."""
    of: list[MetricRequest]
    """What is bounded, and compared with baselines, under the names of the bounds."""


def _worst_cases(scores: Scores, requests: Sequence[MetricRequest]) -> list[_Worst]:
    """The worst cases of the values that leave unparsed replies out; those with the same scores are computed together."""
    cases: list[_Worst] = []
    for request in requests:
        case = worst_case(request.metric, scores)
        if case is not None:
            metric, worst = case
            bound = MetricRequest(request.name + BOUND, metric)
            of = replace(request, name=bound.name)
            same = (c for c in cases if np.array_equal(c.scores.predicted, worst.predicted, equal_nan=True))
            found = next(same, None)
            if found is None:
                cases.append(_Worst(worst, [bound], [of]))
            else:
                found.requests.append(bound)
                found.of.append(of)
    return cases


def _bounds(cases: Sequence[_Worst], how: Resampling) -> dict[str, MetricValue]:
    """The value of each worst case, by its name."""
    found = {}
    for case in cases:
        values = estimates(case.scores, [request.metric for request in case.requests], how)
        for request, estimate in zip(case.requests, values, strict=True):
            value = _value(request, estimate, {}, case.scores)
            value.method = f"{value.method}, unparsed as worst"
            found[request.name] = value
    return {name: value for name, value in found.items() if value.value is not None}


_MAKERS: Mapping[str, Mapping[str, Callable[[Scores, Metric], float | None]]] = {
    "choice": {"chance": baselines.chance, "majority": baselines.majority},
    "rating": {
        "chance": baselines.unrelated,
        "constant": baselines.constant,
        "emotion-mean": baselines.emotion_mean,
    },
}


def _baselines(scores: Scores, requests: Sequence[MetricRequest]) -> list[BaselineValue]:
    """The baselines that exist, on the rows of the value: of the primary metric and those `against_baselines`.

    Every correlation stands beside chance. A value that enters rows without a truth has no baseline.
    """
    found: list[BaselineValue] = []
    for request in sorted(requests, key=lambda r: (not r.primary, not r.metric.against_baselines)):
        metric = request.metric
        fully = request.primary or metric.against_baselines
        inside = entering(metric, scores)
        if not (fully or metric.correlation) or not inside.any() or np.isnan(scores.truth[inside]).any():
            continue
        rows = scores if inside.all() else scores.where(inside)
        for name, make in _MAKERS[scores.kind].items():
            value = make(rows, metric) if fully or name == "chance" else None
            if value is not None:
                found.append(
                    BaselineValue(
                        name=name,
                        metric=request.name,
                        value=value,
                        n=rows.n,
                        clusters=len(np.unique(rows.cluster)),
                        fitted=None if name == "chance" else "in-sample",
                    )
                )
    return found


def _not_shown_to_beat(values: Sequence[MetricValue], trivial: Sequence[BaselineValue]) -> list[str]:
    """A warning for each baseline that is the best of a value's and that the value's interval reaches or falls short of.

    Where unparsed replies are left out of a value, its worst case is compared.
    """
    unbeaten: dict[str, list[str]] = {}
    bounded = {value.name for value in values if value.name.endswith(BOUND)}
    for found in values:
        if found.name + BOUND in bounded:
            continue
        sign = 1 if found.direction == "higher" else -1
        baseline = max(
            (b for b in trivial if b.metric == found.name and b.value is not None),
            key=lambda b: sign * (b.value or 0.0),
            default=None,
        )
        if baseline is None or baseline.value is None or found.value is None or found.direction == "none":
            continue
        edge = found.low if sign == 1 else found.high
        if sign * ((found.value if edge is None else edge) - baseline.value) <= 0:
            interval = "" if edge is None else f" [{_show(found.low)}, {_show(found.high)}]"
            unbeaten.setdefault(baseline.name, []).append(
                f"{found.name} {_show(found.value)}{interval} vs {_show(baseline.value)}"
            )
    return [
        f"not shown to beat the {name} baseline: {'; '.join(values)}" for name, values in unbeaten.items()
    ]


def few_clusters(scores: Scores) -> list[str]:
    """Warns of results that rest on few clusters, or on a few large ones."""
    sizes = np.bincount(scores.cluster).astype(np.float64)
    clusters = int((sizes > 0).sum())
    if not clusters:
        return []
    if clusters == 1:
        return ["one cluster: there is nothing to resample, so no intervals"]
    worth = effective_clusters(sizes[sizes > 0], np.ones(clusters, np.int64))
    if worth >= FEW:
        return []
    named = f"{clusters}" if clusters < FEW else f"{clusters} of unequal size, worth {worth} equal ones"
    return [f"few clusters ({named}): intervals are rough, and mostly too narrow"]


def _interval_remarks(requests: Sequence[MetricRequest], found: Sequence[Estimate], label: str) -> list[str]:
    """Why values do not exist and what is wrong with intervals; metrics with the same remark share a line."""
    remarks: dict[str, list[str]] = {}
    for request, estimate in zip(requests, found, strict=True):
        if estimate.missing:
            remarks.setdefault(f"does not exist: {estimate.missing}", []).append(request.name)
        elif estimate.remark:
            remarks.setdefault(estimate.remark, []).append(request.name)
    return [
        f"{', '.join(names)}{label} {remark if len(names) == 1 else _plural(remark)}"
        for remark, names in remarks.items()
    ]


def _own_remarks(request: MetricRequest, found: Estimate, scores: Scores) -> list[str]:
    if found.value is None:
        return []
    try:
        return [f"{request.name}: {remark}" for remark in request.metric.remarks(scores, found)]
    except Exception as error:  # may be a plugin's code
        return [f"{request.name}: its remarks raised {type(error).__name__}: {error}"]


def _plural(remark: str) -> str:
    """One of the remarks above, which start with a verb, on several metrics."""
    verb, _, rest = remark.partition(" ")
    return f"{PLURALS.get(verb, verb)} {rest}"


def _label(group: Mapping[str, str]) -> str:
    return " (" + ", ".join(f"{name}={value}" for name, value in group.items()) + ")"


def _show(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.3g}"
