"""Pictures that come by address: fetched without a key, bounded, and never drawn anew for a failed download."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from memobench_openai.address import Address
from memobench_openai.faults import Fault
from memobench_openai.fetch import Fetcher
from memobench_openai.images import OpenAIImages

from harness import ImageReply, ImageRequest

KEY = "sk-proj-Vq7nTz3LxW9bR2mK8dYc"  # An invented one.


def draw(endpoint: Any, **options: Any) -> ImageReply:
    given = {"ref": "tiny-painter", "base_url": endpoint.url, "max_retries": 2} | options
    made = OpenAIImages(OpenAIImages.Options(**given))
    made.open()
    try:
        (reply,) = made.generate([ImageRequest("0" * 32, "A portrait")])
        return reply
    finally:
        made.close()


def fetch(
    url: str, *, address: str = "http://127.0.0.1:9/v1", timeout: float = 5.0, max_bytes: int = 1000
) -> bytes:
    async def run() -> bytes:
        fetcher = Fetcher(Address(address), timeout, max_bytes)
        try:
            return await fetcher.fetch(url)
        finally:
            await fetcher.close()

    return asyncio.run(run())


@pytest.mark.parametrize("fault", ["503", "429", "cut"])
def test_a_download_that_fails_is_tried_again_and_the_picture_drawn_once(
    fault: str, serve_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = serve_images(sends="url")
    server.file_script = lambda path, attempt: "answer" if attempt else fault
    reply = draw(server)
    assert reply.outcome == "ok"
    assert reply.extra["timings"]["retries"] == 1
    assert [asked.authorization for asked, _ in server.log] == [f"Bearer {KEY}"]
    assert [authorization for _, authorization in server.fetched] == ["", ""]


@pytest.mark.parametrize(("fault", "kind", "times"), [("500", "fetch_failed", 2), ("404", "fetch_failed", 1)])
def test_a_download_that_fails_for_good_is_an_error_that_hides_the_address(
    fault: str, kind: str, times: int, serve_images
) -> None:
    server = serve_images(sends="url")
    server.file_script = lambda path, attempt: fault
    reply = draw(server, max_retries=1)
    assert reply.error is not None
    assert (reply.outcome, reply.error.kind) == ("error", kind)
    assert fault in reply.error.message
    assert "signature" not in reply.error.message
    assert (len(server.log), len(server.fetched)) == (1, times)


def test_a_redirect_is_followed_and_one_without_end_is_not(serve) -> None:
    server = serve()
    root = server.url.removesuffix("/v1")
    server.files = {"/a": b"1", "/b": b"picture", "/c": b""}
    server.file_script = lambda path, attempt: {"/a": "/b", "/b": "answer", "/c": "/c"}[path]
    assert fetch(f"{root}/a") == b"picture"
    with pytest.raises(Fault, match="without end"):
        fetch(f"{root}/c")
    server.file_script = lambda path, attempt: "file:///etc/hostname"
    with pytest.raises(Fault, match="neither http nor https"):
        fetch(f"{root}/a")


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://127.0.0.1/x.png", "/relative.png", "http://", "http://[x"]
)
def test_only_http_addresses_are_fetched(url: str) -> None:
    with pytest.raises(Fault) as caught:
        fetch(url)
    assert (caught.value.kind, caught.value.retryable) == ("bad_url", False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0"]
)
def test_an_endpoint_elsewhere_may_not_send_us_to_this_machine(host: str) -> None:
    with pytest.raises(Fault, match="on this machine"):
        fetch(f"http://{host}/x.png", address="https://images.example.com/v1")


def test_what_is_too_large_or_too_slow_is_given_up(serve) -> None:
    server = serve()
    server.files = {"/large": b"x" * 5000}
    root = server.url.removesuffix("/v1")
    assert len(fetch(f"{root}/large", max_bytes=5000)) == 5000
    with pytest.raises(Fault) as caught:
        fetch(f"{root}/large", max_bytes=4999)
    assert (caught.value.kind, caught.value.retryable) == ("too_large", False)
    with pytest.raises(Fault) as caught:
        fetch(f"{root}/large", timeout=1e-9)
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


def test_a_picture_may_come_as_a_data_url(serve) -> None:
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    server = serve(answer=lambda asked, action: {"data": [{"url": f"data:image/png;base64,{dot}"}]})
    reply = draw(server)
    assert reply.image is not None
    assert reply.image.getpixel((0, 0)) == (255, 0, 0)
