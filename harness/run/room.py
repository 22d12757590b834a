"""Room in memory for what is prepared ahead: taken before a picture is decoded, and given in the order of the jobs."""

from __future__ import annotations

import threading
from dataclasses import dataclass

_current = threading.local()


class NoRoom(BaseException):
    """A job is not prepared now: there is no room, and it may not wait. No error, so handlers of errors let it pass."""


def reserve(size: int) -> None:
    """Take `size` bytes for the job that this thread prepares, before they are used; waits until there is room.

    Raises `NoRoom` where the job is to be prepared later. Outside of a job it does nothing.
    """
    taken: _Taken | None = getattr(_current, "taken", None)
    if taken is not None:
        taken.add(size)


class Room:
    """A number of bytes that threads share. The first jobs always go on once the consumer waits for them, whatever they take."""

    def __init__(self, size: int) -> None:
        self._size, self._used = size, 0
        self._first: int | None = None
        self._waiting = False
        self._closed = False
        # Entering the lock itself costs less than entering the condition, and there is seldom anybody to notify.
        self._lock = threading.Lock()
        self._changed, self._waiters = threading.Condition(self._lock), 0

    def entered(self, number: int, *, waits: bool) -> _Taken:
        """What one of the jobs with this number takes, by `reserve`. One that fails gives it back."""
        return _Taken(self, number, waits)

    def first(self, number: int | None, *, waiting: bool) -> None:
        """Which jobs the consumer gets next, if there are any, and whether it waits for them."""
        if (self._first, self._waiting) != (number, waiting):
            with self._lock:
                self._first, self._waiting = number, waiting
                self._notify()

    def take(self, number: int, size: int, *, waits: bool) -> None:
        """Take some bytes. Raises `NoRoom`."""
        with self._lock:
            while self._used + size > self._size:
                # Two pictures that are larger than all the room are never decoded at the same time.
                if number == self._first and (not self._used or (self._waiting and waits)):
                    break
                if not waits or self._closed:
                    raise NoRoom
                self._waiters += 1
                self._changed.wait()
                self._waiters -= 1
            self._used += size

    def free(self, size: int) -> None:
        """Give bytes back."""
        if size:
            with self._lock:
                self._used -= size
                self._notify()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._lock:
            self._closed = True
            self._notify()

    def _notify(self) -> None:
        if self._waiters:
            self._changed.notify_all()


@dataclass(slots=True)
class _Taken:
    """What one job has taken so far."""

    room: Room
    number: int
    waits: bool
    size: int = 0

    def add(self, size: int) -> None:
        self.room.take(self.number, size, waits=self.waits)
        self.size += size

    def settle(self, size: int) -> None:
        """The job is prepared and holds `size` bytes: what it took beyond is free, and what it did not take is counted."""
        self.room.free(self.size - size)
        self.size = size

    def __enter__(self) -> _Taken:
        _current.taken = self
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        _current.taken = None
        if kind is not None:
            self.room.free(self.size)
