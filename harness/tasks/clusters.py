"""The unit of resampling: which column says which rows belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CLUSTERS = ("subject", "prompt_id")
"""Columns whose values are resampled where a task names none: the first that the data have."""


def cluster_column(named: str, attributes: Iterable[Mapping[str, str]]) -> str:
    """The column that is resampled: the one that the task names, else the first known one that any sample has."""
    if named:
        return named
    rows = list(attributes)
    return next((column for column in CLUSTERS if any(a.get(column) for a in rows)), "")
