"""Watches calls of components' code: limits the time for a reply, says where one hangs, and undoes what it must not change.

A call runs in the thread of the run. Only Python code can be stopped: the time limit raises `ItemTimeout` inside the
component, which reaches it when it next runs a line of Python, or waits in a way that signals interrupt (`time.sleep`, sockets,
locks). What waits inside a C library without looking at signals cannot be stopped, only left with the whole process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any, TypeVar

from harness.components.failures import ItemTimeout, is_interrupt
from harness.components.sources import RequestSource
from harness.run.frames import where
from harness.run.watch import Watch, safe

PATIENCE = 60.0
"""Seconds without a sign of life after which it is said where a call hangs; then after twice as long, and so on."""
GRACE = 5.0
"""Seconds that a call may go on after its time is over."""
CLOSING = 20.0
"""Seconds that a component has at least, where there is a limit, to close after its last reply."""
MOST_EXPIRIES = 5
"""How often in a row a component may catch the error of the time limit and go on without a reply."""

R = TypeVar("R")


class Supervisor:
    """Watches the calls of one run. A context manager; `current()` is the innermost one of the thread.

    `timeout`: seconds for a reply, None without limit. `stuck` is called in another thread, with the name of the component,
    when a call cannot be stopped; without it, that is only said.
    """

    def __init__(
        self,
        watch: Watch | None = None,
        timeout: float | None = None,
        *,
        stuck: Callable[[str], None] | None = None,
    ) -> None:
        self.watch, self.timeout, self._stuck = safe(watch), timeout, stuck
        self.faults: list[str] = []
        """What components did to the process, one line each."""
        self._name, self._doing = "", ""
        self._inside = False
        """Whether the component's own code runs now, not ours that it calls."""
        self._in_hand = 0
        """Requests that the component has and did not answer, at most."""
        self._drained = False
        """Whether the component was told that there are no more requests."""
        self._expired, self._expiries = False, 0
        self._since = time.monotonic()
        """The last sign of life: a call began, a request was handed out, or a reply came."""
        self._process, self._home = _PROCESS, _working_folder()
        self._thread = threading.get_ident()
        self._ended = threading.Event()
        self._token: Token[Supervisor] | None = None
        self._earlier: Any = None

    def __enter__(self) -> Supervisor:
        self._token = _CURRENT.set(self)
        if self.timeout is not None and threading.current_thread() is threading.main_thread():
            self._earlier = signal.signal(signal.SIGALRM, self._alarm)
        threading.Thread(target=self._watch, name="memobench-supervisor", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._inside = False
        if self._earlier is not None:
            if self._earlier is signal.SIG_DFL:
                # A timer that a component left would end the process.
                signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._earlier)
            self._earlier = None
        if self._token is not None:
            _CURRENT.reset(self._token)

    @contextmanager
    def calling(self, name: str, doing: str) -> Iterator[None]:
        """A call that has no time limit: loading, closing, preparing. `doing` completes "NAME has been ... for 60 s"."""
        before = self._name, self._doing, self._in_hand
        self._name, self._doing, self._in_hand, self._since = name, doing, 0, time.monotonic()
        self._enter()
        try:
            yield
        finally:
            self._leave()
            self.go_back()
            self._name, self._doing, self._in_hand = before

    def replies(
        self, name: str, start: Callable[[], Iterable[R]], raised: list[BaseException]
    ) -> Generator[R, None, None]:
        """The replies of a component, from `start`. What the component raises ends them and is put into `raised`.

        What the code that takes the replies raises does not pass through here: it is never taken for the component's
        error, nor replaced by what the component raises while it is closed.
        """
        self._name, self._doing, self._in_hand = name, "working without a reply", 0
        self._expired, self._expiries, self._drained = False, 0, False
        self._since = time.monotonic()
        taken, found = False, None
        self._enter()
        try:
            found = iter(start())
            for reply in found:
                self._leave()
                self._expired, self._expiries = False, 0
                self._in_hand, self._since = max(0, self._in_hand - 1), time.monotonic()
                taken = True
                yield reply
                taken = False
                self._enter()
        except BaseException as e:  # a component may fail in any way
            if taken and isinstance(e, GeneratorExit):
                self._close(found, raised)
                raise
            if is_interrupt(e):
                raise
            raised.append(e)
        finally:
            self._leave()
            self.go_back()
            self._name, self._drained = "", False

    def _close(self, replies: Any, raised: list[BaseException]) -> None:
        """Close the component's replies, which no one takes any more."""
        self._in_hand, self._since = 0, time.monotonic()
        self._enter()
        try:
            if callable(close := getattr(replies, "close", None)):
                close()
        except BaseException as e:
            if is_interrupt(e):
                raise
            raised.append(e)

    def requests(self, source: RequestSource[R]) -> RequestSource[R]:
        """The same requests, so that it is known what the component has in hand."""
        return _Handed(source, self)

    def handed(self, count: int) -> None:
        """The component was given so many requests."""
        if count:
            self._in_hand, self._since = self._in_hand + count, time.monotonic()

    def no_more(self) -> None:
        """The component was told that there are no more requests."""
        if not self._drained:
            self._drained, self._since = True, time.monotonic()

    def _enter(self) -> None:
        self._inside = True

    def _leave(self) -> None:
        """The component's code is left. Ends a process that it forked."""
        self._inside = False
        if self._process is not _PROCESS:
            # A copy of this process would run to the end, too, and write the same files.
            os._exit(1)

    def go_back(self) -> None:
        """Return to the working directory that the component left. Paths of a run are absolute meanwhile."""
        if self._home is not None and _working_folder() != self._home:
            with contextlib.suppress(OSError):
                os.chdir(self._home)
            self.faults.append(f"{self._name} changed the working directory")

    def ours(self) -> _Ours:
        """Our own code, called by the component's. A call by another thread of the component changes nothing."""
        return _Ours(self)

    def _step_out(self) -> bool:
        """Whether our own code runs now that the component called."""
        if not self._inside or threading.get_ident() != self._thread:
            return False
        self._inside = False
        return True

    def _step_in(self, *, fails: bool) -> None:
        """The component goes on, with an error of our own if that `fails`."""
        self._inside = True
        if self._expired and not fails:
            self._raise()

    def _alarm(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signal: raises inside the component, and nowhere else."""
        if self._expired and self._inside:
            self._raise()
        elif not self._expired and callable(self._earlier):
            self._earlier(number, frame)

    def _raise(self) -> None:
        self._expired, self._since = False, time.monotonic()
        raise self.error()

    def error(self) -> ItemTimeout:
        """The error of a request that was not answered in time."""
        return ItemTimeout(f"no reply within {self.timeout or 0:g} s, the limit of --timeout")

    def _watch(self) -> None:
        """Another thread: looks at the clock."""
        tick = 0.5 if self.timeout is None else max(0.01, min(0.5, self.timeout / 5))
        since, patience = self._since, PATIENCE
        while not self._ended.wait(tick):
            if since != self._since:
                since, patience = self._since, PATIENCE
            silent = time.monotonic() - since
            if not self._name:
                continue
            if self.timeout is not None and (self._in_hand or self._drained):
                limit = self.timeout if self._in_hand else max(self.timeout, CLOSING)
                if silent > limit:
                    self._expire(silent - limit)
            if silent > patience:
                patience *= 2
                self._say(silent)

    def _say(self, silent: float) -> None:
        place = where(self._thread)
        self.watch.note(
            f"{self._name} has been {self._doing} for {silent:.0f} s" + (f": {place}" if place else "")
        )

    def _expire(self, late: float) -> None:
        """Make the component stop waiting; after a while in vain, give it up."""
        if not self._expired:
            self._expiries += 1
            if self._earlier is not None:
                self._expired = True
                signal.pthread_kill(self._thread, signal.SIGALRM)
            elif self._inside:  # not in the main thread, which alone handles signals
                thread, error = ctypes.c_ulong(self._thread), ctypes.py_object(ItemTimeout)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)
                self._since = time.monotonic()
        if late > GRACE or self._expiries > MOST_EXPIRIES:
            stuck, self._stuck = self._stuck, None
            if stuck is not None:
                self._say(late + (self.timeout or 0))
                stuck(self._name)


class _Ours:
    """What `Supervisor.ours` returns. Every request passes through one, and a generator would cost several times as much."""

    __slots__ = ("_left", "_supervisor")

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def __enter__(self) -> None:
        self._left = self._supervisor._step_out()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._left:
            self._supervisor._step_in(fails=kind is not None)


_PROCESS = object()
"""Stands for this process: a forked one has another."""


def _renew() -> None:
    global _PROCESS
    _PROCESS = object()


os.register_at_fork(after_in_child=_renew)

_CURRENT: ContextVar[Supervisor] = ContextVar("supervisor")


def current() -> Supervisor:
    """The supervisor of this thread's run; without one, a supervisor that watches no clock."""
    return _CURRENT.get(None) or Supervisor()


class _Handed(RequestSource[R]):
    """Requests of another source, counted as they are handed out."""

    def __init__(self, source: RequestSource[R], supervisor: Supervisor) -> None:
        self._source, self._supervisor = source, supervisor

    def __iter__(self) -> Iterator[R]:
        left = iter(self._source)
        while True:
            with self._supervisor.ours():
                try:
                    request = next(left)
                except StopIteration:
                    self._supervisor.no_more()
                    return
                self._supervisor.handed(1)
            yield request
            del request  # It would hold its picture while the next one is decoded.

    def ready(self, max_n: int, timeout: float = 0.0) -> list[R]:
        with self._supervisor.ours():
            found = self._source.ready(max_n, timeout)
            self._supervisor.handed(len(found))
        return found

    @property
    def exhausted(self) -> bool:
        with self._supervisor.ours():
            exhausted = self._source.exhausted
            if exhausted:
                self._supervisor.no_more()
            return exhausted


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None
