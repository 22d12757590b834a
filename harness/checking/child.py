"""The process that checks what a plugin declares: see `harness.checking.process`.

It imports the plugin, which may do anything: each step is announced before it is taken.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from harness.checking.process import Lines
from harness.checking.records import Offer
from harness.checking.static import static_verdicts


def main(path: str, request: str) -> None:
    """Write the verdicts on a distribution to a file, one line each."""
    asked, lines = json.loads(request), Lines(path)
    begun = ""

    def begin(step: str) -> None:
        nonlocal begun
        if begun:
            lines.write(end=begun)
        begun = step
        lines.write(begin=step)

    for found in static_verdicts(asked["dist"], asked["options"], begin):
        lines.write(**{"offer" if isinstance(found, Offer) else "verdict": asdict(found)})
    if begun:
        lines.write(end=begun)
