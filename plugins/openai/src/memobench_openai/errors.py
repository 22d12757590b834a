"""The error of one API request, and how to react: retry, fail this request, or stop the run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class ApiError(Exception):
    """A failed attempt. `message` is safe to show: one line, without keys."""

    kind: str
    message: str
    retryable: bool = False
    retry_after: float | None = None
    """Seconds to wait before the next attempt, as requested by the server."""
    throttle_all: bool = False
    """The server is overloaded by all requests together, so all of them must slow down."""
    refusal: bool = False
    """The provider's content filter declined. This counts as an answer, not as a failure."""
    fatal: str = ""
    """Not empty if every other request would fail too: "key", "model", "path", or a hint on how to fix it."""
    field: str = ""
    """The field of the request that the server rejects."""
    unless_answered: bool = False
    """`fatal` applies only until the first answer; afterwards only this request fails."""

    def __str__(self) -> str:
        return self.message
