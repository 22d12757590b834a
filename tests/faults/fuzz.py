"""Breaks everything at random, for as long as wanted: one line a kind, with how many were tried and how many held.

`python tests/faults/fuzz.py [--share S] [--seed N] [--only KIND,KIND]`: S times the counts in `KINDS`; ends with 1 if something did
not hold, and says how to try it again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults import hostile_data, hostile_tasks, kills, odd_plugins, odd_replies, workshop
from faults.calls import Tried, own_home

Make = Callable[[Path], Any]
Try = Callable[[Any, int], Tried]
KINDS: dict[str, tuple[int, Make, Try]] = {
    "damaged run folders": (600, workshop.Workshop.make, workshop.try_one),
    "releases and manifests": (400, hostile_data.make, hostile_data.try_release),
    "archives": (300, hostile_data.make, hostile_data.try_zip),
    "folders of six pictures": (200, hostile_data.make, hostile_data.try_picture),
    "task files and suites": (400, hostile_tasks.make, hostile_tasks.try_file),
    "kills": (150, kills.make, kills.try_kill),
    "interrupts": (80, kills.make, kills.interrupted_at_random),
    "failing system calls": (400, kills.make, kills.try_error),
    "replies": (20_000, lambda root: root, odd_replies.try_reply),
    "plugins": (100, odd_plugins.make, odd_plugins.try_plugin),
}
"""Name -> how many are tried, what is made before, and one try with a seed."""


def fuzz(kind: str, count: int, seed: int, tell: Callable[[str], None] = print) -> tuple[int, float]:
    """Try `count` of a kind; returns how many held, and the seconds of the slowest refusal. Tells what did not hold."""
    _, make, attempt = KINDS[kind]
    held, slowest = 0, 0.0
    with tempfile.TemporaryDirectory() as folder, own_home(Path(folder).resolve()):
        root = Path(folder).resolve()
        made = make(root) or root
        for number in range(count):
            tried = attempt(made, seed + number)
            held += not tried.wrong
            slowest = max(slowest, tried.slowest)
            for wrong in tried.wrong:
                tell(f"{kind}, {tried.name}: {tried.what[:500]}\n{wrong}\n")
    return held, slowest


def main() -> int:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(KINDS))
    given = parser.parse_args()
    failed = False
    for kind in given.only.split(","):
        count, start = max(1, round(KINDS[kind][0] * given.share)), time.monotonic()
        held, slowest = fuzz(kind, count, given.seed * 1_000_000)
        refused = f", slowest refusal {slowest:.2f} s" if slowest else ""
        print(f"{kind}: tried {count}, held {held}{refused} ({time.monotonic() - start:.0f} s)", flush=True)
        failed |= held < count
    print(f"seed {given.seed}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
