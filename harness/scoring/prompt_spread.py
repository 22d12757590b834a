"""How much the primary metric depends on the prompt variant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.results import PromptSpread, TaskResult


def add_prompt_spread(results: Sequence[TaskResult]) -> None:
    """Give the results of a task and data set that were asked in several prompt variants the spread over these."""
    alike: dict[tuple[str, str], list[TaskResult]] = {}
    for result in results:
        if result.prompt_variant is not None:
            alike.setdefault((result.task, result.data.name), []).append(result)
    for group in alike.values():
        spread = _spread(group)
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
