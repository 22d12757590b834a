"""Which hosts the URLs of pictures may name, by the addresses that the name really has, and how to connect to just those.

A service must not make this machine ask hosts that only this machine can reach: itself, its network, the address at which a
cloud gives it credentials. So a host is looked up once, every address is checked, and the connection is made to a checked
one: a name server that answers otherwise the next time changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from harness.remote import RemoteError
from memobench_openai.address import Address
from memobench_openai.hosts import (
    IPAddress,
    Reach,
    is_private,
    look_up,
    parse_ip,
    reach_of,
)

_ALLOWED: dict[Reach, tuple[Reach, ...]] = {
    "public": ("public",),
    "private": ("public", "private"),
    "loopback": ("public", "private", "loopback"),
    "link-local": ("public", "private", "link-local"),
}
"""How far away the endpoint is -> which hosts its pictures may come from."""
_WHERE = {
    "private": "into a private network",
    "loopback": "to this machine",
    "link-local": "to this machine's own network link",
}
_NO_HOST = frozenset("%[]/\\@?# ")
_HINT = "-o response_format=b64_json asks for pictures without URLs."


@dataclass(frozen=True)
class Target:
    """A checked URL and the addresses to connect to: none if a proxy connects."""

    url: httpx.URL
    addresses: tuple[IPAddress, ...] = ()

    @property
    def host(self) -> str:
        """The host as the URL names it."""
        return self.url.host

    def attempts(self) -> list[tuple[httpx.URL, dict[str, str], dict[str, str]]]:
        """URL, headers and extensions of a request for each address, to be tried in this order."""
        if not self.addresses:
            return [(self.url, {}, {})]
        headers = {"Host": self.url.netloc.decode("ascii")}
        # Certificates are those of the name.
        named = {"sni_hostname": self.url.raw_host.decode("ascii")} if self.url.scheme == "https" else {}
        return [(self.url.copy_with(host=str(address)), headers, named) for address in self.addresses]


class PictureHosts:
    """The rule for one endpoint. Its own reach is what its address says; it is not looked up, which it could exploit."""

    def __init__(self, endpoint: Address) -> None:
        known = parse_ip(endpoint.host)
        if known is not None:
            self._reach: Reach = reach_of(known)
        elif endpoint.local:
            self._reach = "loopback"
        else:
            self._reach = "private" if is_private(endpoint.host) else "public"

    def parse(self, url: str, base: httpx.URL | None = None) -> httpx.URL:
        """A URL, or one of a redirect from `base`. Raises `RemoteError` unless it is http or https and has a host."""
        try:
            found = httpx.URL(url if base is None else urljoin(str(base), url))
        except (httpx.InvalidURL, ValueError, TypeError):
            raise RemoteError("bad_url", "the picture URL is invalid") from None
        if found.scheme not in ("http", "https") or not found.host:
            raise RemoteError("bad_url", "the picture URL is neither http nor https")
        if set(found.host) & _NO_HOST:
            raise RemoteError("bad_url", "the picture URL is invalid")
        return found.copy_with(username="", password="") if found.userinfo else found

    async def check(self, url: httpx.URL, *, through_proxy: bool) -> Target:
        """Where to connect for a URL. Raises `RemoteError` if any of its addresses is out of bounds."""
        name = url.host.lower().rstrip(".")
        try:
            addresses = await look_up(url.host, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, UnicodeError):
            addresses = []
        reaches = [reach_of(address) for address in addresses]
        if not addresses and is_private(name):
            reaches = ["loopback" if name.endswith("localhost") else "private"]
        for reach in reaches:
            if reach not in _ALLOWED[self._reach]:
                raise RemoteError(
                    "bad_url", f"the picture URL points {_WHERE[reach]}, but the endpoint is remote. {_HINT}"
                )
        if through_proxy:
            return Target(url)  # Only the proxy may know the name.
        if not addresses:
            raise RemoteError(
                "connection", f"{url.host[:100]} is not known to the name server", retryable=True
            )
        return Target(url, tuple(addresses))
