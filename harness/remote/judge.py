"""The base class of judges behind a web service: one coroutine answers one request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from harness.components.judge import Judge
from harness.components.sources import Listed, RequestSource
from harness.remote.component import Remote, checked
from harness.remote.costs import with_cost
from harness.remote.errors import RemoteError
from harness.remote.keys import Secrets
from harness.types import JudgeReply, JudgeRequest, ReplyError


class AsyncJudge(Remote, Judge):
    """A judge that asks a web service: write `ask`, and `start` and `finish` for a client.

    The core keeps `concurrency` requests in flight and retries what is worth it: see `RemoteOptions` for the limits, `classify`
    for what is retried, and `RemoteError` for saying so yourself. It notices that nothing can succeed at the cost of a few
    requests, and ends the run with what helps. Keys and passwords are hidden in all that it stores and shows.
    """

    takes: ClassVar[Literal["pixels", "bytes"]] = "bytes"

    @abstractmethod
    async def ask(self, request: JudgeRequest) -> JudgeReply:
        """Answer one request in one attempt: it is called again where an attempt fails with an error worth a retry.

        Tokens in `usage` (`prompt_tokens` and `completion_tokens`, or `input_tokens` and `output_tokens`) give the `cost` if
        prices are given. Raise `RemoteError`, or whatever the client raises; a refusal is a reply with `refusal`.
        """

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterable[JudgeReply]:
        return self.stream(Listed(batch))

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Yield replies as they arrive. Raises `HarnessError` once it is clear that no request can succeed."""
        yield from self._dispatch(requests, self._ask)

    def expected_cost(self, requests: int, prompt_tokens: float, reply_tokens: float) -> float | None:
        """By the prices that are given."""
        options = self.options
        if options.price_input is None or options.price_output is None:
            return None
        return float(prompt_tokens * options.price_input + reply_tokens * options.price_output) / 1e6

    async def _ask(self, request: JudgeRequest) -> JudgeReply:
        return await checked(self.ask(request), JudgeReply, f"{type(self).__name__}.ask")

    def refused_reply(self, request: JudgeRequest, error: RemoteError) -> JudgeReply:
        return JudgeReply(request.id, refusal=error.message, finish_reason=error.kind)

    def failed_reply(self, request: JudgeRequest, error: RemoteError) -> JudgeReply:
        return JudgeReply(
            request.id, error=ReplyError(error.kind, error.message, error.retryable, error.hint)
        )

    def completed_reply(
        self, reply: JudgeReply, timings: Mapping[str, float], secrets: Secrets
    ) -> JudgeReply:
        if reply.error is not None:
            shown = secrets.hide(reply.error.message)
            return replace(reply, error=replace(reply.error, message=shown))
        return replace(
            reply,
            text=secrets.hide_in(reply.text),
            refusal=secrets.hide_in(reply.refusal),
            usage=with_cost(reply.usage, self.options.price_input, self.options.price_output),
            timings={**timings, **(reply.timings or {})},
            extra=secrets.hide_in(reply.extra),
            served=secrets.hide_in(reply.served),
        )
