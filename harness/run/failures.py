"""Failures of single requests: stored, counted, and limited by --max-failures."""

from __future__ import annotations

from typing import Any

from harness.errors import HarnessError, MissingPackage, PluginError, TooManyFailures
from harness.run.watch import Watch
from harness.store import RunFolder
from harness.types import ReplyError


class FailureLog:
    """The failed requests of one participant in this attempt."""

    def __init__(self, by: str, folder: RunFolder, watch: Watch, limit: int | None) -> None:
        self.by, self.folder, self.watch, self.limit = by, folder, watch, limit
        self.count = 0

    def add(self, id_: str | None, task: str | None, sample_id: str, error: ReplyError) -> None:
        """Store one failure. Raises `TooManyFailures` once the limit is reached."""
        self.count += 1
        self.folder.add_failure(
            {
                "id": id_,
                "task": task,
                "by": self.by,
                "sample_id": sample_id,
                "error": {"kind": error.kind, "message": error.message, "retryable": error.retryable},
            }
        )
        self.watch.advance(failed=True)
        if self.limit is not None and self.count >= self.limit:
            raise TooManyFailures(
                f"Stopped after {self.count} failures; the last: {error.kind}: {error.message}.",
                "Fix the cause and run the same command again: what was answered is kept.",
            )


def as_error(error: Any) -> ReplyError:
    """The error of a reply as a record of texts, whatever a plugin put there."""
    if isinstance(error, ReplyError):
        return ReplyError(str(error.kind), str(error.message), bool(error.retryable))
    return ReplyError("error", str(error))


def start_error(kind: str, name: str, cause: BaseException) -> HarnessError:
    """The error of a judge or generator (`kind`) that raised before its first request."""
    if isinstance(cause, ModuleNotFoundError):
        return MissingPackage(f"The {kind} {name!r}", cause.name or "?")
    return PluginError(
        f"The {kind} {name!r} could not be started: {type(cause).__name__}: {cause}.",
        "See `harness doctor`; --traceback shows where.",
    )
