"""The error of one API request, and how to react: retry, fail this request, or stop the run."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VARYING = re.compile(r"[0-9a-f-]{8,}|\d+", re.I)
_COMPARED = 60
"""Characters of a message that are compared: excerpts of answers, which may differ, come later."""
KEYWORDS = ("key", "model", "path")
"""Values of `ApiError.fatal` that stand for a hint."""


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
    wait_for: float = 0.0
    """Seconds that the server may take to become ready. Attempts until then do not count."""
    outage: bool = False
    """No server answered: it is not running, or what is in front of it does not reach it."""

    def __str__(self) -> str:
        return self.message

    @property
    def hint(self) -> str:
        """How to fix it, if that is known."""
        return "" if self.fatal in KEYWORDS else self.fatal

    @property
    def cause(self) -> tuple[str, str]:
        """The same for failures that are alike."""
        return self.kind, _VARYING.sub("", self.message)[:_COMPARED]
