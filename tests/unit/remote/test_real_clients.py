"""What real clients raise, against a local server: whichever of them are installed."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import RemoteError
from harness.remote import classify_exception


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = b"hello" if self.path == "/text" else json.dumps({"error": {"message": "slow down"}}).encode()
        self.send_response(200 if self.path == "/text" else 429)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is shown."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()


def with_httpx(url: str) -> None:
    response = pytest.importorskip("httpx").post(url, json={})
    response.raise_for_status()
    response.json()


def with_requests(url: str) -> None:
    response = pytest.importorskip("requests").post(url, json={}, timeout=30)
    response.raise_for_status()
    response.json()


def with_aiohttp(url: str) -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def post() -> None:
        async with aiohttp.ClientSession() as client, client.post(url, json={}) as response:
            response.raise_for_status()
            await response.json()

    asyncio.run(post())


def with_urllib(url: str) -> None:
    json.load(urllib.request.urlopen(url, data=b"{}", timeout=30))


CLIENTS = {"httpx": with_httpx, "requests": with_requests, "aiohttp": with_aiohttp, "urllib": with_urllib}


def error_of(client: Callable[[str], None], url: str) -> RemoteError:
    try:
        client(url)
    except Exception as e:
        return classify_exception(e)
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_errors_of_real_clients(client: Callable[[str], None], server: str) -> None:
    limited = error_of(client, f"{server}/")
    assert (limited.kind, limited.retryable, limited.retry_after) == ("rate_limited", True, 7.0)
    broken = error_of(client, f"{server}/cut")
    assert (broken.kind, broken.retryable, broken.outage) == ("connection", True, False)
    text = error_of(client, f"{server}/text")
    assert (text.kind, text.retryable) == ("bad_reply", True)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = error_of(client, f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (dead.kind, dead.outage, bool(dead.fatal)) == ("unreachable", True, True)
