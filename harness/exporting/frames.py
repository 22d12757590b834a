"""Columns as a data frame where pandas is installed, else as a list of dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.installing import is_importable

_TYPES = {"number": "float64", "count": "int64", "flag": "bool"}
"""Kind of cells -> type of the column; texts are as pandas infers them."""


def frame(columns: Mapping[str, list[Any]], kinds: Mapping[str, str]) -> Any:
    """The columns (name -> cells, all of one length) as a pandas data frame, or as a list of dicts."""
    if not is_importable("pandas"):
        return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    import pandas

    return pandas.DataFrame(
        {
            name: pandas.Series(cells, dtype=_TYPES.get(kinds[name], "object" if not cells else None))
            for name, cells in columns.items()
        }
    )
