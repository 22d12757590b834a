"""Downloads pictures that an endpoint returns by URL: without its key, bounded in size and time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from harness.remote import RemoteError, parse_retry_after
from memobench_openai.address import Address
from memobench_openai.bodies import BadBody, Inflater, check_length
from memobench_openai.image_replies import MAX_BYTES
from memobench_openai.picture_hosts import PictureHosts, Target
from memobench_openai.proxies import (
    DIRECT,
    Proxy,
    ProxyMode,
    client_settings,
    find_proxy,
)

_REDIRECTS = 5
_RETRYABLE_STATUS = frozenset({408, 425, 429})


@dataclass(frozen=True)
class _Redirect:
    location: str


class ImageDownloader:
    """Sends no key: the URLs usually point to third-party storage."""

    def __init__(
        self, address: Address, timeout: float, max_bytes: int = MAX_BYTES, proxy: ProxyMode = "auto"
    ) -> None:
        """`address`: the endpoint that returned the URLs. `timeout`: seconds for one attempt, redirects included."""
        self._timeout, self._max_bytes = timeout, max_bytes
        self._hosts, self._proxy = PictureHosts(address), proxy
        self._clients: dict[str | None, httpx.AsyncClient] = {}
        """One for each proxy, and one without."""

    async def download(self, url: str) -> bytes:
        """Return the file at `url`. Raises `RemoteError`, whose message never contains the URL: it may be signed."""
        try:
            return await asyncio.wait_for(self._follow(url), self._timeout)
        except (TimeoutError, httpx.TimeoutException):
            raise RemoteError(
                "timeout",
                f"the picture download did not finish within {self._timeout:g} seconds",
                retryable=True,
            ) from None
        except httpx.InvalidURL:
            raise RemoteError("bad_url", "the picture URL is invalid") from None
        except httpx.HTTPError as e:
            reason = str(e) or type(e).__name__
            raise RemoteError(
                "connection", f"the picture could not be downloaded: {reason}", retryable=True
            ) from None

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def _follow(self, url: str) -> bytes:
        at = self._hosts.parse(url)
        for _ in range(_REDIRECTS + 1):
            proxy = await asyncio.to_thread(find_proxy, at.scheme, at.host, self._proxy)
            target = await self._hosts.check(at, through_proxy=proxy is not None)
            found = await self._ask(target, proxy)
            if isinstance(found, bytes):
                return found
            at = self._hosts.parse(found.location, at)
        raise RemoteError("bad_url", "the picture URL redirects too often")

    async def _ask(self, target: Target, proxy: Proxy | None) -> bytes | _Redirect:
        """What the first address that takes a connection answers."""
        attempts = target.attempts()
        for number, (url, headers, extensions) in enumerate(attempts, 1):
            try:
                request = self._client(proxy).stream("GET", url, headers=headers, extensions=extensions)
                async with request as response:
                    if response.has_redirect_location:
                        return _Redirect(response.headers["location"])
                    return await self._read(response, target.host)
            except httpx.TransportError as e:
                if isinstance(e, (httpx.ConnectError, httpx.ConnectTimeout)) and number < len(attempts):
                    continue
                if proxy is None or isinstance(e, httpx.TimeoutException):
                    raise
                message = f"the picture could not be downloaded through {proxy}: {e}"
                raise RemoteError("connection", message, retryable=True) from None
        raise AssertionError("a target has at least one attempt")

    def _client(self, proxy: Proxy | None) -> httpx.AsyncClient:
        name = None if proxy is None else proxy.url
        if name not in self._clients:  # Most endpoints send the picture inline.
            headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
            try:
                self._clients[name] = httpx.AsyncClient(
                    timeout=self._timeout, headers=headers, **client_settings(proxy)
                )
            except (ImportError, ValueError):
                # The message may contain the whole URL, with its password.
                raise RemoteError(
                    "proxy", f"{proxy} cannot be used to download pictures", fatal=DIRECT
                ) from None
        return self._clients[name]

    async def _read(self, response: httpx.Response, host: str) -> bytes:
        status = response.status_code
        if status != 200:
            wait = parse_retry_after(response.headers)
            raise RemoteError(
                "fetch_failed",
                f"{host} returned status {status} instead of the picture",
                retryable=status in _RETRYABLE_STATUS or status >= 500,
                retry_after=wait,
                throttle_all=status == 429 or wait is not None,
            )
        try:
            check_length(response.headers, self._max_bytes, "the picture file")
            inflater = Inflater(
                response.headers.get("content-encoding", ""), self._max_bytes, "the picture file"
            )
            # Undone here, step by step: the client decompresses without a bound.
            return b"".join([inflater.feed(chunk) async for chunk in response.aiter_raw()])
        except BadBody as e:
            raise e.error from None
