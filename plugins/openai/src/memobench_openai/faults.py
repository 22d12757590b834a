"""What can go wrong with one request, and what it means: ask again, give this one up, or stop altogether."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Fault(Exception):
    """One attempt failed. `message` is safe to show: no keys, one line."""

    kind: str
    message: str
    retryable: bool = False
    wait: float | None = None
    """Seconds that the server asks to wait before anything is asked again."""
    shared: bool = False
    """The server is overloaded by all requests together, so all of them should slow down."""
    refusal: bool = False
    """The provider's filter declined: an answer of a kind, not a failure."""
    ends: str = ""
    """Every other request would fail likewise: the stream ends, and this says how to mend it."""
    field: str = ""
    """The field of the request that the server refuses."""
    unless_answered: bool = False
    """`ends` holds only as long as nothing was answered; afterwards this request alone fails."""

    def __str__(self) -> str:
        return self.message
