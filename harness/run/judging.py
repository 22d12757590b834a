"""Asks one judge: pictures are prepared ahead, and every reply is checked and stored as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from harness.components.context import Context
from harness.components.executor import Executor, Work
from harness.components.failures import ItemTimeout, failure
from harness.errors import HarnessError
from harness.run.failures import ALIKE_JUDGE, FailureLog, culprit, failure_of, start_error
from harness.run.judge_requests import InFlight, JobOutcome, RequestBuilder
from harness.run.prefetch import PrefetchSource, Prepared
from harness.run.received import Unasked, identified, judge_fields, note_left_out
from harness.run.schedule import Job
from harness.run.stopping import Halt, Stopping, Until
from harness.run.supervisor import current
from harness.run.watch import Watch
from harness.store import RunFolder
from harness.store.replies import JUDGE, JUDGE_KEYS, judge_replies
from harness.tasks.answers import parse_reply
from harness.tasks.finish_reasons import ending
from harness.types import JudgeReply, JudgeRequest, ReplyError

MOST_BARREN = 3
"""Attempts in a row in which a judge hangs before it answers anything."""


@dataclass
class Tally:
    """What became of the requests of one phase."""

    answered: int = 0
    failed: int = 0
    halt: Halt | None = None
    """Why not everything was asked."""
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
        adds_samples: bool,
        stopping: Stopping | None = None,
        stored: int = 0,
        total: int = 0,
    ) -> None:
        """`stopping` may end the phase early; `stored` and `total`, of its requests, are for the message that says so."""
        self.stopping = stopping or Stopping()
        self._stored, self._total = stored, total
        self.builder, self.folder, self.watch = builder, folder, watch
        self.adds_samples = adds_samples
        """Samples are the same for all judges of a run: the first one's phase stores them."""
        self.failures = FailureLog(
            builder.judge.name, folder, watch, max_failures, ALIKE_JUDGE, self.stopping
        )
        self.tally = Tally()
        self._in_flight: dict[str, InFlight] = {}
        self._by = builder.judge.name
        self._unasked = Unasked(self._by, self.tally.faults)
        self._left_out: set[str] = set()
        """Names of numbers in replies that were not stored."""

    def run(self, executor: Executor, jobs: Iterator[Job], context: Context | None = None) -> Tally:
        """Ask everything that has no reply yet. Replies are stored one by one; failures are counted.

        Raises `TooManyFailures`, `NothingAnswered`, and whatever `HarnessError` the judge's `open` raises.
        """
        judge = self.builder.judge
        self._work = Work(judge.instance, judge.specification, context)
        source: PrefetchSource[Job, JudgeRequest] = PrefetchSource(jobs, self.builder.prepare, self._arrived)
        try:
            until = Until(source, self.stopping)
            # A judge with nothing left to answer is not opened: loading weights may take minutes.
            if source.any():
                error = None if until.halt() else self._ask(executor, source, until)
                self._end(source, until, error)
        finally:
            source.close()
        self.tally.faults += self._work.faults
        note_left_out(self.watch, self._by, self._left_out)
        self.watch.end()
        return self.tally

    def _end(
        self, source: PrefetchSource[Job, JudgeRequest], until: Until[JudgeRequest], error: ReplyError | None
    ) -> None:
        """Record what has no reply as failed with `error`, except what was not asked because of a stop."""
        if until.reason is not None:
            if source.any():
                answered = self._stored + self.tally.answered
                self.tally.halt = until.halted(self._by, answered, self._total)
            for request in source.waiting():
                self._in_flight.pop(request.id, None)
        if error is None:
            return
        for asked_id, asked in self._in_flight.items():
            self._fail_request(asked_id, asked, error, own=False)
        if until.reason is None:
            self._give_up(source.abandon(), error)

    def _give_up(self, jobs: Iterable[Job], error: ReplyError) -> None:
        """Record the jobs that were never reached as failed, except what an earlier attempt answered."""
        stored: Counter[tuple[str, str, str]] | None = None
        for job in jobs:
            if stored is None:
                stored = Counter(
                    (r["task"], r["data"], r["sample_id"])
                    for r in judge_replies(self.folder.path, JUDGE_KEYS)
                    if r["by"] == self._by
                )
            for question in job.questions:
                if stored[question, job.data, job.sample.id] < self.builder.times(question):
                    self._fail(question, job.data, job.sample.id, error)

    def _ask(
        self, executor: Executor, source: PrefetchSource[Job, JudgeRequest], until: Until[JudgeRequest]
    ) -> ReplyError:
        """Take replies until there are no more; a judge that hangs is opened again for what is left.

        Returns the error for requests left without a reply.
        """
        barren = 0
        while True:
            answered = self.tally.answered
            error = self._consume(executor, source, until)
            barren = 0 if self.tally.answered > answered else barren + 1
            if not isinstance(error, ItemTimeout):
                return error
            if barren == MOST_BARREN or until.halt() or not source.any():
                return failure(error)
            waiting = {request.id for request in source.waiting()}
            for id_ in [id_ for id_ in self._in_flight if id_ not in waiting]:
                self._fail_request(id_, self._in_flight.pop(id_), failure(error), own=True)

    def _consume(
        self, executor: Executor, source: PrefetchSource[Job, JudgeRequest], until: Until[JudgeRequest]
    ) -> ReplyError | ItemTimeout:
        """Take replies until there are no more, or none in time."""
        raised: list[BaseException] = []
        calls = current()
        asked = calls.requests(until)
        # With close() the executor closes the judge as soon as the loop is left.
        with closing(calls.replies(self._by, lambda: executor.run(self._work, asked), raised)) as replies:
            for reply in replies:
                self._take(reply)
                source.check()
        source.check()  # An error of our own while the judge asked for requests is not the judge's.
        if not raised:
            return ReplyError("no_reply", f"{self._by} gave no reply to this request")
        cause = raised[0]
        if isinstance(cause, HarnessError):
            raise cause
        whose = culprit("judge", self._by, cause, self._work, executor)
        if not source.handed:
            raise start_error(*whose, cause) from cause
        # What the judge answered is kept.
        return cause if isinstance(cause, ItemTimeout) else failure_of(whose, cause)

    def _arrived(self, job: Job, prepared: Prepared[JudgeRequest]) -> None:
        outcome = prepared.outcome
        assert isinstance(outcome, JobOutcome)
        if self.adds_samples:
            self.folder.add_sample(outcome.record)
        if outcome.problem is not None:
            error = ReplyError(outcome.problem.kind, str(outcome.problem), outcome.problem.retryable)
            for question in job.questions:
                self._fail(question, job.data, job.sample.id, error)
        self._in_flight.update(outcome.requests)

    def _take(self, reply: Any) -> None:
        found = identified(reply, JudgeReply)
        if isinstance(found, str):
            self._unasked.add(found)
            return
        id_, error, reply = found
        asked = self._in_flight.pop(id_, None)
        if asked is None:
            self._unasked.add(f"it answered {id_!r}, which was not requested or already has a reply")
            return
        if error is not None:
            self._fail_request(id_, asked, error, own=True)
            return
        fields, problem = judge_fields(reply, self._left_out)
        if problem:
            invalid = ReplyError("invalid_reply", problem, False)
            self._fail_request(id_, asked, invalid, own=True)
            return
        if ending(fields.get("finish_reason")) == "failed":
            message = f"the server ended the reply with the finish reason {fields['finish_reason']!r}"
            self._fail_request(id_, asked, ReplyError("server_error", message), own=True)
            return
        record = {
            "id": id_,
            "role": JUDGE,
            "task": asked.question,
            "by": self._by,
            "data": asked.data,
            "sample_id": asked.sample_id,
            "wording": asked.variant,
            "repeat": asked.repeat,
            "picture": asked.digest,
            **fields,
        }
        try:
            self.folder.add_reply(record)
        except (TypeError, ValueError) as e:
            problem = f"the reply cannot be stored as JSON: {e}"
            invalid = ReplyError("invalid_reply", problem, False)
            self._fail_request(id_, asked, invalid, own=True)
            return
        self.stopping.stored(record)
        self.tally.answered += 1
        self.failures.answered()
        answer = self.builder.answer(asked.question)
        parsed = parse_reply(record, answer, asked.shown, self.builder.answer_modes[asked.question])
        self.watch.advance(unparsed=parsed.value is None)

    def _fail(self, question: str, data: str, sample_id: str, error: ReplyError) -> None:
        """Record a question about a sample that was not answered, whatever the prompt variant and repeat."""
        self.tally.failed += 1
        self.failures.add(None, question, sample_id, error, asked={"data": data})

    def _fail_request(self, id_: str, asked: InFlight, error: ReplyError, *, own: bool) -> None:
        """Record a request that failed. `own`: the judge's reply says so."""
        self.tally.failed += 1
        more = {"data": asked.data, "wording": asked.variant, "repeat": asked.repeat}
        self.failures.add(id_, asked.question, asked.sample_id, error, own=own, asked=more)
