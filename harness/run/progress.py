"""Displays of progress: a live line on a terminal, plain lines elsewhere, a bar in a notebook."""

from __future__ import annotations

import html
import sys
import time
from typing import Any

from harness.escaping import plain, printable
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


_COUNTS, _LEFT, _BAR, _TITLE = 44, 9, 9, 18
"""Characters of the counts and the state, of the time that is left, and the least of the bar and of the title."""


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
            ProgressColumn,
            TaskID,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Literal(Console):
            """Shows what libraries print while the bar is drawn, and no markup, link or control character of it."""

            def print(self, *objects: Any, **options: Any) -> None:
                super().print(*(_literal(o) if isinstance(o, (str, Text)) else o for o in objects), **options)

        def _literal(text: str | Text) -> Text:
            return Text(printable(str(text)))

        own = getattr(sys.stderr, "unscreened", None)
        console = Literal(file=own, stderr=True, highlight=False)
        title: ProgressColumn = TextColumn("{task.fields[title]}", markup=False)
        columns: list[ProgressColumn] = [
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
        ]
        # Counts are never cut off: where there is no room, the bar is left out, then the time that is left.
        room = console.width - _COUNTS
        if room >= _TITLE + _LEFT:
            columns.append(TimeRemainingColumn())
            room -= _LEFT
        if room >= _TITLE + _BAR:
            columns.insert(0, BarColumn(None))
            room -= _BAR
        self._title_width = max(room, _TITLE)
        self._progress = Progress(title, *columns, console=console, auto_refresh=False, transient=True)
        self._bar: TaskID | None = None
        self._drawn = 0.0

    def phase(self, title: str, total: int, done: int = 0) -> None:
        super().phase(title, total, done)
        shown = self.title
        if len(shown) > self._title_width:
            # The end of a name tells models apart better than its beginning.
            shown = "\N{HORIZONTAL ELLIPSIS}" + shown[1 - self._title_width :]
        self._bar = self._progress.add_task("", total=total, completed=done, title=shown, state="")
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
        self._progress.console.print(plain(text))


class NotebookWatch(Counting):
    """A bar below the cell of a notebook, one for each phase, redrawn at most five times a second.

    It needs no widgets: the bar is an element of HTML that the notebook's own style colours.
    """

    every = 0.2

    def __init__(self) -> None:
        super().__init__()
        self._shown: Any = None
        """The display of this phase, which can be replaced."""
        self._drawn = 0.0

    def phase(self, title: str, total: int, done: int = 0) -> None:
        super().phase(title, total, done)
        self._shown = None
        self._draw()

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        super().advance(failed=failed, unparsed=unparsed)
        self._redraw("")

    def working(self, text: str) -> None:
        self._redraw(f"{plain(text)}, ")

    def end(self) -> None:
        if self._shown is not None:
            self._draw()
        self._shown = None

    def note(self, text: str) -> None:
        print(plain(text))

    def _redraw(self, working: str) -> None:
        if time.monotonic() - self._drawn > self.every:
            self._draw(working)

    def _draw(self, working: str = "") -> None:
        from IPython.display import HTML, display

        self._drawn = time.monotonic()
        done, state = self.resumed + self.done, f", {working}{self.state()}" if self.done or working else ""
        text = html.escape(f"{self.title}: {done}/{self.total}{state}")
        shown = HTML(f'<div><progress value="{done}" max="{max(1, self.total)}"></progress> {text}</div>')
        if self._shown is None:
            self._shown = display(shown, display_id=True)
        else:
            self._shown.update(shown)


def automatic(progress: bool | None) -> Watch:
    """The display for a caller in Python.

    None shows progress where somebody watches (a notebook, an interactive interpreter) and nothing in scripts and tests;
    True shows it everywhere.
    """
    if progress is False or (progress is None and not _interactive()):
        return Watch()
    if _in_notebook():
        return NotebookWatch()
    from rich.console import Console

    console = Console(stderr=True)
    return LiveWatch() if console.is_terminal and not console.is_dumb_terminal else PlainWatch()


def _shell() -> Any:
    """The running shell of IPython, which is loaded where there is one."""
    found = sys.modules.get("IPython")
    return found.get_ipython() if found is not None else None


def _in_notebook() -> bool:
    return getattr(_shell(), "kernel", None) is not None


def _interactive() -> bool:
    return hasattr(sys, "ps1") or _shell() is not None
