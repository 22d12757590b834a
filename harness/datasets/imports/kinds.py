"""The kinds of release that can be imported."""

from __future__ import annotations

from collections.abc import Mapping

from harness.datasets.imports.base import Kind
from harness.datasets.imports.memo_bench import MemoBench
from harness.errors import unknown

KINDS: Mapping[str, type[Kind]] = {kind.name: kind for kind in (MemoBench,)}


def kind_of(name: str) -> Kind:
    """A kind of release by its name. Raises `UnknownName` with the nearest."""
    if name not in KINDS:
        raise unknown("kind of release", name, KINDS)
    return KINDS[name]()
