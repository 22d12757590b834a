"""How fast a run was: the requests of each phase, and the seconds that they took, over all attempts that ended."""

from __future__ import annotations

import time
from typing import Any

from harness.run.watch import Watch, safe
from harness.store import RunFolder
from harness.store.runfolder import PACE


class Pace(Watch):
    """Counts and times what it passes on to another watch. Loading a model counts: it is time that a user waits."""

    def __init__(self, watch: Watch) -> None:
        self._watch = safe(watch)
        self._phases: dict[str, tuple[int, float]] = {}
        self._title = ""
        self._began = 0.0
        self._count = 0

    def phase(self, title: str, total: int, done: int = 0) -> None:
        self._close_phase()
        self._title, self._began, self._count = title, time.monotonic(), 0
        self._watch.phase(title, total, done)

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        self._count += 1
        self._watch.advance(failed=failed, unparsed=unparsed)

    def working(self, text: str) -> None:
        self._watch.working(text)

    def end(self) -> None:
        self._close_phase()
        self._watch.end()

    def close(self) -> None:
        self._watch.close()

    def note(self, text: str) -> None:
        self._watch.note(text)

    def _close_phase(self) -> None:
        if self._title and self._count:
            count, seconds = self._phases.get(self._title, (0, 0.0))
            # A component may have replaced the clock: no number is then 0 here.
            took = max(0.0, time.monotonic() - self._began)
            self._phases[self._title] = (count + self._count, seconds + took)
        self._title, self._count = "", 0

    def store(self, folder: RunFolder) -> None:
        """Add the phases of this attempt to those in `run.json`. Changes nothing if nothing was asked."""
        self._close_phase()
        if not self._phases:
            return
        known: dict[str, dict[str, Any]] = {
            entry["phase"]: dict(entry) for entry in folder.run.get(PACE) or ()
        }
        for title, (count, seconds) in self._phases.items():
            entry = known.setdefault(title, {"phase": title, "requests": 0, "seconds": 0.0})
            entry["requests"] += count
            entry["seconds"] = round(entry["seconds"] + seconds, 3)
        self._phases.clear()
        folder.update({PACE: [*known.values()]})
