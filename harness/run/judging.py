"""Puts questions to one judge: pictures prepared ahead, every reply checked and stored as it comes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from harness.components.executor import Executor
from harness.errors import HarnessError, MissingPackage, PluginError, TooManyFailures
from harness.run.judge_requests import InFlight, Job, Note, RequestBuilder
from harness.run.prefetch import PrefetchSource, Prepared
from harness.run.watch import Watch
from harness.store import RunFolder
from harness.tasks.answers import parse_reply
from harness.types import JudgeReply, JudgeRequest, ReplyError

LEAST_LOG_PROBABILITY = -9999.0
"""Stands for minus infinity in stored replies: JSON has no infinity."""


@dataclass
class Tally:
    """What became of the requests of one phase."""

    answered: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)
    """Ways in which a plugin broke its contract."""


class Judging:
    """One judge at work on one list of jobs."""

    def __init__(
        self,
        builder: RequestBuilder,
        folder: RunFolder,
        watch: Watch,
        max_failures: int | None,
        *,
        notes_samples: bool,
    ) -> None:
        self.builder, self.folder, self.watch = builder, folder, watch
        self.notes_samples = notes_samples
        """Samples are the same for all judges of a run: the first one's phase notes them."""
        self.max_failures = max_failures
        self.tally = Tally()
        self._open: dict[str, InFlight] = {}
        self._by = builder.judge.name

    def run(self, executor: Executor, jobs: Iterator[Job]) -> Tally:
        """Ask everything that has no reply yet. Replies are stored one by one; failures are counted.

        Raises `TooManyFailures`, and whatever `HarnessError` the judge's `open` raises.
        """
        source: PrefetchSource[Job, JudgeRequest] = PrefetchSource(jobs, self.builder.prepare, self._arrived)
        try:
            # A judge with nothing to answer is not opened: loading weights may take minutes.
            if source.any():
                error = self._consume(executor, source)
                for asked_id, asked in self._open.items():
                    self._fail(asked_id, asked.question, asked.sample_id, error)
                self._give_up(source.abandon(), error)
        finally:
            source.close()
        self.watch.end()
        return self.tally

    def _give_up(self, jobs: Iterable[Job], error: ReplyError) -> None:
        """Note the jobs that were never reached as failed, but for what an earlier attempt answered."""
        stored: Counter[tuple[str, str, str]] | None = None
        for job in jobs:
            if stored is None:
                stored = Counter(
                    (r["task"], r["data"], r["sample_id"])
                    for r in self.folder.replies()
                    if r["by"] == self._by and "outcome" not in r
                )
            for question in job.questions:
                if stored[question, job.data, job.sample.id] < self.builder.times(question):
                    self._fail(None, question, job.sample.id, error)

    def _consume(self, executor: Executor, source: PrefetchSource[Job, JudgeRequest]) -> ReplyError:
        """Take replies until there are no more; the error that those left without one have."""
        with closing(_as_generator(executor.run(self.builder.judge.instance, source))) as replies:
            try:
                for reply in replies:
                    self._take(reply)
            except HarnessError:
                raise
            except (Exception, SystemExit) as e:  # a judge may fail in any way; what it answered is kept
                if not source.handed:
                    if isinstance(e, ModuleNotFoundError):
                        raise MissingPackage(f"The judge {self._by!r}", e.name or "?") from e
                    raise PluginError(
                        f"The judge {self._by!r} could not be started: {type(e).__name__}: {e}.",
                        "See `harness doctor`; --traceback shows where.",
                    ) from e
                return ReplyError(type(e).__name__, str(e))
        return ReplyError("no_reply", f"{self._by} gave no reply to this request")

    def _arrived(self, job: Job, prepared: Prepared[JudgeRequest]) -> None:
        note = prepared.note
        assert isinstance(note, Note)
        if self.notes_samples:
            self.folder.add_sample(note.record)
        if note.problem is not None:
            for question in job.questions:
                self._fail(
                    None, question, job.sample.id, ReplyError(note.problem.kind, str(note.problem), False)
                )
        self._open.update(note.asked)

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, JudgeReply):
            self.tally.faults.append(f"it yielded {type(reply).__name__} where a JudgeReply belongs")
            return
        asked = self._open.pop(reply.id, None) if isinstance(reply.id, str) else None
        if asked is None:
            self.tally.faults.append(
                f"it answered {reply.id!r}, which was never asked or is answered already"
            )
            return
        if reply.error is not None:
            self._fail(reply.id, asked.question, asked.sample_id, as_error(reply.error))
            return
        problem = _malformed(reply)
        if problem:
            self._fail(reply.id, asked.question, asked.sample_id, ReplyError("invalid_reply", problem, False))
            return
        record = {"id": reply.id, "task": asked.question, "by": self._by, "data": asked.data,
                  "sample_id": asked.sample_id, "wording": asked.variant, "repeat": asked.repeat,
                  "picture": asked.digest, **_kept(reply)}  # fmt: skip
        try:
            self.folder.add_reply(record)
        except (TypeError, ValueError) as e:
            problem = f"the reply is not storable as JSON: {e}"
            self._fail(reply.id, asked.question, asked.sample_id, ReplyError("invalid_reply", problem, False))
            return
        self.tally.answered += 1
        answer = self.builder.answer(asked.question)
        reading = parse_reply(record, answer, asked.shown, self.builder.reads[asked.question])
        self.watch.advance(unparsed=reading.value is None)

    def _fail(self, id_: str | None, question: str, sample_id: str, error: ReplyError) -> None:
        self.tally.failed += 1
        self.folder.add_failure(
            {
                "id": id_,
                "task": question,
                "by": self._by,
                "sample_id": sample_id,
                "error": {"kind": error.kind, "message": error.message, "retryable": error.retryable},
            }
        )
        self.watch.advance(failed=True)
        if self.max_failures is not None and self.tally.failed >= self.max_failures:
            raise TooManyFailures(
                f"Stopped after {self.tally.failed} failures; the last: {error.kind}: {error.message}.",
                "Mend the cause and run the same command again: what was answered is kept.",
            )


