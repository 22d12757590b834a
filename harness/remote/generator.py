"""The base class of generators behind a web service: one coroutine draws one portrait."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.components.generator import Generator
from harness.components.sources import Listed, RequestSource
from harness.remote.component import Remote, checked
from harness.remote.costs import with_cost
from harness.remote.errors import RemoteError
from harness.remote.keys import Secrets
from harness.types import ImageReply, ImageRequest, ReplyError


class AsyncGenerator(Remote, Generator):
    """A generator that asks a web service: write `draw`, and `start` and `finish` for a client. All else is as in `AsyncJudge`."""

    @abstractmethod
    async def draw(self, request: ImageRequest) -> ImageReply:
        """Generate one portrait in one attempt: it is called again where an attempt fails with an error worth a retry.

        Tokens in `extra["usage"]` give the `cost` there if prices are given. Raise `RemoteError`, or whatever the client
        raises; a refusal is a reply with the outcome "blocked".
        """

    def generate(self, batch: Sequence[ImageRequest]) -> Iterable[ImageReply]:
        return self.stream(Listed(batch))

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Yield replies as they arrive. Raises `HarnessError` once it is clear that no request can succeed."""
        yield from self._dispatch(requests, self._draw)

    async def _draw(self, request: ImageRequest) -> ImageReply:
        return await checked(self.draw(request), ImageReply, f"{type(self).__name__}.draw")

    def refused_reply(self, request: ImageRequest, error: RemoteError) -> ImageReply:
        return ImageReply(request.id, outcome="blocked", extra={"reason": error.message})

    def failed_reply(self, request: ImageRequest, error: RemoteError) -> ImageReply:
        found = ReplyError(error.kind, error.message, error.retryable, error.hint)
        return ImageReply(request.id, outcome="error", error=found)

    def completed_reply(
        self, reply: ImageReply, timings: Mapping[str, float], secrets: Secrets
    ) -> ImageReply:
        if reply.error is not None:
            shown = secrets.hide(reply.error.message)
            return replace(reply, error=replace(reply.error, message=shown))
        extra: dict[str, Any] = {**secrets.hide_in(reply.extra), "timings": dict(timings)}
        usage = extra.get("usage")
        if isinstance(usage, Mapping):
            extra["usage"] = with_cost(usage, self.options.price_input, self.options.price_output)
        return replace(reply, extra=extra, served=secrets.hide_in(reply.served))
