"""Pictures returned by URL: downloaded without a key, bounded, and not generated again after a failed download."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from memobench_openai.address import Address
from memobench_openai.download import ImageDownloader
from memobench_openai.images import OpenAIImages

from harness import ImageReply, ImageRequest, RemoteError

KEY = "sk-proj-Vq7nTz3LxW9bR2mK8dYc"  # Not a real key.


def generate(endpoint: Any, **options: Any) -> ImageReply:
    given = {"ref": "tiny-image-model", "base_url": endpoint.url, "max_retries": 2} | options
    made = OpenAIImages(OpenAIImages.Options(**given))
    made.open()
    try:
        (reply,) = made.generate([ImageRequest("0" * 32, "A portrait")])
        return reply
    finally:
        made.close()


def download(
    url: str, *, address: str = "http://127.0.0.1:9/v1", timeout: float = 5.0, max_bytes: int = 1000
) -> bytes:
    async def run() -> bytes:
        downloader = ImageDownloader(Address(address), timeout, max_bytes)
        try:
            return await downloader.download(url)
        finally:
            await downloader.close()

    return asyncio.run(run())


@pytest.mark.parametrize("error", ["503", "429", "cut"])
def test_a_failed_download_is_retried_and_the_picture_generated_once(
    error: str, serve_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = serve_images(sends="url")
    server.file_script = lambda path, attempt: "answer" if attempt else error
    reply = generate(server)
    assert reply.outcome == "ok"
    assert reply.extra["timings"]["retries"] == 1
    assert [received.authorization for received, _ in server.log] == [f"Bearer {KEY}"]
    assert [authorization for _, authorization in server.fetched] == ["", ""]


@pytest.mark.parametrize(("error", "kind", "times"), [("500", "fetch_failed", 2), ("404", "fetch_failed", 1)])
def test_a_permanent_download_failure_does_not_show_the_url(
    error: str, kind: str, times: int, serve_images
) -> None:
    server = serve_images(sends="url")
    server.file_script = lambda path, attempt: error
    reply = generate(server, max_retries=1)
    assert reply.error is not None
    assert (reply.outcome, reply.error.kind) == ("error", kind)
    assert error in reply.error.message
    assert "signature" not in reply.error.message
    assert (len(server.log), len(server.fetched)) == (1, times)


def test_redirects_are_followed_up_to_a_limit(serve) -> None:
    server = serve()
    root = server.url.removesuffix("/v1")
    server.files = {"/a": b"1", "/b": b"picture", "/c": b""}
    server.file_script = lambda path, attempt: {"/a": "/b", "/b": "answer", "/c": "/c"}[path]
    assert download(f"{root}/a") == b"picture"
    with pytest.raises(RemoteError, match="redirects too often"):
        download(f"{root}/c")
    server.file_script = lambda path, attempt: "file:///etc/hostname"
    with pytest.raises(RemoteError, match="neither http nor https"):
        download(f"{root}/a")


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://127.0.0.1/x.png", "/relative.png", "http://", "http://[x"]
)
def test_only_http_urls_are_downloaded(url: str) -> None:
    with pytest.raises(RemoteError) as caught:
        download(url)
    assert (caught.value.kind, caught.value.retryable) == ("bad_url", False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0"]
)
def test_a_remote_endpoint_may_not_point_to_this_machine(host: str) -> None:
    with pytest.raises(RemoteError, match="to this machine"):
        download(f"http://{host}/x.png", address="https://images.example.com/v1")


def test_large_files_and_slow_downloads_fail(serve) -> None:
    server = serve()
    server.files = {"/large": b"x" * 5000}
    root = server.url.removesuffix("/v1")
    assert len(download(f"{root}/large", max_bytes=5000)) == 5000
    with pytest.raises(RemoteError) as caught:
        download(f"{root}/large", max_bytes=4999)
    assert (caught.value.kind, caught.value.retryable) == ("too_large", False)
    with pytest.raises(RemoteError) as caught:
        download(f"{root}/large", timeout=1e-9)
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


def test_a_picture_may_come_as_a_data_url(serve) -> None:
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    server = serve(answer=lambda received, action: {"data": [{"url": f"data:image/png;base64,{dot}"}]})
    reply = generate(server)
    assert reply.image is not None
    assert reply.image.getpixel((0, 0)) == (255, 0, 0)
