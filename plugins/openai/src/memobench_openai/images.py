"""The generator `openai-images`: draws through any server that speaks OpenAI's image API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness import Generator, ImageReply, ImageRequest, Listed, RequestSource
from memobench_openai.image_options import ImageOptions
from memobench_openai.pump import pump
from memobench_openai.servers import SERVERS, by_address, endpoint_key

if TYPE_CHECKING:
    from memobench_openai.image_session import ImageSession


class OpenAIImages(Generator):
    """A text-to-image model behind an OpenAI-compatible endpoint; one picture a request."""

    class Options(ImageOptions):
        """Which model, where, and what it is asked for."""

    def __init__(self, options: Any = None) -> None:
        """Check the options. Raises `RequestError` where a key is needed and not there."""
        super().__init__(options)
        self._key()
        self._session: ImageSession | None = None

    def _key(self) -> str:
        return endpoint_key(self.options, SERVERS[by_address(self.options.address)])

    def identity(self) -> Mapping[str, str]:
        """The endpoint's host, port and path, and the model's name: all that can be known from outside."""
        return {"endpoint": self.options.address.name, "model": self.options.ref}

    def notes(self) -> Sequence[str]:
        """That pictures cannot be had again, where they cannot."""
        if self.options.send_seed:
            return ()
        return (
            "no seed is sent: drawn again, the same requests give other pictures (-o send_seed=true where it is taken)",
        )

    def open(self) -> None:
        """Make the client and its thread; nothing is asked yet."""
        # Imported here: the client takes a second to load, and plans are made without it.
        from memobench_openai.image_session import ImageSession

        if self._session is None:
            self._session = ImageSession(self.options, self._key())

    def close(self) -> None:
        """Drop what is in flight, close the connections, end the thread."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def generate(self, batch: Sequence[ImageRequest]) -> Iterable[ImageReply]:
        """Draw some requests."""
        return self.stream(Listed(batch))

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Replies as they come. Raises `HarnessError` once it is clear that no request can succeed."""
        if self._session is None:
            raise RuntimeError("OpenAIImages.stream was called before open() or after close()")
        yield from pump(self._session.loop, requests, self._session.reply, self.options.concurrency)
