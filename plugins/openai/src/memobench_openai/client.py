"""One attempt at one HTTP request, through the `openai` client. Every failure comes out as a `Fault`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import openai

from memobench_openai.address import Address
from memobench_openai.faults import Fault
from memobench_openai.keys import Secrets
from memobench_openai.retry import retry_after
from memobench_openai.verdict import explain, judge_hidden, judge_status

Json = dict[str, Any]


class Wire:
    """A connection to one endpoint. Retries nothing: that is for the caller, who knows the other requests."""

    def __init__(
        self,
        address: Address,
        key: str,
        *,
        key_env: str,
        timeout: float,
        advice: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout`: seconds for one attempt, from first byte sent to last byte received. `advice`: see `judge_status`."""
        self._advice = advice
        self.address, self.key_env, self._timeout = address, key_env if key else "", timeout
        self.secrets = Secrets((key, *address.secrets, f"{address.user}:{address.password}"))
        headers = {}
        if address.user and not key:
            pair = f"{address.user}:{address.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._client = openai.AsyncOpenAI(
            # The client insists on a key; servers that need none ignore this one.
            api_key=key or "none",
            base_url=address.full,
            timeout=timeout,
            max_retries=0,
            default_headers=headers,
        )
        if not address.host.endswith("openai.com"):
            # Read from the environment by the client, and nobody else's business.
            self._client.organization = self._client.project = None

    async def post(self, path: str, body: Json) -> Json:
        """The JSON object that answers `body`. `path` follows the base URL, or is a whole URL. Raises `Fault`."""
        return await self._attempt(lambda: self._client.post(path, cast_to=str, body=body))

    async def get(self, path: str) -> Json:
        """The JSON object at `path`. Raises `Fault`."""
        return await self._attempt(lambda: self._client.get(path, cast_to=str))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _attempt(self, send: Callable[[], Awaitable[str]]) -> Json:
        try:
            text = await asyncio.wait_for(send(), self._timeout)
        except openai.APIStatusError as e:
            fault = judge_status(e.status_code, e.body, retry_after(e.response.headers), self._advice)
        except (asyncio.TimeoutError, openai.APITimeoutError):
            fault = Fault("timeout", f"no answer within {self._timeout:g} seconds", retryable=True)
        except openai.APIConnectionError as e:
            fault = _connection_fault(e)
        except openai.OpenAIError as e:
            fault = Fault("client", f"{type(e).__name__}: {e}")
        else:
            return self._parsed(text)
        raise self._safe(fault) from None

    def _parsed(self, text: str) -> Json:
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Fault("bad_reply", "the reply is not a JSON object", retryable=True)
        if body.get("error") and not body.get("choices") and not body.get("data"):
            # Some gateways report a failure behind them with status 200.
            raise self._safe(judge_hidden(body["error"], self._advice))
        cleaned: Json = self.secrets.hide_in(body)
        return cleaned

    def _safe(self, fault: Fault) -> Fault:
        fault.message = explain(self.secrets.hide(fault.message))
        return fault


def _connection_fault(error: openai.APIConnectionError) -> Fault:
    """A connection that failed. One that never came about is likely to fail for every request."""
    cause = error.__cause__
    reason = str(cause or "") or type(cause or error).__name__
    if type(cause).__name__ in ("ConnectError", "ConnectTimeout"):
        return Fault(
            "unreachable",
            f"no connection: {reason}",
            retryable=True,
            unless_answered=True,
            ends="Is the server running, and does base_url name its host and port?",
        )
    return Fault("connection", f"the connection broke: {reason}", retryable=True)
