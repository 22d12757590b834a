"""The judge `openai`: asks any server that speaks OpenAI's chat API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness import Capability, Judge, JudgeReply, JudgeRequest, RequestSource
from memobench_openai.options import JudgeOptions
from memobench_openai.pump import pump
from memobench_openai.servers import endpoint_key, find_server

if TYPE_CHECKING:
    from memobench_openai.session import Session


class OpenAIJudge(Judge):
    """A model behind an OpenAI-compatible endpoint; pictures are sent as the files that they are."""

    class Options(JudgeOptions):
        """Which model, where, and how it is asked."""

    takes: ClassVar[Literal["pixels", "bytes"]] = "bytes"

    def __init__(self, options: Any = None) -> None:
        """Check the options. Raises `RequestError` where a key is needed and not there."""
        super().__init__(options)
        self._server = find_server(self.options)
        endpoint_key(self.options, self._server)
        self._session: Session | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """TEXT and several pictures; CHOICE where the server enforces it; LOGPROBS where it gives them as needed."""
        able = {Capability.TEXT, Capability.MULTI_IMAGE}
        if self._server.structured != "prompt":
            able.add(Capability.CHOICE)
        if self.options.logprobs == "on" or (self.options.logprobs == "auto" and self._server.exact):
            able.add(Capability.LOGPROBS)
        return frozenset(able)

    def identity(self) -> Mapping[str, str]:
        """The endpoint's host, port and path, and the model's name: all that can be known from outside."""
        return {"endpoint": self.options.address.name, "model": self.options.ref}

    def open(self) -> None:
        """Make the client and its thread; nothing is asked yet."""
        # Imported here: the client takes a second to load, and plans are made without it.
        from memobench_openai.session import Session

        if self._session is None:
            self._session = Session(self.options, self._server, endpoint_key(self.options, self._server))

    def close(self) -> None:
        """Drop what is in flight, close the connections, end the thread."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Replies as they come. Raises `HarnessError` once it is clear that no request can succeed."""
        if self._session is None:
            raise RuntimeError("OpenAIJudge.stream was called before open() or after close()")
        yield from pump(self._session.loop, requests, self._session.reply, self.options.concurrency)
