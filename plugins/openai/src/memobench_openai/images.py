"""The generator `openai-images`: uses any server with an OpenAI-compatible image API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from harness import AsyncGenerator, ImageReply, ImageRequest, RemoteError
from harness.remote import RetryPolicy, one_line
from memobench_openai.endpoint import Endpoint
from memobench_openai.image_options import ImageOptions, image_body
from memobench_openai.image_replies import MAX_BYTES, ImageResult, decode_image, parse_image_reply
from memobench_openai.replicas import part_of
from memobench_openai.served import reported_model
from memobench_openai.servers import SERVERS, endpoint_key, server_kind

if TYPE_CHECKING:
    from PIL import Image

IMAGES = "/images/generations"


class OpenAIImages(Endpoint, AsyncGenerator):
    """A text-to-image model behind an OpenAI-compatible endpoint. One picture per request."""

    class Options(ImageOptions):
        """Options of the generator `openai-images`."""

    asks: ClassVar[str] = "image"

    def find_key(self) -> str:
        return endpoint_key(self.options, SERVERS[server_kind(self.options.address)])

    def notes(self) -> Sequence[str]:
        """A note that pictures are not reproducible, if no seed is sent."""
        if self.options.send_seed:
            return ()
        return (
            "no seed is sent: the same requests give different pictures each time (set -o send_seed=true if the endpoint supports it)",
        )

    def reports_cost(self) -> bool:
        """Whether a price is given."""
        return self.options.price_image is not None or super().reports_cost()

    def expected_cost(self, requests: int, prompt_tokens: float, reply_tokens: float) -> float | None:
        """By the price of a picture; how many tokens one has is not known."""
        price = self.options.price_image
        return None if price is None or self.options.price_output is not None else float(requests * price)

    async def start(self) -> None:
        from memobench_openai.download import ImageDownloader

        options = self.options
        # A picture in base64, and what is said of it.
        self.connect(hints=options.hints, max_bytes=MAX_BYTES * 3 // 2)
        self._downloader = ImageDownloader(options.address, options.timeout, proxy=options.proxy)
        # Rate limits of the picture storage do not apply to the endpoint.
        self._download_policy = RetryPolicy(options.max_retries)
        self._format = options.requested_format

    async def finish(self) -> None:
        await self._downloader.close()
        await super().finish()

    async def draw(self, request: ImageRequest) -> ImageReply:
        try:
            result, image = await self._generate(request)
        except RemoteError as error:
            if not error.refusal:
                raise
            result, image = ImageResult(blocked=error.message), None
        extra: dict[str, Any] = dict(result.extra)
        if request.negative_prompt:
            extra["negative_prompt"] = "not sent"
        served = await self._transport.record(result.reported) or None
        if image is None:
            extra["reason"] = one_line(self._transport.secrets.hide(result.blocked)) or "no reason given"
            return ImageReply(request.id, outcome="blocked", extra=extra, served=served)
        return ImageReply(request.id, image, extra=extra, served=served)

    async def _generate(self, request: ImageRequest) -> tuple[ImageResult, Image.Image | None]:
        """The result of a request and the picture; None if a content filter intervened. Raises `RemoteError`."""
        try:
            result, image = await self._request_image(request, self._format)
        except RemoteError as error:
            if error.field != "response_format" or self.options.response_format != "auto":
                raise
            # A model that always returns base64, deployed under an unknown name.
            self._format = None
            result, image = await self._request_image(request, None)
        if result.url:
            image = await self.attempt(lambda: self._download(result.url), policy=self._download_policy)
        return result, image

    async def _request_image(
        self, request: ImageRequest, response_format: str | None
    ) -> tuple[ImageResult, Image.Image | None]:
        body = image_body(self.options, request, response_format)

        async def attempt() -> tuple[ImageResult, Image.Image | None]:
            # A missing or broken picture is retried, as broken JSON is.
            found = await self._transport.post(IMAGES, body)
            result = replace(
                parse_image_reply(found, self.options), reported=part_of(found, reported_model(found))
            )
            return result, None if result.data is None else await asyncio.to_thread(decode_image, result.data)

        return await self.attempt(attempt)

    async def _download(self, url: str) -> Image.Image:
        return await asyncio.to_thread(decode_image, await self._downloader.download(url))
