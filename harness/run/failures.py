"""Failures of single requests: stored, counted, limited by --max-failures, and stopped early where all are alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.components.executor import Executor, LocalExecutor, Work
from harness.components.failures import failure
from harness.errors import (
    HarnessError,
    MissingPackage,
    NothingAnswered,
    PluginError,
    RequestError,
    TooManyFailures,
)
from harness.hub.certificates import certificate_problem
from harness.run.stopping import Stopping
from harness.run.watch import Watch
from harness.secrets import hide_keys
from harness.store import RunFolder
from harness.store.files import read_lines
from harness.store.runfolder import REPLIES
from harness.types import ReplyError

ALIKE_JUDGE = 16
"""How many of a judge's first requests must fail alike to stop a run: the first pictures of a data set may be odd."""
ALIKE_GENERATOR = 8
"""The same for a generator: prompts differ less than pictures, and each may take minutes."""
_ID = re.compile(r"[0-9a-f]{8,}|\d+", re.I)


class FailureLog:
    """The failed requests of one participant in this attempt."""

    def __init__(
        self,
        by: str,
        folder: RunFolder,
        watch: Watch,
        limit: int | None,
        alike: int = ALIKE_JUDGE,
        stopping: Stopping | None = None,
    ) -> None:
        """`limit`: --max-failures. `alike`: how many first failures stop the run if they are alike.

        `stopping` is told of each failure.
        """
        self._stopping = stopping or Stopping()
        self.by, self.folder, self.watch, self.limit, self.alike = by, folder, watch, limit, alike
        self.count = 0
        self._answered = False
        self._kinds: set[tuple[str, str]] = set()
        """The failures before the first answer, without what differs from request to request."""
        self._own = 0

    def answered(self) -> None:
        """The participant answered a request, so its failures have different causes."""
        self._answered = True

    def add(
        self,
        id_: str | None,
        task: str | None,
        sample_id: str,
        error: ReplyError,
        *,
        own: bool = False,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        """Store one failure. `own`: it is the participant's reply to a request, not a problem of the sample.

        `asked`: more fields that say what was asked, as far as that is known: data, wording, repeat.

        Raises `TooManyFailures` once the limit is reached, and `NothingAnswered` (or `TooManyFailures` where an earlier
        attempt was answered) once the first failures show that all requests fail alike.
        """
        self.count += 1
        stored: dict[str, Any] = {
            "kind": error.kind,
            # A server may name the key that it refuses.
            "message": hide_keys(error.message),
            "retryable": error.retryable,
        }
        if error.hint:
            stored["hint"] = hide_keys(error.hint)
        record = {
            "id": id_,
            "task": task,
            "by": self.by,
            "sample_id": sample_id,
            **(asked or {}),
            "error": stored,
        }
        self.folder.add_failure(record)
        self._stopping.failed(record)
        self.watch.advance(failed=True)
        if self.limit is not None and self.count >= self.limit:
            raise TooManyFailures(
                f"Stopped after {self.count} failures; the last: {error.kind}: {error.message}.",
                "Fix the cause and run the same command again: what was answered is kept.",
            )
        if own and not self._answered:
            self._check_alike(sample_id, error)

    def _check_alike(self, sample_id: str, error: ReplyError) -> None:
        message = error.message.replace(sample_id, "") if sample_id else error.message
        self._kinds.add((error.kind, _ID.sub("", message)))
        self._own += 1
        if len(self._kinds) > 1 or self._own < self.alike:
            return
        before = any(reply.get("by") == self.by for reply in read_lines(self.folder.path / REPLIES))
        raise (TooManyFailures if before else NothingAnswered)(
            f"Stopped: the first {self._own} requests to {self.by} all failed alike: {error.kind}: {error.message.rstrip('.')}.",
            error.hint
            or "Fix the cause and run the same command again"
            + (": what was answered is kept." if before else "."),
        )


def culprit(kind: str, name: str, cause: BaseException, work: Work, executor: Executor) -> tuple[str, str]:
    """Kind and name of what raised an error: the judge or generator itself, or the executor that runs it."""
    if isinstance(executor, LocalExecutor) or cause is work.raised:
        return kind, name
    return "executor", type(executor).__name__


def failure_of(culprit: tuple[str, str], cause: BaseException) -> ReplyError:
    """An error as that of a request; an executor is named in it, since its requests are the model's."""
    found = failure(cause)
    kind, name = culprit
    return replace(found, message=f"the executor {name}: {found.message}") if kind == "executor" else found


def start_error(kind: str, name: str, cause: BaseException) -> HarnessError:
    """The error of a judge or generator (`kind`) that raised before its first request."""
    if isinstance(cause, ModuleNotFoundError):
        return MissingPackage(f"The {kind} {name!r}", cause.name or "?")
    problem = certificate_problem() if isinstance(cause, OSError) else ""
    if problem:  # clients of web services read the files when they start, without naming the missing one
        return RequestError(
            f"The {kind} {name!r} could not be started: {type(cause).__name__}: {cause}.", problem
        )
    return PluginError(
        f"The {kind} {name!r} could not be started: {type(cause).__name__}: {cause}.",
        "See `harness doctor`; --traceback shows where.",
    )
