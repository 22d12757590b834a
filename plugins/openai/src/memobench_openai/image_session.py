"""An open image endpoint at work: one coroutine for each picture, and exactly one reply."""

from __future__ import annotations

import asyncio
from typing import Any

from PIL import Image

from harness import HarnessError, ImageReply, ImageRequest, ReplyError
from memobench_openai.client import Wire
from memobench_openai.ending import ending
from memobench_openai.errand import Errand
from memobench_openai.faults import Fault
from memobench_openai.fetch import Fetcher
from memobench_openai.image_options import ImageOptions, image_body
from memobench_openai.image_replies import Drawn, decode, read_images
from memobench_openai.pump import LoopThread
from memobench_openai.retry import Patience
from memobench_openai.verdict import explain

IMAGES = "/images/generations"


class ImageSession:
    """Asks one endpoint. Everything but making and closing it happens in its event loop's thread."""

    def __init__(self, options: ImageOptions, key: str) -> None:
        self._options = options
        self._wire = Wire(
            options.address, key, key_env=options.api_key_env, timeout=options.timeout, advice=options.advice
        )
        self._fetcher = Fetcher(options.address, options.timeout)
        self._patience = Patience(options.max_retries)
        # Waits that a picture's storage asks for are no concern of the endpoint's.
        self._fetching = Patience(options.max_retries)
        self._format = options.asks_format
        self._answered = 0
        self.loop = LoopThread()

    def close(self) -> None:
        """Cancel what is in flight, close the connections, end the thread."""
        self.loop.close(last=self._close())

    async def _close(self) -> None:
        await self._fetcher.close()
        await self._wire.close()

    async def reply(self, request: ImageRequest) -> ImageReply:
        """The reply to one request; failures are replies, unless every request must fail in the same way."""
        errand = Errand()
        try:
            drawn, image = await self._draw(request, errand)
        except Fault as fault:
            if fault.refusal:
                drawn, image = Drawn(blocked=fault.message), None
            elif fault.ends and not (fault.unless_answered and self._answered):
                raise await ending(
                    fault, self._wire, self._options.ref, "image", midway=self._answered > 0
                ) from None
            else:
                return self._failed(request, fault.kind, fault.message, fault.retryable)
        except HarnessError:
            raise
        except Exception as e:  # one odd reply must not stop the others
            return self._failed(request, type(e).__name__, str(e), False)
        self._answered += 1
        extra: dict[str, Any] = drawn.extra | {"timings": errand.timings()}
        if request.negative_prompt:
            extra["negative_prompt"] = "not sent"
        if image is None:
            return ImageReply(
                request.id, outcome="blocked", extra=extra | {"reason": self._shown(drawn.blocked)}
            )
        return ImageReply(request.id, image, extra=extra)

    async def _draw(self, request: ImageRequest, errand: Errand) -> tuple[Drawn, Image.Image | None]:
        """What an endpoint made of a request, and the picture; None where a filter stepped in. Raises `Fault`."""
        try:
            drawn, image = await self._asked(request, self._format, errand)
        except Fault as fault:
            if fault.field != "response_format" or self._options.response_format != "auto":
                raise
            # It always gives base64, under whatever name it goes here.
            self._format = None
            drawn, image = await self._asked(request, None, errand)
        if drawn.url:
            image = await errand.run(lambda: self._fetched(drawn.url), self._fetching)
        return drawn, image

    async def _asked(
        self, request: ImageRequest, response_format: str | None, errand: Errand
    ) -> tuple[Drawn, Image.Image | None]:
        body = image_body(self._options, request, response_format)

        async def attempt() -> tuple[Drawn, Image.Image | None]:
            # What holds no picture, or a broken one, is worth another try, as broken JSON is.
            drawn = read_images(await self._wire.post(IMAGES, body), self._options)
            return drawn, None if drawn.data is None else await asyncio.to_thread(decode, drawn.data)

        return await errand.run(attempt, self._patience)

    async def _fetched(self, url: str) -> Image.Image:
        return await asyncio.to_thread(decode, await self._fetcher.fetch(url))

    def _shown(self, message: str) -> str:
        return explain(self._wire.secrets.hide(message)) or "no reason given"

    def _failed(self, request: ImageRequest, kind: str, message: str, retryable: bool) -> ImageReply:
        error = ReplyError(kind, self._shown(message), retryable)
        return ImageReply(request.id, outcome="error", error=error)
