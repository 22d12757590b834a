"""Puts questions to one judge: pictures prepared ahead, every reply checked and stored as it comes."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from harness.components.executor import Executor
from harness.errors import HarnessError, PluginError, TooManyFailures
from harness.reading import read_reply
from harness.run.asking import Asked, Asker, Job, Note
from harness.run.source import AheadSource, Prepared
from harness.run.watch import Watch
from harness.store import RunFolder
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

    def __init__(self, asker: Asker, folder: RunFolder, watch: Watch, max_failures: int | None) -> None:
        self.asker, self.folder, self.watch = asker, folder, watch
        self.max_failures = max_failures
        self.tally = Tally()
        self._open: dict[str, Asked] = {}
        self._by = asker.judge.name

    def run(self, executor: Executor, jobs: Iterator[Job]) -> Tally:
        """Ask everything that has no reply yet. Replies are stored one by one; failures are counted.

        Raises `TooManyFailures`, and whatever `HarnessError` the judge's `open` raises.
        """
        source: AheadSource[Job, JudgeRequest] = AheadSource(jobs, self.asker.prepare, self._arrived)
        try:
            if not source.ready(0) and source.exhausted:
                return self.tally
            error = self._consume(executor, source)
            for asked_id, asked in self._open.items():
                self._fail(asked_id, asked.question, asked.sample_id, error)
            for job in source.abandon():
                for question in job.questions:
                    self._fail(None, question, job.sample.id, error)
        finally:
            source.close()
        self.watch.end()
        return self.tally

    def _consume(self, executor: Executor, source: AheadSource[Job, JudgeRequest]) -> ReplyError:
        """Take replies until there are no more; the error that those left without one have."""
        with closing(_as_generator(executor.run(self.asker.judge.instance, source))) as replies:
            try:
                for reply in replies:
                    self._take(reply)
            except HarnessError:
                raise
            except Exception as e:  # a judge may fail in any way; what it answered is kept
                if not self.tally.answered and not self._open:
                    raise PluginError(
                        f"The judge {self._by!r} could not be started: {type(e).__name__}: {e}.",
                        "See `harness doctor`; --traceback shows where.",
                    ) from e
                return ReplyError(type(e).__name__, str(e))
        return ReplyError("no_reply", f"{self._by} gave no reply to this request")

    def _arrived(self, job: Job, prepared: Prepared[JudgeRequest]) -> None:
        note = prepared.note
        assert isinstance(note, Note)
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
        asked = self._open.pop(reply.id, None)
        if asked is None:
            again = _is_id(reply.id) and bytes.fromhex(reply.id) in self.asker.answered
            self.tally.faults.append(
                f"it answered {reply.id!r} " + ("twice" if again else "which was never asked")
            )
            return
        if reply.error is not None:
            self._fail(reply.id, asked.question, asked.sample_id, reply.error)
            return
        record = {"id": reply.id, "task": asked.question, "by": self._by, "data": asked.data,
                  "sample_id": asked.sample_id, "wording": asked.wording, "repeat": asked.repeat,
                  "picture": asked.digest, **_kept(reply)}  # fmt: skip
        problem = _invalid(record)
        if problem:
            self._fail(reply.id, asked.question, asked.sample_id, ReplyError("invalid_reply", problem, False))
            return
        self.folder.add_reply(record)
        self.asker.answered.add(bytes.fromhex(reply.id))
        self.tally.answered += 1
        answer = self.asker.answer(asked.question)
        reading = read_reply(record, answer, asked.shown, self.asker.reads[asked.question])
        self.watch.advance(unparsed=reading.value is None)

    def _fail(self, id_: str | None, question: str, sample_id: str, error: ReplyError) -> None:
        self.tally.failed += 1
        self.folder.add_failure({"id": id_, "task": question, "by": self._by, "sample_id": sample_id,
                                 "error": {"kind": error.kind, "message": error.message,
                                           "retryable": error.retryable}})  # fmt: skip
        self.watch.advance(failed=True)
        if self.max_failures is not None and self.tally.failed >= self.max_failures:
            raise TooManyFailures(
                f"Stopped after {self.tally.failed} failures; the last: {error.kind}: {error.message}.",
                "Mend the cause and run the same command again: what was answered is kept.",
            )


def _as_generator(replies: Iterator[JudgeReply]) -> Generator[JudgeReply, None, None]:
    # `closing` needs close(): with it the executor shuts the judge down at once when the loop is left.
    yield from replies


def _is_id(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 32 and not set(text) - set("0123456789abcdef")


def _kept(reply: JudgeReply) -> dict[str, Any]:
    """The fields of a reply that say something, as JSON values."""
    scores = reply.scores
    if scores is not None:
        scores = {k: LEAST_LOG_PROBABILITY if v == -math.inf else v for k, v in scores.items()}
    fields: Mapping[str, Any] = {
        "text": reply.text, "scores": scores, "rating": reply.rating, "finish_reason": reply.finish_reason,
        "refusal": reply.refusal, "usage": reply.usage and dict(reply.usage),
        "timings": reply.timings and dict(reply.timings), "extra": dict(reply.extra) or None,
    }  # fmt: skip
    return {k: v for k, v in fields.items() if v is not None}


def _invalid(record: Mapping[str, Any]) -> str:
    """Why a reply cannot be stored, or an empty string."""
    for name, kinds in (("text", str), ("rating", (int, float)), ("scores", dict)):
        if name in record and not isinstance(record[name], kinds):
            return f"{name} is {type(record[name]).__name__}"
    try:
        json.dumps(record, allow_nan=False)
    except (TypeError, ValueError) as e:
        return f"the reply is not storable as JSON: {e}"
    return ""
