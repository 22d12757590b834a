"""The judge `openai`: queries any server with an OpenAI-compatible chat API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness import Capability, Judge, JudgeReply, JudgeRequest, RequestSource
from memobench_openai.dispatcher import dispatch
from memobench_openai.options import JudgeOptions
from memobench_openai.servers import describe_endpoint, endpoint_key, find_server

if TYPE_CHECKING:
    from memobench_openai.session import ChatSession


class OpenAIJudge(Judge):
    """A model behind an OpenAI-compatible endpoint. Pictures are sent as their original files where possible."""

    class Options(JudgeOptions):
        """Options of the judge `openai`."""

    takes: ClassVar[Literal["pixels", "bytes"]] = "bytes"

    def __init__(self, options: Any = None) -> None:
        """Check the options. Raises `RequestError` if a required key is missing."""
        super().__init__(options)
        self._server = find_server(self.options)
        endpoint_key(self.options, self._server)
        self._session: ChatSession | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """TEXT and MULTI_IMAGE; CHOICE if the server enforces it; LOGPROBS if enabled or exact."""
        supported = {Capability.TEXT, Capability.MULTI_IMAGE}
        if self._server.structured != "prompt":
            supported.add(Capability.CHOICE)
        if self.options.logprobs == "on" or (self.options.logprobs == "auto" and self._server.exact):
            supported.add(Capability.LOGPROBS)
        return frozenset(supported)

    def identity(self) -> Mapping[str, str]:
        """The endpoint's host, port and path, and the model's name: all that a client can know."""
        return {"endpoint": self.options.address.name, "model": self.options.ref}

    def contacts(self) -> Sequence[str]:
        return [describe_endpoint(self.options)]

    def reports_cost(self) -> bool:
        """Whether prices are given."""
        return self.options.price_input is not None

    def expected_cost(self, requests: int, prompt_tokens: float, reply_tokens: float) -> float | None:
        """By the prices that are given, without a provider's cache; with `max_tokens`, if that is set."""
        if self.options.price_input is None or self.options.price_output is None:
            return None
        reply_tokens = requests * self.options.max_tokens or reply_tokens
        return (
            float(prompt_tokens * self.options.price_input + reply_tokens * self.options.price_output) / 1e6
        )

    def open(self) -> None:
        """Create the client and its thread. Sends no request yet."""
        # Imported here: the client takes a second to load, and planning a run does not need it.
        from memobench_openai.session import ChatSession

        if self._session is None:
            self._session = ChatSession(self.options, self._server, endpoint_key(self.options, self._server))

    def close(self) -> None:
        """Cancel requests in flight, close the connections and stop the thread."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Yield replies as they arrive. Raises `HarnessError` once it is clear that no request can succeed."""
        if self._session is None:
            raise RuntimeError("OpenAIJudge.stream was called before open() or after close()")
        yield from dispatch(self._session.loop, requests, self._session.reply, self.options.concurrency)
