"""Before the first answer few requests are sent, so that a fault that all of them share is found at the cost of few."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from harness.errors import HarnessError
from harness.remote.errors import RemoteError

PROBES = 3
"""Requests in flight until the first answer."""
ATTEMPTS = 8
"""Alike attempts after which nothing is expected to be answered, if the cause may also be in the requests: pictures
differ, and servers have hiccups."""
ATTEMPTS_KNOWN = 3
"""The same for a cause that cannot be in a single request, such as a server that is not there."""
READY_SECONDS = 60.0
"""How long a server without an answer so far may say that it is unavailable (503), without saying that it is loading."""
DOWN = 5
"""Requests in a row that end without reaching a server, or with an error that all would have, after which it is considered
to be down."""

_PICTURE = re.compile(r"\b(image|picture|photo)", re.I)

_LOG = "See the server's log for the cause, then run the same command again."
_PLUGIN = "This looks like a fault of the plugin: --traceback shows where."
KEPT = "What was answered is kept: run the same command again."


class Startup:
    """What a service has answered so far, and what all failures had in common."""

    def __init__(self, advice: Mapping[str, str] | None = None) -> None:
        """`advice`: what may help with a fault that is not known to be shared, by the kind of its error."""
        self._advice = advice or {}
        self.answered = 0
        self._slots = asyncio.Semaphore(PROBES)
        self._cause: tuple[str, str] | None = None
        self._attempts = 0
        self._requests: set[object] = set()
        self._down = self._limited = 0
        self._ended: HarnessError | None = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait until a request may be sent: at once after the first answer.

        Raises the error that ended the stream, if one did while the request waited.
        """
        async with self._slots:
            if self._ended is not None:
                raise self._ended
            try:
                yield
            except HarnessError as e:
                self._ended = e
                raise

    def succeeded(self) -> None:
        """A request was answered."""
        self.answered += 1
        self._down = 0
        if self.answered == 1:
            for _ in range(1024):  # as many as can be in flight: nothing waits from now on
                self._slots.release()

    def judge_attempt(self, request: object, error: RemoteError) -> RemoteError:
        """The error of an attempt as it is seen together with all others: fatal once nothing can be expected."""
        if self._ended is not None:
            return replace(error, retryable=False, wait_for=0.0)
        if self.answered or error.refusal:
            return error
        if error.kind == "server_error" and error.message.startswith("503") and not error.wait_for:
            error = replace(error, wait_for=READY_SECONDS)
        if error.wait_for or error.kind == "rate_limited":
            return error  # The server says that it will answer.
        if error.kind == "rejected" and _PICTURE.search(error.message):
            return error  # Only these pictures may be affected.
        if error.cause != self._cause:
            self._cause, self._attempts, self._requests = error.cause, 0, set()
        self._attempts += 1
        self._requests.add(request)
        if error.fatal:
            given_up = self._attempts >= ATTEMPTS_KNOWN
        else:
            given_up = self._attempts >= ATTEMPTS and len(self._requests) >= PROBES
        if not given_up:
            return error
        hint = error.fatal or f"Nothing was answered so far. {self._help(error)}"
        message = (
            f"{error.message} (all {self._attempts} attempts so far failed alike)"
            if self._attempts > 1
            else error.message
        )
        return replace(error, message=message, retryable=False, fatal=hint, unless_answered=True)

    def judge_failure(self, error: RemoteError) -> RemoteError:
        """The error of a request that has no attempts left, with the `fatal` that ends the run, if it does.

        Where nothing was answered so far, that is one that all requests would have, and a rate limit that lets none through.
        Later it is the fifth in a row that reaches no server, or that all would have: until then it fails its own request.
        """
        if error.kind == "rate_limited" and not self.answered:
            self._limited += 1
            if self._limited >= PROBES:
                hint = "Nothing was answered so far. Check the account's limits, or wait longer: -o max_retries=N."
                return replace(error, fatal=hint, unless_answered=True)
        if not error.outage and (not error.fatal or error.unless_answered):
            self._down = 0
            return error
        self._down += 1
        if not self.answered:
            return error
        if self._down < DOWN:
            return replace(error, unless_answered=True)
        return replace(error, fatal=error.fatal or "Is the server still running?", unless_answered=False)

    def stops(self, error: RemoteError) -> bool:
        """Whether an error that `judge_failure` returned ends the run."""
        return bool(error.fatal) and not (error.unless_answered and self.answered)

    def _help(self, error: RemoteError) -> str:
        if error.origin is not None:
            return _PLUGIN
        return f"{self._advice.get(error.kind, '')} {_LOG}".strip()
