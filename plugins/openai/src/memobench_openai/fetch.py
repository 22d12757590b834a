"""Fetches pictures that an endpoint gives by address: without its key, bounded in size and time."""

from __future__ import annotations

import asyncio
import ipaddress
from urllib.parse import urljoin, urlsplit

import httpx

from memobench_openai.address import Address
from memobench_openai.faults import Fault
from memobench_openai.image_replies import MAX_BYTES
from memobench_openai.retry import retry_after

_REDIRECTS = 5
_PASSING = frozenset({408, 425, 429})


class Fetcher:
    """Knows no key: addresses lead to storage of others."""

    def __init__(self, address: Address, timeout: float, max_bytes: int = MAX_BYTES) -> None:
        """`address`: the endpoint that gives the addresses. `timeout`: seconds for one attempt, redirects included."""
        self._inside, self._timeout, self._max_bytes = address.local, timeout, max_bytes
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, url: str) -> bytes:
        """The file at `url`. Raises `Fault`, which never repeats the address: it may be signed."""
        try:
            return await asyncio.wait_for(self._follow(url), self._timeout)
        except (asyncio.TimeoutError, httpx.TimeoutException):
            raise Fault(
                "timeout", f"the picture did not come within {self._timeout:g} seconds", retryable=True
            ) from None
        except httpx.InvalidURL:
            raise Fault("bad_url", "the picture's address is not a URL") from None
        except httpx.HTTPError as e:
            reason = str(e) or type(e).__name__
            raise Fault("connection", f"the picture could not be fetched: {reason}", retryable=True) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _follow(self, url: str) -> bytes:
        if self._client is None:  # Most endpoints send the picture itself.
            headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
            self._client = httpx.AsyncClient(timeout=self._timeout, headers=headers)
        for _ in range(_REDIRECTS + 1):
            host = self._host(url)
            async with self._client.stream("GET", url) as response:
                if not response.has_redirect_location:
                    return await self._read(response, host)
                url = urljoin(url, response.headers["location"])
        raise Fault("bad_url", "the picture's address leads from one to the next without end")

    def _host(self, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise Fault("bad_url", "the picture's address is not a URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Fault("bad_url", "the picture's address is neither http nor https")
        if not self._inside and _is_inside(parts.hostname):
            # A service elsewhere has no business with what only this machine can reach.
            raise Fault("bad_url", "the picture's address is on this machine, and the endpoint is not")
        return parts.hostname

    async def _read(self, response: httpx.Response, host: str) -> bytes:
        status = response.status_code
        if status != 200:
            wait = retry_after(response.headers)
            raise Fault(
                "fetch_failed",
                f"{host} answers {status} where the picture should be",
                retryable=status in _PASSING or status >= 500,
                wait=wait,
                shared=status == 429 or wait is not None,
            )
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > self._max_bytes:
                raise Fault("too_large", f"the picture's file has more than {self._max_bytes // 2**20} MB")
        return bytes(data)


def _is_inside(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_loopback or number.is_link_local or number.is_unspecified
