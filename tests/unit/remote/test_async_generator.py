"""What the core does for a generator that is one coroutine: as for a judge, save for the shape of its replies."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from helpers.remote import FunctionGenerator, StatusError
from PIL import Image

from harness import Generator, ImageReply, ImageRequest, RemoteError, ReplyError, RequestError
from harness.testing import GeneratorContract

COLOURS = ("red", "green", "blue")


async def coloured(request: ImageRequest, attempt: int) -> str:
    return COLOURS[request.seed % 3]


def draw(generator: FunctionGenerator, n: int = 1) -> dict[str, ImageReply]:
    generator.open()
    try:
        wanted = [ImageRequest(f"r{i}", f"A face {i}", seed=i) for i in range(n)]
        return {reply.id: reply for reply in generator.generate(wanted)}
    finally:
        generator.close()


class TestContract(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        async def serve(request: ImageRequest, attempt: int) -> ImageReply:
            colour = tuple(hashlib.sha256(f"{request.prompt}:{request.seed}".encode()).digest()[:3])
            return ImageReply(request.id, Image.new("RGB", request.size or (8, 8), colour))

        return FunctionGenerator(serve)


def test_pictures_have_timings_and_costs() -> None:
    async def serve(request: ImageRequest, attempt: int) -> ImageReply:
        if attempt == 0:
            raise StatusError(500)
        usage = {"input_tokens": 100, "output_tokens": 1000}
        return ImageReply(request.id, Image.new("RGB", (8, 8)), extra={"usage": usage, "revised_prompt": "A"})

    reply = draw(FunctionGenerator(serve, price_input=1.0, price_output=10.0, max_retries=9))["r0"]
    assert reply.outcome == "ok"
    assert reply.extra["usage"]["cost"] == pytest.approx(0.0101)
    assert reply.extra["timings"]["retries"] == 1.0
    assert reply.extra["revised_prompt"] == "A"


def test_refusals_are_blocked_pictures_and_failures_are_errors() -> None:
    async def serve(request: ImageRequest, attempt: int) -> Any:
        if request.id == "r0":
            raise RemoteError("policy", "no faces", refusal=True)
        if request.id == "r1":
            raise StatusError(422, "size is odd")
        return await coloured(request, attempt)

    replies = draw(FunctionGenerator(serve), 4)
    assert (replies["r0"].outcome, replies["r0"].extra["reason"]) == ("blocked", "no faces")
    assert replies["r1"].error == ReplyError("rejected", "422: size is odd", False)
    assert [replies[i].outcome for i in ("r2", "r3")] == ["ok", "ok"]


def test_a_wrong_key_ends_the_stream() -> None:
    async def serve(request: ImageRequest, attempt: int) -> str:
        raise StatusError(401)

    generator = FunctionGenerator(serve)
    with pytest.raises(RequestError, match="requires a key"):
        draw(generator, 30)
    assert len(generator.asked) <= 5


def test_a_reply_of_another_type_is_named() -> None:
    async def serve(request: ImageRequest, attempt: int) -> bytes:
        return b"png"

    with pytest.raises(RequestError, match=r"FunctionGenerator.draw\(\) must return ImageReply"):
        draw(FunctionGenerator(serve), 30)
