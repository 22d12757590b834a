"""Progress on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from harness.escaping import plain
from harness.run.watch import Watch


class Counting(Watch):
    """Counts what every way of showing needs."""

    def __init__(self) -> None:
        self.title, self.total, self.resumed = "", 0, 0
        self.done = self.failed = self.unparsed = 0
        self.began = time.monotonic()

    def phase(self, title: str, total: int, done: int = 0) -> None:
        """Start counting anew."""
        self.title, self.total, self.resumed, self.done = plain(title), total, done, 0
        self.failed = self.unparsed = 0
        self.began = time.monotonic()

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        """Count one request."""
        self.done += 1
        self.failed += failed
        self.unparsed += unparsed

    def rate(self) -> float:
        """Requests a second in this phase."""
        return self.done / max(1e-6, time.monotonic() - self.began)

    def state(self) -> str:
        """Rate, failures and unparsed replies so far."""
        return f"{self.rate():.1f}/s, {self.failed} failed, {self.unparsed} unparsed"


class PlainWatch(Counting):
    """A line at the start and end of each phase, and one every ten seconds."""

    every = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._last = 0.0

    def phase(self, title: str, total: int, done: int = 0) -> None:
        """Say what begins."""
        super().phase(title, total, done)
        self._last = time.monotonic()
        self.note(f"{self.title}: {total} requests" + (f", {done} stored already" if done else ""))

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        """Count, and say so now and then."""
        super().advance(failed=failed, unparsed=unparsed)
        self._say()

    def working(self, text: str) -> None:
        """Say so now and then."""
        self._say(f"{plain(text)}, ")

    def _say(self, working: str = "") -> None:
        now = time.monotonic()
        if now - self._last < self.every:
            return
        self._last = now
        left = max(0, self.total - self.resumed - self.done) / max(1e-6, self.rate())
        remaining = f", {left:.0f} s left" if self.done else ""
        self.note(
            f"{self.title}: {self.resumed + self.done}/{self.total}, {working}{self.state()}{remaining}"
        )

    def end(self) -> None:
        """Say how it went."""
        if self.done:
            self.note(f"{self.title}: done, {self.state()}")

    def note(self, text: str) -> None:
        """One line on standard error."""
        print(plain(text), file=sys.stderr, flush=True)


def make_watch() -> Watch:
    """What fits standard error: a live bar on a terminal, else plain lines."""
    if not sys.stderr.isatty():
        return PlainWatch()
    # Imported late: scripts and CI, which have no terminal, need not wait for it.
    from rich.console import Console

    from harness.cli.live import LiveWatch

    return LiveWatch(Console(stderr=True, highlight=False))
