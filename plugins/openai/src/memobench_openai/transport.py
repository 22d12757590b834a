"""Single HTTP attempts through the `openai` client. Every failure is raised as an `ApiError`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import openai

from memobench_openai.address import Address
from memobench_openai.error_responses import classify_error_body, classify_status, one_line
from memobench_openai.errors import ApiError
from memobench_openai.keys import Secrets
from memobench_openai.retry import parse_retry_after

Json = dict[str, Any]


class Transport:
    """A connection to one endpoint. Never retries: the caller does, because it knows the other requests."""

    def __init__(
        self,
        address: Address,
        key: str,
        *,
        key_env: str,
        timeout: float,
        hints: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout`: seconds for one attempt, from the first byte sent to the last byte received. `hints`: see `classify_status`."""
        self._hints = hints
        self.address, self.key_env, self._timeout = address, key_env if key else "", timeout
        self.secrets = Secrets((key, *address.secrets, f"{address.user}:{address.password}"))
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
        )
        if not address.host.endswith("openai.com"):
            # The client reads them from the environment; other hosts must not see them.
            self._client.organization = self._client.project = None

    async def post(self, path: str, body: Json) -> Json:
        """Post `body` and return the JSON reply. `path` is relative to the base URL, or a full URL. Raises `ApiError`."""
        return await self._attempt(lambda: self._client.post(path, cast_to=str, body=body))

    async def get(self, path: str) -> Json:
        """Return the JSON object at `path`. Raises `ApiError`."""
        return await self._attempt(lambda: self._client.get(path, cast_to=str))

    async def close(self) -> None:
        await self._client.close()

    async def _attempt(self, send: Callable[[], Awaitable[str]]) -> Json:
        try:
            text = await asyncio.wait_for(send(), self._timeout)
        except openai.APIStatusError as e:
            error = classify_status(e.status_code, e.body, parse_retry_after(e.response.headers), self._hints)
        except (asyncio.TimeoutError, openai.APITimeoutError):
            error = ApiError("timeout", f"no reply within {self._timeout:g} seconds", retryable=True)
        except openai.APIConnectionError as e:
            error = _connection_error(e)
        except openai.OpenAIError as e:
            error = ApiError("client", f"{type(e).__name__}: {e}")
        else:
            return self._parse(text)
        raise self._redact(error) from None

    def _parse(self, text: str) -> Json:
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ApiError("bad_reply", "the reply is not a JSON object", retryable=True)
        if body.get("error") and not body.get("choices") and not body.get("data"):
            # Some gateways report an upstream failure with status 200.
            raise self._redact(classify_error_body(body["error"], self._hints))
        cleaned: Json = self.secrets.hide_in(body)
        return cleaned

    def _redact(self, error: ApiError) -> ApiError:
        error.message = one_line(self.secrets.hide(error.message))
        return error


def _connection_error(error: openai.APIConnectionError) -> ApiError:
    """The error for a failed connection. One that was never established is likely to fail for every request."""
    cause = error.__cause__
    reason = str(cause or "") or type(cause or error).__name__
    if type(cause).__name__ in ("ConnectError", "ConnectTimeout"):
        return ApiError(
            "unreachable",
            f"no connection: {reason}",
            retryable=True,
            unless_answered=True,
            fatal="Is the server running, and does base_url name its host and port?",
        )
    return ApiError("connection", f"the connection broke: {reason}", retryable=True)
