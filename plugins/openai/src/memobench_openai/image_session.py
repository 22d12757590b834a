"""An open image session: one coroutine and exactly one reply per request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from PIL import Image

from harness import HarnessError, ImageReply, ImageRequest, ReplyError
from memobench_openai.api_call import ApiCall
from memobench_openai.dispatcher import EventLoopThread
from memobench_openai.download import ImageDownloader
from memobench_openai.error_responses import one_line
from memobench_openai.errors import ApiError
from memobench_openai.fatal_errors import fatal_error
from memobench_openai.image_options import ImageOptions, image_body
from memobench_openai.image_replies import MAX_BYTES, ImageResult, decode_image, parse_image_reply
from memobench_openai.retry import RetryPolicy
from memobench_openai.served import ServedModel, reported_model
from memobench_openai.startup import Startup
from memobench_openai.transport import Transport

IMAGES = "/images/generations"


class ImageSession:
    """Queries one endpoint. Only construction and `close` run outside its event loop's thread."""

    def __init__(self, options: ImageOptions, key: str) -> None:
        self._options = options
        self._transport = Transport(
            options.address,
            key,
            key_env=options.api_key_env,
            timeout=options.timeout,
            hints=options.hints,
            proxy=options.proxy,
            max_bytes=MAX_BYTES * 3 // 2,  # a picture in base64, and what is said of it
        )
        self._downloader = ImageDownloader(options.address, options.timeout, proxy=options.proxy)
        self._retry_policy = RetryPolicy(options.max_retries, max_wait=options.wait)
        # Rate limits of the picture storage do not apply to the endpoint.
        self._download_policy = RetryPolicy(options.max_retries)
        self._format = options.requested_format
        self._served = ServedModel(self._transport, options.ref, options.fingerprint)
        self._startup = Startup()
        self.loop = EventLoopThread()

    def close(self) -> None:
        """Cancel requests in flight, close the connections and stop the thread."""
        self.loop.close(last=self._close())

    async def _close(self) -> None:
        await self._downloader.close()
        await self._transport.close()

    async def reply(self, request: ImageRequest) -> ImageReply:
        """The reply to one request. A failure is a reply too, unless every other request would fail the same way."""
        async with self._startup.slot():
            return await self._reply(request)

    async def _reply(self, request: ImageRequest) -> ImageReply:
        call = ApiCall(self._startup)
        try:
            result, image = await self._generate(request, call)
        except ApiError as e:
            error, answered = self._startup.judge_failure(e), self._startup.answered
            if error.refusal:
                result, image = ImageResult(blocked=error.message), None
            elif error.fatal and not (error.unless_answered and answered):
                raise await fatal_error(
                    error, self._transport, self._options.ref, "image", answered=answered > 0
                ) from None
            else:
                return self._failed(request, error.kind, error.message, error.retryable, error.hint)
        except HarnessError:
            raise
        except Exception as e:  # one unexpected reply must not stop the others
            return self._failed(request, type(e).__name__, str(e), False)
        self._startup.succeeded()
        extra: dict[str, Any] = result.extra | {"timings": call.timings()}
        if request.negative_prompt:
            extra["negative_prompt"] = "not sent"
        served = await self._served.record(result.reported) or None
        if image is None:
            extra["reason"] = self._safe_message(result.blocked)
            return ImageReply(request.id, outcome="blocked", extra=extra, served=served)
        return ImageReply(request.id, image, extra=extra, served=served)

    async def _generate(self, request: ImageRequest, call: ApiCall) -> tuple[ImageResult, Image.Image | None]:
        """The result of a request and the picture; None if a content filter intervened. Raises `ApiError`."""
        try:
            result, image = await self._request_image(request, self._format, call)
        except ApiError as error:
            if error.field != "response_format" or self._options.response_format != "auto":
                raise
            # A model that always returns base64, deployed under an unknown name.
            self._format = None
            result, image = await self._request_image(request, None, call)
        if result.url:
            image = await call.run(lambda: self._download(result.url), self._download_policy)
        return result, image

    async def _request_image(
        self, request: ImageRequest, response_format: str | None, call: ApiCall
    ) -> tuple[ImageResult, Image.Image | None]:
        body = image_body(self._options, request, response_format)

        async def attempt() -> tuple[ImageResult, Image.Image | None]:
            # A missing or broken picture is retried, as broken JSON is.
            found = await self._transport.post(IMAGES, body)
            result = replace(parse_image_reply(found, self._options), reported=reported_model(found))
            return result, None if result.data is None else await asyncio.to_thread(decode_image, result.data)

        return await call.run(attempt, self._retry_policy)

    async def _download(self, url: str) -> Image.Image:
        return await asyncio.to_thread(decode_image, await self._downloader.download(url))

    def _safe_message(self, message: str) -> str:
        return one_line(self._transport.secrets.hide(message)) or "no reason given"

    def _failed(
        self, request: ImageRequest, kind: str, message: str, retryable: bool, hint: str = ""
    ) -> ImageReply:
        error = ReplyError(kind, self._safe_message(message), retryable, hint)
        return ImageReply(request.id, outcome="error", error=error)
