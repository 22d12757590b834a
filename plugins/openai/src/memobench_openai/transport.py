"""Single HTTP attempts through the `openai` client. Every failure is raised as an `RemoteError`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import openai

from harness import RequestError
from harness.hub import certificate_problem
from harness.remote import (
    RemoteError,
    Secrets,
    excerpt,
    is_html,
    one_line,
    parse_retry_after,
)
from memobench_openai.address import Address
from memobench_openai.bodies import ACCEPTED, CHAT_BYTES, BadBody, body_bound
from memobench_openai.error_responses import classify_error_body, classify_status
from memobench_openai.json_values import parse
from memobench_openai.proxies import (
    DIRECT,
    Proxy,
    ProxyMode,
    client_settings,
    find_proxy,
)
from memobench_openai.sse import assemble, is_stream

Json = dict[str, Any]


class Transport:
    """A connection to one endpoint. Never retries: the caller does, because it knows the other requests."""

    def __init__(
        self,
        address: Address,
        key: str,
        *,
        timeout: float,
        hints: Mapping[str, str] | None = None,
        proxy: ProxyMode = "auto",
        max_bytes: int = CHAT_BYTES,
    ) -> None:
        """`timeout`: most seconds without any progress; the caller limits the whole attempt. `hints`: see `classify_status`.

        `max_bytes`: of the body of one reply, decompressed. Raises `RequestError` for a proxy that cannot be used.
        """
        self._hints = hints
        self.disturbances = 0
        """Attempts that broke off or failed in the server: behind the same address there may be another one now."""
        self.address, self._timeout = address, timeout
        self.proxy = find_proxy(address.scheme, address.host, proxy)
        hidden = self.proxy.secrets if self.proxy else ()
        self.secrets = Secrets((key, *address.secrets, f"{address.user}:{address.password}", *hidden))
        headers = {}
        if address.user and not key:
            pair = f"{address.user}:{address.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._client = openai.AsyncOpenAI(
            # The client requires a key; servers that need none ignore it.
            api_key=key or "none",
            base_url=address.full,
            timeout=timeout,
            max_retries=0,
            default_headers=headers,
            http_client=_http_client(self.proxy, timeout, address, max_bytes),
        )
        if not address.host.endswith("openai.com"):
            # The client reads them from the environment; other hosts must not see them.
            self._client.organization = self._client.project = None

    async def post(self, path: str, body: Json) -> Json:
        """Post `body` and return the JSON reply. `path` is relative to the base URL, or a full URL. Raises `RemoteError`."""
        return await self._attempt(lambda: self._client.post(path, cast_to=str, body=body))

    async def get(self, path: str, *, redirects: bool = True) -> Json:
        """Return the JSON object at `path`, without `redirects` from this endpoint only. Raises `RemoteError`."""
        options: Any = {} if redirects else {"follow_redirects": False}
        return await self._attempt(lambda: self._client.get(path, cast_to=str, options=options))

    async def close(self) -> None:
        await self._client.close()

    async def _attempt(self, send: Callable[[], Awaitable[str]]) -> Json:
        try:
            text = await send()
        except asyncio.CancelledError:
            self.disturbances += 1
            raise
        except openai.APIStatusError as e:
            error = classify_status(e.status_code, e.body, parse_retry_after(e.response.headers), self._hints)
            self.disturbances += e.status_code >= 500
        except openai.APITimeoutError:
            error = RemoteError("timeout", f"no reply within {self._timeout:g} seconds", retryable=True)
            self.disturbances += 1
        except BadBody as e:
            error = e.error
        except openai.APIConnectionError as e:
            refused = e.__cause__
            error = refused.error if isinstance(refused, BadBody) else _connection_error(e, self.proxy)
            self.disturbances += not isinstance(refused, BadBody)
        except openai.OpenAIError as e:
            error = RemoteError("client", f"{type(e).__name__}: {e}")
        else:
            try:
                return self._parse(text)
            except RemoteError as e:
                error = e
        raise self._redact(error) from None

    def _parse(self, text: str) -> Json:
        body: Any = None
        if is_stream(text):
            body = assemble(text)
        else:
            with contextlib.suppress(ValueError, RecursionError):
                body = parse(text)
        if not isinstance(body, dict):
            # Hidden before the text is cut: a part of a key is a secret, too.
            raise _not_json(self.secrets.hide(text[:4096]))
        if not body.get("choices") and not body.get("data"):
            # Some gateways and servers report a failure with status 200.
            if body.get("error"):
                raise classify_error_body(body["error"], self._hints)
            if "error" in (body.get("object"), body.get("type")) or body.get("errors"):
                raise classify_error_body(body.get("errors") or body, self._hints)
        cleaned: Json = self.secrets.hide_in(body)
        return cleaned

    def _redact(self, error: RemoteError) -> RemoteError:
        way = f" (through {self.proxy})" if self.proxy is not None and not error.refusal else ""
        error.message = one_line(self.secrets.hide(error.message), 300 - len(way)) + way
        return error


def _http_client(proxy: Proxy | None, timeout: float, address: Address, max_bytes: int) -> Any:
    """The client with our own choice of proxy, which would follow the environment by default, and with bounded bodies."""
    try:
        return openai.DefaultAsyncHttpxClient(
            timeout=timeout,
            headers={"Accept-Encoding": ACCEPTED},
            event_hooks={"request": [_same_host(address)], "response": [body_bound(max_bytes)]},
            **client_settings(proxy),
        )
    except Exception as e:
        if proxy is None or isinstance(e, OSError):  # such as a file of certificates that does not exist
            raise
        # The message may contain the whole URL, with its password.
        reason = (
            "it needs the package socksio"
            if isinstance(e, ImportError)
            else "it is not a valid URL of a proxy"
        )
        raise RequestError(
            f"Requests would go through {proxy}, which cannot be used: {reason}.",
            f"{'pip install socksio. ' if isinstance(e, ImportError) else ''}{DIRECT}",
        ) from None


def _same_host(address: Address) -> Any:
    """A hook of an HTTP client that stops a redirect to another host: it would see the request, and we its answer."""

    async def check(request: Any) -> None:
        if request.url.host != type(request.url)(str(address)).host:
            refused = BadBody("redirected", f"it redirects to another host, {request.url.host[:100]}")
            refused.error.fatal = "If that is the right one, name it in base_url."
            refused.error.unless_answered = True
            raise refused

    return check


def _not_json(text: str) -> RemoteError:
    if is_html(text):
        return RemoteError(
            "web_page",
            f"the answer is a web page, not JSON: {excerpt(text)}",
            retryable=True,
            unless_answered=True,
            fatal="Check base_url: it must name the API, not its web page; most end in /v1.",
        )
    return RemoteError(
        "bad_reply", f"the reply is not a JSON object: {excerpt(text) or 'it is empty'}", retryable=True
    )


def _connection_error(error: openai.APIConnectionError, proxy: Proxy | None) -> RemoteError:
    """The error for a failed connection. One that was never established is likely to fail for every request."""
    cause = error.__cause__
    reason = str(cause or "") or type(cause or error).__name__
    if type(cause).__name__ in ("ConnectError", "ConnectTimeout", "ProxyError"):
        hint = "Is the server running, and does base_url name its host and port?"
        if "CERTIFICATE" in reason:
            hint = certificate_problem() or "Name the file of the certificates to trust in SSL_CERT_FILE."
        elif proxy is not None:
            hint = f"Is the proxy running, and may it connect to this host? {DIRECT}"
        return RemoteError(
            "unreachable",
            f"no connection: {reason}",
            retryable=True,
            unless_answered=True,
            fatal=hint,
            outage=True,
        )
    return RemoteError("connection", f"the connection broke: {reason}", retryable=True)
