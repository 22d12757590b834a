"""Where a component's requests come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
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
