"""A few of everything that `make fuzz` tries: damaged folders, strangers' files, kills, failing disks, odd replies and plugins."""

from __future__ import annotations

import pytest
from faults.fuzz import KINDS, fuzz

pytestmark = [pytest.mark.faults, pytest.mark.slow]

FEW = {
    "damaged run folders": 3,
    "releases and manifests": 10,
    "archives": 10,
    "folders of six pictures": 3,
    "task files and suites": 12,
    "kills": 1,
    "interrupts": 1,
    "failing system calls": 4,
    "replies": 500,
    "plugins": 2,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_broken_at_random_holds(kind: str) -> None:
    wrong: list[str] = []
    held, _ = fuzz(kind, FEW[kind], 1, wrong.append)
    assert held == FEW[kind], "\n".join(wrong)
