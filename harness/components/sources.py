"""Streams of requests that a component consumes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class RequestSource(ABC, Generic[T_co]):
    """Requests that are prepared in advance while the component works.

    Iteration blocks until each request is ready and stops when none remain. An engine with continuous batching
    calls `ready` between its steps instead, so that it never blocks while it has work.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[T_co]:
        """Yield every remaining request, blocking until each is ready."""

    @abstractmethod
    def ready(self, max_n: int, timeout: float = 0.0) -> list[T_co]:
        """Up to `max_n` requests that are ready now; waits up to `timeout` seconds for the first."""

    @property
    @abstractmethod
    def exhausted(self) -> bool:
        """True once every request has been returned: an empty `ready` is then final."""


R = TypeVar("R")


class Listed(RequestSource[R]):
    """A fixed list of requests, for a component that overrides `stream` and receives a batch."""

    def __init__(self, requests: Iterable[R]) -> None:
        self._left = deque(requests)

    @property
    def left(self) -> tuple[R, ...]:
        """What was not handed out."""
        return tuple(self._left)

    def __iter__(self) -> Iterator[R]:
        while self._left:
            yield self._left.popleft()

    def ready(self, max_n: int, timeout: float = 0.0) -> list[R]:
        return [self._left.popleft() for _ in range(min(max_n, len(self._left)))]

    @property
    def exhausted(self) -> bool:
        return not self._left


def checked_replies(replies: object, expected: type[R], where: str) -> Iterator[R]:
    """The replies, after a type check. Raises `TypeError` naming the type that `where` returned instead."""
    if not isinstance(replies, Iterable):
        raise TypeError(
            f"{where}() returned {type(replies).__name__}: it must yield a {expected.__name__} for each request"
        )
    for reply in replies:
        if not isinstance(reply, expected):
            raise TypeError(f"{where}() must yield {expected.__name__}, but yielded {type(reply).__name__}")
        yield reply
