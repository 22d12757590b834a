"""Under which addresses a study is served."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from harness import BadOption, RequestError

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
PORT = 8765


def own_addresses() -> list[str]:
    """The addresses of this machine in its network."""
    found = [socket.gethostname()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Nothing is sent: it tells which address leads outside.
            found.insert(0, probe.getsockname()[0])
        except OSError:
            pass
    return [name for name in dict.fromkeys(found) if not name.startswith("127.")]


def base_of(url: str) -> str:
    """A base address that raters reach the study under, such as that of a tunnel, without its slash."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = None
    if not fine or parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise BadOption(
            f"--url {url[:100]!r} is not the address of a site.",
            "For example: --url https://study.example.org",
        )
    return f"{parts.scheme}://{parts.netloc}"


def hosts(port: int, *, lan: bool, url: str = "") -> list[str]:
    """The values of the header Host that are answered."""
    names = [LOOPBACK, "localhost", "[::1]", *(own_addresses() if lan else [])]
    found = [f"{name}:{port}" for name in names]
    if port == 80:
        found += names
    return [*found, *([urlsplit(url).netloc] if url else [])]


def bases(port: int, *, lan: bool, url: str = "") -> Sequence[str]:
    """Under which addresses raters reach the study, the best first."""
    if url:
        return [url]
    return [f"http://{name}:{port}" for name in ([*own_addresses()] if lan else [LOOPBACK])]


def listen(port: int, *, lan: bool) -> socket.socket:
    """A socket that listens. Raises `RequestError` where the port is taken, naming a free one."""
    host = EVERYWHERE if lan else LOOPBACK
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(128)
    except OSError as e:
        found.close()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            other.bind((host, 0))
            free = other.getsockname()[1]
        raise RequestError(
            f"Port {port} cannot be used: {e.strerror or e}.", f"Use another one: --port {free}"
        ) from e
    return found
