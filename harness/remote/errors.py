"""The error of one attempt at a remote service, and how to react: retry, fail this request, or stop the run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import ExitCode, HarnessError

_VARYING = re.compile(r"[0-9a-f-]{8,}|\d+", re.I)
_COMPARED = 60
"""Characters of a message that are compared: excerpts of answers, which may differ, come later."""
KEYWORDS = ("key", "model", "path")
"""Values of `RemoteError.fatal` that stand for a message and a hint that the core writes."""


@dataclass(eq=False)
class RemoteError(Exception):
    """A failed attempt. Raise it in `ask` or `draw`, or return it from `classify`.

    `message` may be what the service says: the core hides keys in it, and makes it one line of bounded length.
    """

    kind: str
    """A word or two for what failed, the same for failures that are alike: `rate_limited`, `bad_reply`."""
    message: str
    retryable: bool = False
    retry_after: float | None = None
    """Seconds to wait before the next attempt, as requested by the service."""
    throttle_all: bool = False
    """The service is overloaded by all requests together, so all of them must slow down."""
    refusal: bool = False
    """The service's content filter declined. This counts as an answer, not as a failure."""
    fatal: str = ""
    """Not empty if every other request would fail too: how to fix it, or "key", "model" or "path" (of the address) for what
    is wrong there. It ends the run where nothing was answered so far; later it fails its own request, and the run once five
    requests in a row end so."""
    field: str = ""
    """The field of the request that the service rejects."""
    unless_answered: bool = False
    """`fatal` is known to concern only some requests once the service has answered one: it then never ends the run."""
    wait_for: float = 0.0
    """Seconds that the service may take to become ready. Attempts until then do not count."""
    outage: bool = False
    """No service answered: it is not running, or what is in front of it does not reach it."""
    settled: bool = False
    """Set by the core: its retries are used up."""
    origin: BaseException | None = None
    """What was raised, if that was not foreseen: for `--traceback`."""

    def __post_init__(self) -> None:
        super().__init__(self.kind, self.message)
        if not isinstance(self.fatal, str):
            self.fatal = "Correct the cause, then run the same command again." if self.fatal else ""

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


class RemoteStopped(HarnessError):
    """The service failed after it had answered some requests. Those replies are kept; resuming the run asks the rest."""

    exit_code = ExitCode.FAILED
