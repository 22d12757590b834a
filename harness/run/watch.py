"""How a run reports its progress; the command line shows it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable

from harness.components.failures import is_interrupt, message_of


class Watch:
    """Receives progress. This one shows nothing; a subclass does. What a watch raises never stops a run."""

    def phase(self, title: str, total: int, done: int = 0) -> None:
        """A phase starts: `total` requests, `done` of them stored by an earlier attempt."""

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        """One request is done, whether answered or failed."""

    def working(self, text: str) -> None:
        """What happens until the next request is done: "step 12 of 30"."""

    def end(self) -> None:
        """The phase is over."""

    def close(self) -> None:
        """The run is over, whether it succeeded or not."""

    def note(self, text: str) -> None:
        """Something that the user should read."""


class SafeWatch(Watch):
    """Passes everything on to another watch. What that one raises becomes a warning, once, and nothing else."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._warned = False

    def phase(self, title: str, total: int, done: int = 0) -> None:
        self._guard(lambda: self.watch.phase(title, total, done))

    def advance(self, *, failed: bool = False, unparsed: bool = False) -> None:
        self._guard(lambda: self.watch.advance(failed=failed, unparsed=unparsed))

    def working(self, text: str) -> None:
        self._guard(lambda: self.watch.working(text))

    def end(self) -> None:
        self._guard(lambda: self.watch.end())

    def close(self) -> None:
        self._guard(lambda: self.watch.close())

    def note(self, text: str) -> None:
        self._guard(lambda: self.watch.note(text))

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as e:  # a watch is the caller's code, and may fail in any way
            if is_interrupt(e):
                raise
            if self._warned:
                return
            self._warned = True
            with contextlib.suppress(Exception):  # where warnings are errors
                warnings.warn(
                    f"Progress cannot be shown ({type(e).__name__}: {message_of(e)}); the run goes on.",
                    RuntimeWarning,
                    stacklevel=3,
                )


def safe(watch: Watch | None) -> Watch:
    """The watch that a run reports to: whatever it is, it never raises. None shows nothing."""
    if watch is None:
        return Watch()
    return watch if isinstance(watch, SafeWatch) else SafeWatch(watch)
