"""How much the primary metric depends on the prompt variant: its spread, and paired differences from the first variant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.metrics.paired import compare_metric
from harness.results import HypothesisTest, PromptSpread, TaskResult
from harness.scoring.rows import Key, Rows
from harness.scoring.score_rows import make_metric, scores_for
from harness.tasks.spec import TaskSpec


def add_prompt_spread(
    results: Sequence[TaskResult], specs: Mapping[str, TaskSpec], rows: Mapping[Key, Rows], seed: int
) -> None:
    """Give the results of a task and data set that were asked in several prompt variants the spread over these."""
    alike: dict[tuple[str, str], list[TaskResult]] = {}
    for result in results:
        if result.prompt_variant is not None:
            alike.setdefault((result.task, result.data.name), []).append(result)
    for (task, data), group in alike.items():
        spread = _spread(group)
        asked = {key[3]: found for key, found in rows.items() if (key[0], key[2]) == (task, data)}
        first, *others = (asked[str(result.prompt_variant)] for result in group)
        names = [str(result.prompt_variant) for result in group]
        found = (
            _difference(f"{name} - {names[0]}", first, other, specs[task], seed)
            for name, other in zip(names[1:], others, strict=True)
        )
        spread.differences = [difference for difference in found if difference is not None]
        for result in group:
            result.prompt_spread = spread


def _spread(results: Sequence[TaskResult]) -> PromptSpread:
    primary = {r.prompt_variant: r.primary for r in results if r.prompt_variant and r.primary}
    values = {variant: metric.value for variant, metric in primary.items()}
    known = [value for value in values.values() if value is not None]
    return PromptSpread(
        metric=next(iter(primary.values())).name,
        values=values,
        min=min(known, default=None),
        max=max(known, default=None),
        sd=float(np.std(known, ddof=1)) if len(known) > 1 else None,
    )


def _difference(name: str, first: Rows, other: Rows, spec: TaskSpec, seed: int) -> HypothesisTest | None:
    """The primary metric of `other` minus that of `first`, on the rows that enter both; None where it does not exist."""
    metric = make_metric(spec.primary)
    one, two = (scores_for(rows, metric, spec.cluster) for rows in same_samples(first, other))
    if one.n != two.n:
        return None
    try:
        found = compare_metric(metric, one, two, seed=seed)
    except Exception:  # may be a plugin's code, which the result of its task reports
        return None
    difference = found.difference
    if difference is None or math.isnan(difference.p):
        return None
    return HypothesisTest(
        name=name,
        question=spec.name,
        value=difference.value,
        low=difference.low,
        high=difference.high,
        p=difference.p,
        p_adjusted=difference.p,
        n=found.n,
        clusters=found.clusters,
        method=difference.method,
    )


def same_samples(first: Rows, other: Rows) -> tuple[Rows, Rows]:
    """The rows of samples, and repeats of them, that both have, in the same order."""

    def places(rows: Rows) -> dict[tuple[str, int], int]:
        return {
            (sample.id, repeat): row
            for row, (sample, repeat) in enumerate(zip(rows.samples, rows.repeats, strict=True))
        }

    one, two = places(first), places(other)
    both = [key for key in one if key in two]
    return first.select(one[key] for key in both), other.select(two[key] for key in both)
