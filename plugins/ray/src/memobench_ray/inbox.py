"""The requests of one actor: what the driver sends arrives here, and the component takes it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from harness import RequestSource

ROOM = 256 * 2**20
"""Bytes of pictures after which `ready` hands out what it has: a picture is many times larger than its file."""
PATIENCE = 0.03
"""Seconds that a component with unanswered requests waits for another one before the driver is told."""


class Inbox:
    """Requests in order, cut into sessions: the component's `stream` runs once for each."""

    def __init__(
        self, hungry: Callable[[], None], prepare: Callable[[Any], tuple[Any, int] | None] = lambda r: (r, 0)
    ) -> None:
        """`hungry` is called when the component waits for more requests before it answers those that it has.

        `prepare` makes a request ready for the component, in its thread, and says how many bytes it takes; None: it
        cannot be asked.
        """
        self.prepare = prepare
        self.changed = threading.Condition()
        self.waiting: deque[Any] = deque()
        """Requests; None where a session ends."""
        self.hungry = hungry
        self.stopped = False
        self.unanswered = 0

    def add(self, requests: Iterable[Any], *, ends: bool) -> None:
        """More requests; `ends`: the session ends after them."""
        with self.changed:
            self.waiting.extend(requests)
            if ends:
                self.waiting.append(None)
            self.changed.notify_all()

    def stop(self) -> None:
        """No more requests: what was not taken is dropped."""
        with self.changed:
            self.stopped = True
            self.waiting.clear()
            self.changed.notify_all()

    def answered(self) -> None:
        """The component answered a request."""
        with self.changed:
            self.unanswered = max(0, self.unanswered - 1)

    def sessions(self) -> Iterator[Session]:
        """One session after the other, until `stop`."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.stopped or self.waiting)
                if self.stopped:
                    return
                self.unanswered = 0
            session = Session(self)
            yield session
            if not session.ended:
                return


class Session(RequestSource[Any]):
    """The requests of one session."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.ended = False
        """Whether the component was told that there are no more."""

    def __iter__(self) -> Iterator[Any]:
        while True:
            with self._inbox.changed:
                if not self._wait(None):
                    return
                request = self._next()
            prepared = self._inbox.prepare(request)
            del request
            if prepared is not None:
                yield prepared[0]
            del prepared

    def ready(self, max_n: int, timeout: float = 0.0) -> list[Any]:
        found: list[Any] = []
        size = 0
        while len(found) < max_n and size < ROOM:
            with self._inbox.changed:
                if not self._wait(0.0 if found else timeout):
                    break
                request = self._next()
            prepared = self._inbox.prepare(request)
            if prepared is not None:
                found.append(prepared[0])
                size += prepared[1]
        return found

    @property
    def exhausted(self) -> bool:
        with self._inbox.changed:
            self._look()
            return self.ended

    def _next(self) -> Any:
        self._inbox.unanswered += 1
        return self._inbox.waiting.popleft()

    def _look(self) -> bool:
        """Whether there is a request or an end."""
        if not self.ended:
            if self._inbox.stopped:
                self.ended = True
            elif self._inbox.waiting and self._inbox.waiting[0] is None:
                self._inbox.waiting.popleft()
                self.ended = True
        return self.ended or bool(self._inbox.waiting)

    def _wait(self, timeout: float | None) -> bool:
        """Wait for a request; False where the session ended, or the time is over."""
        inbox = self._inbox
        deadline = None if timeout is None else time.monotonic() + timeout
        told = False
        while not self._look():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if inbox.unanswered and not told:
                inbox.changed.wait(PATIENCE if left is None else min(PATIENCE, left))
                told = True
                if not self._look() and (left is None or left > PATIENCE):
                    inbox.hungry()
            else:
                inbox.changed.wait(left)
        return not self.ended
