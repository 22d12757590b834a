"""Errors of clients, as they raise them, and what is made of them. No client is imported by the core."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from harness import RemoteError
from harness.remote import body_delay, classify_exception, classify_response


def raised(make: Callable[[], Any]) -> BaseException:
    try:
        make()
    except BaseException as e:
        return e
    raise AssertionError("nothing was raised")


def shape(error: BaseException) -> tuple[str, bool, str, bool, bool]:
    """Kind, retryable, fatal, refusal, outage."""
    found = classify_exception(error)
    fatal = found.fatal if found.fatal in ("key", "model", "path", "") else "hint"
    return found.kind, found.retryable, fatal, found.refusal, found.outage


RETRIED = {408: "server_busy", 409: "server_busy", 429: "rate_limited", 500: "server_error"}
STATUS: dict[int, tuple[str, bool, str, bool, bool]] = {
    400: ("rejected", False, "", False, False),
    401: ("key_refused", False, "key", False, False),
    402: ("no_quota", False, "hint", False, False),
    403: ("forbidden", False, "hint", False, False),
    404: ("not_found", False, "path", False, False),
    405: ("not_found", False, "path", False, False),
    407: ("proxy_refused", False, "hint", False, False),
    413: ("too_large", False, "", False, False),
    502: ("server_error", True, "", False, True),
    503: ("server_error", True, "", False, True),
} | {status: (kind, True, "", False, False) for status, kind in RETRIED.items()}


class Code(Enum):
    RESOURCE_EXHAUSTED = 8


def styles(status: int, body: str, headers: dict[str, str]) -> dict[str, Exception]:
    """The same error response as different clients raise it."""

    def error(**fields: Any) -> Exception:
        made = Exception(f"HTTP {status}")
        vars(made).update(fields)
        return made

    parsed = json.loads(body)
    capitals = {name.title(): value for name, value in headers.items()}
    return {
        "openai": error(status_code=status, body=parsed, response=SimpleNamespace(headers=capitals)),
        "httpx": error(response=SimpleNamespace(status_code=status, text=body, headers=headers)),
        "requests": error(response=SimpleNamespace(status_code=status, text=body, headers=capitals)),
        "aiohttp": error(status=status, message=body, headers=capitals),
        "google-genai": error(code=status, status="X", details=parsed, response=SimpleNamespace(headers=headers)),
        "botocore": error(response={"ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}, "Error": parsed["error"]}),
    }  # fmt: skip


@pytest.mark.parametrize("client", styles(400, '{"error": {}}', {}))
@pytest.mark.parametrize("status", STATUS)
def test_a_status_means_the_same_from_every_client(client: str, status: int) -> None:
    body = '{"error": {"message": "no", "code": "x"}}'
    error = styles(status, body, {"retry-after": "7"})[client]
    assert shape(error) == STATUS[status]
    found = classify_exception(error)
    assert found.message == f"{status}: no"
    if found.retryable:
        assert (found.retry_after, found.throttle_all) == (7.0, True)


def test_errors_of_grpc_and_google_api_core() -> None:
    error = Exception("quota")
    error.code = lambda: Code.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    error.details = lambda: "Quota exceeded, retry in 4s"  # type: ignore[attr-defined]
    found = classify_exception(error)
    assert (found.kind, found.retry_after, found.message) == (
        "rate_limited",
        4.0,
        "429: Quota exceeded, retry in 4s",
    )
    info = SimpleNamespace(retry_delay=SimpleNamespace(seconds=3, nanos=500_000_000))
    core = Exception("429 Resource exhausted")
    vars(core).update(code=429, message="Resource exhausted", details=[SimpleNamespace(), info])
    found = classify_exception(core)
    assert (found.kind, found.retry_after, found.message) == ("rate_limited", 3.5, "429: Resource exhausted")


def test_retry_info_in_a_body() -> None:
    body = {"error": {"code": 429, "message": "quota", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]}}  # fmt: skip
    assert classify_response(429, body).retry_after == 34.5
    assert body_delay({"retry_after": float("nan")}, "") is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": "content_filter", "message": "x"}}, ("refused", True)),
        ({"error": {"message": "Your request was flagged by our moderation"}}, ("refused", True)),
        ({"detail": "field required"}, ("rejected", False)),
        ("API key not valid", ("key_refused", False)),
        ("Your credit balance is too low", ("no_quota", False)),
    ],
)
def test_bodies_tell_refusals_keys_and_credit_apart(body: object, expected: tuple[str, bool]) -> None:
    found = classify_response(400, body)
    assert (found.kind, found.refusal) == expected


def test_a_model_that_is_not_there() -> None:
    assert classify_response(404, {"error": {"message": "The model `x` does not exist"}}).fatal == "model"
    assert classify_response(404, "<html>no model of a page</html>").fatal == "path"


def named(*names: str, base: type[Exception] = Exception) -> Exception:
    """An error whose classes have these names, the outermost first."""
    kind = base
    for name in reversed(names):
        kind = type(name, (kind,), {"__module__": "some_client"})
    return kind("why")


def wrapping(outer: Exception, cause: Exception, how: str) -> BaseException:
    def make() -> None:
        if how == "argument":
            outer.args = (cause,)
            raise outer
        try:
            raise cause
        except Exception as e:
            if how == "cause":
                raise outer from e
            raise outer  # noqa: B904 - as some clients do

    return raised(make)


UNREACHABLE = ("unreachable", True, "hint", False, True)
CONNECTION = ("connection", True, "", False, False)
TIMEOUT = ("timeout", True, "", False, False)
CONNECTIONS: dict[str, tuple[BaseException, Any]] = {
    "refused": (ConnectionRefusedError(111, "refused"), UNREACHABLE),
    "no such host": (socket.gaierror(-2, "Name or service not known"), UNREACHABLE),
    "httpx connect": (named("ConnectError", "NetworkError", "TransportError"), UNREACHABLE),
    "httpx connect timeout": (named("ConnectTimeout", "TimeoutException", "TransportError"), UNREACHABLE),
    "httpx read timeout": (named("ReadTimeout", "TimeoutException", "TransportError"), TIMEOUT),
    "httpx broken": (named("RemoteProtocolError", "ProtocolError", "TransportError"), CONNECTION),
    "openai connect": (wrapping(named("APIConnectionError"), named("ConnectError", "TransportError"), "cause"), UNREACHABLE),
    "openai timeout": (wrapping(named("APITimeoutError", "APIConnectionError"), named("ReadTimeout", "TimeoutException"), "cause"), TIMEOUT),
    "openai broken": (wrapping(named("APIConnectionError"), named("ReadError", "TransportError"), "cause"), CONNECTION),
    "requests connect": (wrapping(named("ConnectionError"), named("NewConnectionError"), "argument"), UNREACHABLE),
    "requests broken": (wrapping(named("ConnectionError"), ConnectionResetError("reset"), "context"), CONNECTION),
    "aiohttp connect": (named("ClientConnectorError", "ClientConnectionError", base=OSError), UNREACHABLE),
    "aiohttp disconnected": (named("ServerDisconnectedError", "ClientConnectionError"), CONNECTION),
    "aiohttp not JSON": (named("ContentTypeError", "ClientResponseError"), ("bad_reply", True, "", False, False)),
    "asyncio timeout": (asyncio.TimeoutError(), TIMEOUT),
    "timeout": (TimeoutError("slow"), TIMEOUT),
    "reset": (ConnectionResetError("gone"), CONNECTION),
    "pipe": (BrokenPipeError(), CONNECTION),
    "urllib": (urllib.error.URLError(ConnectionRefusedError("no")), UNREACHABLE),
    "certificate": (ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED"), UNREACHABLE),
    "not JSON": (raised(lambda: json.loads("hello")), ("bad_reply", True, "", False, False)),
    "a web page": (raised(lambda: json.loads("<!DOCTYPE html><html>")), ("web_page", True, "hint", False, False)),
    "a fault of the plugin": (raised(lambda: {}["choices"]), ("KeyError", False, "", False, False)),
    "a fault after a timeout": (wrapping(ValueError("x"), TimeoutError(), "context"), ("ValueError", False, "", False, False)),
}  # fmt: skip


@pytest.mark.parametrize(("error", "expected"), CONNECTIONS.values(), ids=CONNECTIONS.keys())
def test_errors_without_a_response(error: BaseException, expected: Any) -> None:
    assert shape(error) == expected


def test_what_was_not_foreseen_is_kept_for_the_traceback() -> None:
    error = ValueError("x")
    assert classify_exception(error).origin is error
    assert classify_exception(TimeoutError()).origin is None


def test_a_remote_error_stays_as_it_is() -> None:
    error = RemoteError("k", "m")
    assert classify_exception(error) is error
    assert RemoteError("k", "m", fatal=True).fatal  # type: ignore[arg-type]
    assert RemoteError("k", "m", fatal=True).hint  # type: ignore[arg-type]


def test_errors_that_fail_themselves() -> None:
    class Silent(Exception):
        status_code = 500

        def __str__(self) -> str:
            raise RuntimeError

        @property
        def response(self) -> Any:
            return SimpleNamespace(headers=5, text=b"\xff\xfe")

    assert classify_exception(Silent()).kind == "server_error"
    del Silent.status_code
    assert classify_exception(Silent()).message == "Silent"


@pytest.mark.parametrize("client", ["httpx", "openai"])
def test_real_errors_of_installed_clients(client: str) -> None:
    httpx = pytest.importorskip("httpx")
    request = httpx.Request("POST", "https://api.example.org/v1/x")
    response = httpx.Response(
        429, headers={"Retry-After": "9"}, json={"error": {"message": "slow down"}}, request=request
    )
    if client == "httpx":
        error = raised(response.raise_for_status)
    else:
        openai = pytest.importorskip("openai")
        error = openai.RateLimitError("slow down", response=response, body={"message": "slow down"})
    found = classify_exception(error)
    assert (found.kind, found.message, found.retry_after) == ("rate_limited", "429: slow down", 9.0)
    streamed = httpx.Response(500, stream=httpx.ByteStream(b"x"), request=request)
    assert (
        classify_exception(httpx.HTTPStatusError("500 oops", request=request, response=streamed)).kind
        == "server_error"
    )


def test_the_core_imports_no_client() -> None:
    code = "import sys, harness.remote; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert not {"httpx", "openai", "aiohttp", "requests", "urllib3", "anyio"} & set(done.stdout.split())
