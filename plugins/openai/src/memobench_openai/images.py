"""The generator `openai-images`: uses any server with an OpenAI-compatible image API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness import Generator, ImageReply, ImageRequest, Listed, RequestSource
from memobench_openai.dispatcher import dispatch
from memobench_openai.image_options import ImageOptions
from memobench_openai.servers import SERVERS, describe_endpoint, endpoint_key, server_kind

if TYPE_CHECKING:
    from memobench_openai.image_session import ImageSession


class OpenAIImages(Generator):
    """A text-to-image model behind an OpenAI-compatible endpoint. One picture per request."""

    class Options(ImageOptions):
        """Options of the generator `openai-images`."""

    def __init__(self, options: Any = None) -> None:
        """Check the options. Raises `RequestError` if a required key is missing."""
        super().__init__(options)
        self._key()
        self._session: ImageSession | None = None

    def _key(self) -> str:
        return endpoint_key(self.options, SERVERS[server_kind(self.options.address)])

    def identity(self) -> Mapping[str, str]:
        """The endpoint's host, port and path, and the model's name: all that a client can know."""
        return {"endpoint": self.options.address.name, "model": self.options.ref}

    def contacts(self) -> Sequence[str]:
        return [describe_endpoint(self.options)]

    def notes(self) -> Sequence[str]:
        """A note that pictures are not reproducible, if no seed is sent."""
        if self.options.send_seed:
            return ()
        return (
            "no seed is sent: the same requests give different pictures each time (set -o send_seed=true if the endpoint supports it)",
        )

    def reports_cost(self) -> bool:
        """Whether a price is given."""
        return self.options.price_image is not None or self.options.price_input is not None

    def expected_cost(self, requests: int, prompt_tokens: float, reply_tokens: float) -> float | None:
        """By the price of a picture; how many tokens one has is not known."""
        price = self.options.price_image
        return None if price is None or self.options.price_output is not None else float(requests * price)

    def open(self) -> None:
        """Create the client and its thread. Sends no request yet."""
        # Imported here: the client takes a second to load, and planning a run does not need it.
        from memobench_openai.image_session import ImageSession

        if self._session is None:
            self._session = ImageSession(self.options, self._key())

    def close(self) -> None:
        """Cancel requests in flight, close the connections and stop the thread."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def generate(self, batch: Sequence[ImageRequest]) -> Iterable[ImageReply]:
        return self.stream(Listed(batch))

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Yield replies as they arrive. Raises `HarnessError` once it is clear that no request can succeed."""
        if self._session is None:
            raise RuntimeError("OpenAIImages.stream was called before open() or after close()")
        yield from dispatch(self._session.loop, requests, self._session.reply, self.options.concurrency)
