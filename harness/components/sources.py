"""Where a component's requests come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class RequestSource(ABC, Generic[T_co]):
    """Requests that are prepared ahead while the component works.

    Iterating waits for each request and ends when there are no more. An engine with continuous batching
    calls `ready` between its steps instead, so that it never waits while it has work.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[T_co]:
        """Yield every request that is left, waiting for each."""

    @abstractmethod
    def ready(self, max_n: int, timeout: float = 0.0) -> list[T_co]:
        """Up to `max_n` requests that are prepared now; waits up to `timeout` seconds for the first."""

    @property
    @abstractmethod
    def exhausted(self) -> bool:
        """True once every request has been handed out: an empty `ready` is then final."""


R = TypeVar("R")


class Listed(RequestSource[R]):
    """Requests that need no preparing: for a component that overrides `stream` and is given a batch."""

    def __init__(self, requests: Iterable[R]) -> None:
        self._left = deque(requests)

    def __iter__(self) -> Iterator[R]:
        while self._left:
            yield self._left.popleft()

    def ready(self, max_n: int, timeout: float = 0.0) -> list[R]:
        """The next requests, without waiting."""
        return [self._left.popleft() for _ in range(min(max_n, len(self._left)))]

    @property
    def exhausted(self) -> bool:
        """True once all are handed out."""
        return not self._left


def checked_replies(replies: object, wanted: type[R], where: str) -> Iterator[R]:
    """Replies of the right type; raises `TypeError` that says what `where` gave instead."""
    if not isinstance(replies, Iterable):
        raise TypeError(
            f"{where}() returned {type(replies).__name__}: it must yield a {wanted.__name__} for each request"
        )
    for reply in replies:
        if not isinstance(reply, wanted):
            raise TypeError(f"{where}() must yield {wanted.__name__}, but yielded {type(reply).__name__}")
        yield reply
