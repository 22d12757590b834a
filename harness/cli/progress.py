"""Progress on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from harness.cli.streams import takes_escapes
from harness.escaping import plain
from harness.run.watch import Watch


class Counting(Watch):
    """Counts that every kind of display needs."""

    def __init__(self) -> None:
        self.title, self.total, self.resumed = "", 0, 0
        self.done = self.failed = self.unparsed = 0
        self.started = time.monotonic()

    def phase(self, title: str, total: int, done: int = 0) -> None:
        self.title, self.total, self.resumed, self.done = plain(title), total, done, 0
        self.failed = self.unparsed = 0
        self.started = time.monotonic()

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        self.done += 1
        self.failed += failed
        self.unparsed += unparsed

    def rate(self) -> float:
        """Requests a second in this phase."""
        return self.done / max(1e-6, time.monotonic() - self.started)

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
        super().phase(title, total, done)
        self._last = time.monotonic()
        self.note(f"{self.title}: {total} requests" + (f", {done} already stored" if done else ""))

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        super().advance(failed=failed, unparsed=unparsed)
        self._say()

    def working(self, text: str) -> None:
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
        if self.done:
            self.note(f"{self.title}: done, {self.state()}")

    def note(self, text: str) -> None:
        """One line on standard error."""
        print(plain(text), file=sys.stderr, flush=True)


class LiveWatch(Counting):
    """A progress bar, redrawn at most ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        # Imported late: scripts and CI, which have no terminal, do not need it.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
            auto_refresh=False,
            transient=True,
        )
        self._bar: TaskID | None = None
        self._drawn = 0.0

    def phase(self, title: str, total: int, done: int = 0) -> None:
        super().phase(title, total, done)
        self._bar = self._progress.add_task("", total=total, completed=done, title=self.title, state="")
        self._progress.start()

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        super().advance(failed=failed, unparsed=unparsed)
        self._redraw("")

    def working(self, text: str) -> None:
        self._redraw(f"{plain(text)}, ")

    def _redraw(self, working: str) -> None:
        now = time.monotonic()
        if self._bar is not None and now - self._drawn > 0.1:
            self._drawn = now
            self._progress.update(self._bar, completed=self.resumed + self.done, state=working + self.state())
            self._progress.refresh()

    def end(self) -> None:
        if self._bar is not None:
            self._progress.remove_task(self._bar)
            self._bar = None
        self._progress.stop()
        if self.done:
            self.note(f"{self.title}: {self.done} requests, {self.state()}")

    def close(self) -> None:
        """Give the terminal back, also after an interrupt."""
        self._progress.stop()

    def note(self, text: str) -> None:
        self._progress.console.print(plain(text), markup=False)


def make_watch() -> Watch:
    """What fits standard error: a live bar on a terminal that can redraw it, else plain lines."""
    return LiveWatch() if takes_escapes(sys.stderr) else PlainWatch()
