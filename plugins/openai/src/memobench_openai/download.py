"""Downloads pictures that an endpoint returns by URL: without its key, bounded in size and time."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin, urlsplit

import httpx

from memobench_openai.address import Address
from memobench_openai.errors import ApiError
from memobench_openai.hosts import parse_ip
from memobench_openai.image_replies import MAX_BYTES
from memobench_openai.proxies import DIRECT, Proxy, ProxyMode, client_settings, find_proxy
from memobench_openai.retry import parse_retry_after

_REDIRECTS = 5
_RETRYABLE_STATUS = frozenset({408, 425, 429})


class ImageDownloader:
    """Sends no key: the URLs usually point to third-party storage."""

    def __init__(
        self, address: Address, timeout: float, max_bytes: int = MAX_BYTES, proxy: ProxyMode = "auto"
    ) -> None:
        """`address`: the endpoint that returned the URLs. `timeout`: seconds for one attempt, redirects included."""
        self._endpoint_is_local, self._timeout, self._max_bytes = address.local, timeout, max_bytes
        self._proxy = proxy
        self._clients: dict[str | None, httpx.AsyncClient] = {}
        """One for each proxy, and one without."""

    async def download(self, url: str) -> bytes:
        """Return the file at `url`. Raises `ApiError`, whose message never contains the URL: it may be signed."""
        try:
            return await asyncio.wait_for(self._follow(url), self._timeout)
        except (asyncio.TimeoutError, httpx.TimeoutException):
            raise ApiError(
                "timeout",
                f"the picture download did not finish within {self._timeout:g} seconds",
                retryable=True,
            ) from None
        except httpx.InvalidURL:
            raise ApiError("bad_url", "the picture URL is invalid") from None
        except httpx.HTTPError as e:
            reason = str(e) or type(e).__name__
            raise ApiError(
                "connection", f"the picture could not be downloaded: {reason}", retryable=True
            ) from None

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def _follow(self, url: str) -> bytes:
        for _ in range(_REDIRECTS + 1):
            host = self._host(url)
            proxy = await asyncio.to_thread(find_proxy, urlsplit(url).scheme, host, self._proxy)
            try:
                async with self._client(proxy).stream("GET", url) as response:
                    if not response.has_redirect_location:
                        return await self._read(response, host)
                    url = urljoin(url, response.headers["location"])
            except httpx.TransportError as e:
                if proxy is None or isinstance(e, httpx.TimeoutException):
                    raise
                message = f"the picture could not be downloaded through {proxy}: {e}"
                raise ApiError("connection", message, retryable=True) from None
        raise ApiError("bad_url", "the picture URL redirects too often")

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
                raise ApiError(
                    "proxy", f"{proxy} cannot be used to download pictures", fatal=DIRECT
                ) from None
        return self._clients[name]

    def _host(self, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ApiError("bad_url", "the picture URL is invalid") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError("bad_url", "the picture URL is neither http nor https")
        if not self._endpoint_is_local and _is_internal(parts.hostname):
            # A remote service must not make us request addresses that only this machine can reach.
            raise ApiError("bad_url", "the picture URL points to this machine, but the endpoint is remote")
        return parts.hostname

    async def _read(self, response: httpx.Response, host: str) -> bytes:
        status = response.status_code
        if status != 200:
            wait = parse_retry_after(response.headers)
            raise ApiError(
                "fetch_failed",
                f"{host} returned status {status} instead of the picture",
                retryable=status in _RETRYABLE_STATUS or status >= 500,
                retry_after=wait,
                throttle_all=status == 429 or wait is not None,
            )
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > self._max_bytes:
                raise ApiError("too_large", f"the picture file exceeds {self._max_bytes // 2**20} MB")
        return bytes(data)


def _is_internal(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    number = parse_ip(host)
    return number is not None and (number.is_loopback or number.is_link_local or number.is_unspecified)
