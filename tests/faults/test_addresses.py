"""URLs of pictures in replies of servers: only hosts that the service itself could reach, whatever the notation."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from memobench_openai.address import Address
from memobench_openai.download import ImageDownloader
from memobench_openai.hosts import parse_ip, reach_of

from harness import RemoteError

pytestmark = pytest.mark.faults

REMOTE = "https://images.example.com/v1"
PUBLIC = "93.184.216.34"
LOCAL = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0x7f.0x0.0x0.0x1",
    "0",
    "0.0.0.0",
    "0x0",
    "127.255.255.254",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "foo.localhost",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
]
PRIVATE = [
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "0xc0a80101",
    "3232235777",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[::ffff:10.0.0.1]",
    "[2001:db8::1]",
    "[2002:a00:1::]",
    "[64:ff9b::a00:1]",
]


class Seen(BaseHTTPRequestHandler):
    """Notes each request; whoever asks this server was led to this machine."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def inside() -> Iterator[ThreadingHTTPServer]:
    """A server on this machine that nobody must be led to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Seen)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def download(
    url: str, endpoint: str = REMOTE, transport: httpx.AsyncBaseTransport | None = None
) -> bytes | RemoteError:
    async def run() -> bytes:
        downloader = ImageDownloader(Address(endpoint), 5.0, 1000, proxy="none")
        if transport is not None:
            downloader._clients[None] = httpx.AsyncClient(transport=transport)
        try:
            return await downloader.download(url)
        finally:
            await downloader.close()

    try:
        return asyncio.run(run())
    except RemoteError as e:
        return e


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The name server gives these addresses, one list for each look-up. Returns the names that were looked up."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *more: Any, **other: Any) -> Any:
        if parse_ip(host) is not None or host.endswith("localhost"):
            return real(host, port, *more, **other)
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def answering(
    answer: Callable[[httpx.Request], httpx.Response], log: list[httpx.Request]
) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        log.append(request)
        return answer(request)

    return httpx.MockTransport(handle)


def picture(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=httpx.ByteStream(b"picture"))


@pytest.mark.parametrize("host", [*LOCAL, *PRIVATE])
def test_a_remote_endpoint_leads_to_no_inner_host(host: str) -> None:
    log: list[httpx.Request] = []
    found = download(f"http://{host}/x.png", transport=answering(picture, log))
    assert isinstance(found, RemoteError)
    assert found.kind == "bad_url"
    assert not log, "no request was sent"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::ffff:127.0.0.1]"]
)
def test_no_notation_reaches_a_server_of_this_machine(host: str, inside: ThreadingHTTPServer) -> None:
    found = download(f"http://{host}:{inside.server_port}/admin")
    assert isinstance(found, RemoteError)
    assert not inside.asked  # type: ignore[attr-defined]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], [PUBLIC, "127.0.0.1"],
                                       ["fd12::1", PUBLIC], ["::ffff:10.0.0.1"], ["0.0.0.0"]])  # fmt: skip
def test_names_are_looked_up(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, addresses)
    log: list[httpx.Request] = []
    found = download("https://pictures.attacker.example/x.png", transport=answering(picture, log))
    assert isinstance(found, RemoteError)
    assert found.kind == "bad_url"
    assert not log


def test_the_connection_goes_to_the_checked_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that has another address a moment later (DNS rebinding) leads nowhere else."""
    asked = names(monkeypatch, [PUBLIC], ["127.0.0.1"])
    log: list[httpx.Request] = []
    assert (
        download("https://rebinding.example:8443/x.png?sig=1", transport=answering(picture, log))
        == b"picture"
    )
    (request,) = log
    assert asked == ["rebinding.example"]
    assert str(request.url) == f"https://{PUBLIC}:8443/x.png?sig=1"
    assert request.headers["host"] == "rebinding.example:8443"
    assert request.extensions["sni_hostname"] == "rebinding.example", "certificates are those of the name"


def test_the_next_address_is_tried_where_one_takes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["2606:2800:220:1::1", PUBLIC])

    def answer(request: httpx.Request) -> httpx.Response:
        if ":" in request.url.host:
            raise httpx.ConnectError("no route")
        return httpx.Response(200, stream=httpx.ByteStream(b"picture"))

    log: list[httpx.Request] = []
    assert download("http://pictures.example/x.png", transport=answering(answer, log)) == b"picture"
    assert [request.url.host for request in log] == ["2606:2800:220:1::1", PUBLIC]


@pytest.mark.parametrize("location", ["http://127.0.0.1/x", "http://0x7f.1/x", "//[::1]/x", "http://inner.example/x",
                                      "file:///etc/passwd", "gopher://93.184.216.34/", "http://[::ffff:a00:1]/"])  # fmt: skip
def test_redirects_are_checked_again(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, [PUBLIC], ["192.168.0.7"])
    log: list[httpx.Request] = []
    transport = answering(lambda _: httpx.Response(302, headers={"location": location}), log)
    found = download("http://pictures.example/x.png", transport=transport)
    assert isinstance(found, RemoteError)
    assert found.kind == "bad_url"
    assert len(log) == 1


@pytest.mark.parametrize("url", ["ftp://93.184.216.34/x", "file:///etc/passwd", "data:,x", "javascript:x", "http://", "//x",
                                 "http://[x", "http:///x", "http://a b/", "\x00", "http://" + "a" * 70_000])  # fmt: skip
def test_only_web_addresses_are_downloaded(url: str) -> None:
    log: list[httpx.Request] = []
    found = download(url, transport=answering(picture, log))
    assert isinstance(found, RemoteError)
    assert not log
    assert len(found.message) < 300


@pytest.mark.parametrize(
    ("endpoint", "host", "allowed"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1", True),
        ("http://localhost:8000/v1", "[::1]", True),
        ("http://127.0.0.1:8000/v1", "10.0.0.1", True),
        ("http://127.0.0.1:8000/v1", "169.254.169.254", False),
        ("http://10.0.0.5/v1", "10.0.0.6", True),
        ("http://10.0.0.5/v1", "127.0.0.1", False),
        ("http://10.0.0.5/v1", "169.254.169.254", False),
        ("http://0x7f000001/v1", "127.0.0.1", True),
        ("http://images.lan/v1", "192.168.0.2", True),
        (REMOTE, PUBLIC, True),
        (REMOTE, "[2606:2800:220:1::1]", True),
    ],
)
def test_how_far_away_the_endpoint_is_decides(endpoint: str, host: str, allowed: bool) -> None:
    log: list[httpx.Request] = []
    found = download(f"http://{host}/x.png", endpoint, answering(picture, log))
    assert (found == b"picture") is allowed
    assert bool(log) is allowed


def test_a_name_that_nobody_knows_is_a_failure_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = download("http://nowhere.example/x.png")
    assert isinstance(found, RemoteError)
    assert (found.kind, found.retryable) == ("connection", True)
    inner = download("http://metadata.google.internal/x.png")
    assert isinstance(inner, RemoteError)
    assert inner.kind == "bad_url"


def test_every_private_network_is_known() -> None:
    for text in (*LOCAL, *PRIVATE):
        address = parse_ip(text.strip("[]"))
        assert address is None or reach_of(address) != "public", text
    public = parse_ip("8.8.8.8")
    assert public is not None
    assert reach_of(public) == "public"