def _as_generator(replies: Iterator[JudgeReply]) -> Generator[JudgeReply, None, None]:
    # `closing` needs close(): with it the executor shuts the judge down at once when the loop is left.
    yield from replies


def as_error(error: Any) -> ReplyError:
    """The error of a reply as a record of texts, whatever a plugin put there."""
    if isinstance(error, ReplyError):
        return ReplyError(str(error.kind), str(error.message), bool(error.retryable))
    return ReplyError("error", str(error))


def _kept(reply: JudgeReply) -> dict[str, Any]:
    """The fields of a reply that say something, as JSON values."""
    scores = reply.scores
    if scores is not None:
        scores = {k: LEAST_LOG_PROBABILITY if v == -math.inf else v for k, v in scores.items()}
    fields: Mapping[str, Any] = {
        "text": reply.text, "scores": scores, "rating": reply.rating, "finish_reason": reply.finish_reason,
        "refusal": reply.refusal, "usage": reply.usage and dict(reply.usage),
        "timings": reply.timings and dict(reply.timings), "extra": dict(reply.extra or {}) or None,
    }  # fmt: skip
    return {k: v for k, v in fields.items() if v is not None}


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "scores": Mapping, "rating": (int, float), "finish_reason": str, "refusal": str, "usage": Mapping,
    "timings": Mapping, "extra": Mapping,
}  # fmt: skip


def _malformed(reply: JudgeReply) -> str:
    """Which field of a reply is not what it should be, or an empty string."""
    for name, kinds in _KINDS.items():
        value = getattr(reply, name)
        if value is not None and not isinstance(value, kinds):
            return f"{name} is {type(value).__name__}"
    return ""
