"""The unit of resampling: one rule for every metric, interval, baseline and test of a task.

Prompts that ask for the same portrait with different emotions share a `pair_id`, and are not independent of each other;
nor are portraits of one person, or of one prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CLUSTERS = ("pair_id", "subject", "prompt_id")
"""Default cluster columns: the first one present in the data is used if a task names none."""


def cluster_column(named: str, attributes: Iterable[Mapping[str, str]]) -> str:
    """The cluster column: the one named by the task, else the first of `CLUSTERS` that any sample has."""
    if named:
        return named
    rows = list(attributes)
    return next((column for column in CLUSTERS if any(a.get(column) for a in rows)), "")
