"""When a run asks no further: limits on cost and time, and whatever else is passed to `execute`.

What is in flight is finished and kept: the source of requests ends early, and the judge or generator closes as ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.components.sources import RequestSource
from harness.run.watch import Watch
from harness.scoring.costs import reply_cost
from harness.store import RunFolder
from harness.store.files import read_lines
from harness.store.replies import GENERATOR, role_of
from harness.store.runfolder import REPLIES

T = TypeVar("T")


class Stopping:
    """Asked before requests are handed out, and told of all that is stored. This one never stops; a subclass does.

    All methods are called in one thread. `stored` and `failed` may be called after a stop: what is in flight is finished.
    """

    settled: bool = False
    """What its stop means: False, that the run was cut short (exit code 3); True, that all is known that was to be known."""
    advice: str = "the same command resumes"
    """How to go on, as the end of a sentence; "" for nothing."""
    order: Callable[[str, str], int] | None = None
    """Judge runs: where the sample of a data set (its name and the sample's id) comes in the order of asking."""

    def ended(self, folder: RunFolder) -> None:
        """Nothing more is asked: called once before the folder is scored, unless an error ended the run."""

    def arrived(self, record: Mapping[str, Any]) -> None:
        """A portrait arrived and is being checked and stored: what is known of its record (`by`, `extra`)."""

    def stored(self, record: Mapping[str, Any]) -> None:
        """A reply was stored: the record as in `replies.jsonl`."""

    def failed(self, record: Mapping[str, Any]) -> None:
        """A request or sample failed: the record as in `failures.jsonl`."""

    def reason(self) -> str | None:
        """Why nothing more is to be asked, as a part of a sentence; None to go on. Once given, it stays."""
        return None


class Several(Stopping):
    """Stops with the first of several that stops."""

    def __init__(self, parts: Iterable[Stopping]) -> None:
        self._parts = tuple(parts)

    def ended(self, folder: RunFolder) -> None:
        for part in self._parts:
            part.ended(folder)

    def arrived(self, record: Mapping[str, Any]) -> None:
        for part in self._parts:
            part.arrived(record)

    def stored(self, record: Mapping[str, Any]) -> None:
        for part in self._parts:
            part.stored(record)

    def failed(self, record: Mapping[str, Any]) -> None:
        for part in self._parts:
            part.failed(record)

    def reason(self) -> str | None:
        for part in self._parts:
            found = part.reason()
            if found is not None:
                self.settled, self.advice = part.settled, part.advice
                return found
        return None


class Budget(Stopping):
    """Limits on what the replies of a run folder cost, and on the duration of this attempt."""

    def __init__(
        self,
        max_cost: float | None,
        max_time: float | None,
        folder: Path,
        watch: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`max_cost`: in the unit of the prices that were given; earlier attempts count. `max_time`: seconds from now."""
        self.max_cost, self.max_time = max_cost, max_time
        self._watch, self._clock, self._began = watch, clock, clock()
        self._without_cost: set[str] = set()
        self.spent = 0.0
        self._arriving = 0.0
        """What portraits cost that are not stored yet. One that cannot be stored is paid for, too."""
        if max_cost is not None:
            self.spent = sum(reply_cost(record) or 0.0 for record in read_lines(folder / REPLIES))

    def arrived(self, record: Mapping[str, Any]) -> None:
        """Add what a portrait cost: encoding it takes longer than asking for the next one."""
        self._arriving += reply_cost(record) or 0.0

    def stored(self, record: Mapping[str, Any]) -> None:
        """Add what a reply cost; who replies without a cost is named once."""
        if self.max_cost is None:
            return
        cost, by = reply_cost(record), str(record.get("by"))
        self.spent += cost or 0.0
        if role_of(record) == GENERATOR:
            self._arriving -= cost or 0.0
        if cost is None and by not in self._without_cost:
            self._without_cost.add(by)
            self._watch.note(f"{by} reports no cost: --max-cost does not limit its requests.")

    def reason(self) -> str | None:
        """The limit that is reached, with what was spent."""
        if self.max_cost is not None and (spent := self.spent + self._arriving) >= self.max_cost:
            self.advice = "the same command with a larger --max-cost resumes"
            return f"{spent:.4g} is spent, and --max-cost is {self.max_cost:.4g}"
        if self.max_time is not None and (passed := self._clock() - self._began) >= self.max_time:
            self.advice = "the same command resumes"
            return (
                f"{passed:.{0 if passed >= 10 else 2}f} s have passed, and --max-time is {self.max_time:g} s"
            )
        return None


@dataclass(frozen=True)
class Halt:
    """A stop in the middle of a run: why, and how far it came."""

    reason: str
    settled: bool
    advice: str
    by: str
    answered: int
    total: int

    def __str__(self) -> str:
        """One line for the user."""
        text = f"{self.reason}; {self.answered} of {self.total} requests to {self.by} are answered"
        return text + (f": {self.advice}." if self.advice else ".")


class Until(RequestSource[T]):
    """Requests of another source until `stopping` gives a reason."""

    def __init__(self, source: RequestSource[T], stopping: Stopping) -> None:
        self._source, self._stopping = source, stopping
        self.reason: str | None = None
        """Why it ended early."""

    def halt(self) -> bool:
        """Whether nothing more is handed out."""
        if self.reason is None:
            self.reason = self._stopping.reason()
        return self.reason is not None

    def halted(self, by: str, answered: int, total: int) -> Halt | None:
        """The stop, if there was one, of a phase in which `by` answered so many of all its requests."""
        if self.reason is None:
            return None
        return Halt(self.reason, self._stopping.settled, self._stopping.advice, by, answered, total)

    def __iter__(self) -> Iterator[T]:
        """Yield requests, each after asking whether to go on."""
        left = iter(self._source)
        while not self.halt():
            found = next(left, None)
            if found is None:
                return
            yield found
            del found  # It would hold the picture while the next one is decoded.

    def ready(self, max_n: int, timeout: float = 0.0) -> list[T]:
        """As the other source; nothing after a stop."""
        return [] if self.halt() else self._source.ready(max_n, timeout)

    @property
    def exhausted(self) -> bool:
        """True after a stop, or once the other source is exhausted."""
        return self.halt() or self._source.exhausted
