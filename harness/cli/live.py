"""Progress as a live bar on a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from harness.cli.progress import Counting
from harness.escaping import plain


class LiveWatch(Counting):
    """A progress bar, redrawn ten times a second at most."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._progress = Progress(
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._bar: TaskID | None = None
        self._drawn = 0.0

    def phase(self, title: str, total: int, done: int = 0) -> None:
        """Show a new bar."""
        super().phase(title, total, done)
        self._bar = self._progress.add_task("", total=total, completed=done, title=self.title, state="")
        self._progress.start()

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        """Count; redraw if it is time."""
        super().advance(failed=failed, unparsed=unparsed)
        self._redraw("")

    def working(self, text: str) -> None:
        """Show it beside the count; redraw if it is time."""
        self._redraw(f"{plain(text)}, ")

    def _redraw(self, working: str) -> None:
        now = time.monotonic()
        if self._bar is not None and now - self._drawn > 0.1:
            self._drawn = now
            self._progress.update(self._bar, completed=self.resumed + self.done, state=working + self.state())
            self._progress.refresh()

    def end(self) -> None:
        """Replace the bar by a line."""
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
        """One line above the bar."""
        self._progress.console.print(Text(plain(text)))
