"""Classifies what clients of web services raise, by what their errors have in common: no client is imported.

Known by their shape are the errors of httpx, openai, anthropic, aiohttp, requests, google-genai, google-api-core, gRPC and
botocore, and those of Python itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from harness.hub import certificate_problem
from harness.remote.delays import body_delay, parse_retry_after
from harness.remote.errors import RemoteError
from harness.remote.responses import classify_response, is_html

_TIMEOUTS = frozenset(
    {"TimeoutException", "Timeout", "APITimeoutError", "ServerTimeoutError", "DeadlineExceeded"}
)
_NEVER_CONNECTED = frozenset(
    {"ConnectError", "ConnectTimeout", "ProxyError", "ClientConnectorError", "NewConnectionError", "ConnectTimeoutError",
     "ConnectionTimeoutError", "NameResolutionError", "EndpointConnectionError", "ClientProxyConnectionError"}
)  # fmt: skip
_BROKEN = frozenset(
    {"TransportError", "ConnectionError", "APIConnectionError", "ClientConnectionError", "ClientPayloadError",
     "ProtocolError", "ChunkedEncodingError", "HTTPClientError", "IncompleteRead"}
)  # fmt: skip
_GRPC = {
    "CANCELLED": 499, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404, "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429, "UNAUTHENTICATED": 401, "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503,
}  # fmt: skip
_DEEPEST = 8
LONGEST = 20_000
"""Characters of a body that are looked at."""


def classify_exception(error: BaseException) -> RemoteError:
    """The `RemoteError` for anything that a client, or the code around it, raises.

    An error with a status is an error response. Timeouts, broken connections and replies that are not JSON are worth a retry;
    a connection that was never established is likely to fail for every request. All else fails its own request.
    """
    if isinstance(error, RemoteError):
        return error
    status = status_of(error)
    if status:
        response = getattr(error, "response", None)
        headers = _headers(error, response)
        body = _body(error, response)
        wait = parse_retry_after(headers)
        if wait is None:
            wait = _details_delay(error)
        return classify_response(status, body, wait)
    return _without_response(error)


def status_of(error: object) -> int:
    """The HTTP status of an error response; 0 if the error is none."""
    for found in _statuses(error):
        if callable(found):  # gRPC
            with contextlib.suppress(Exception):
                found = _GRPC.get(str(getattr(found(), "name", "")), 0)
        if isinstance(found, int) and not isinstance(found, bool) and 400 <= found < 600:
            return int(found)
    return 0


def _statuses(error: object) -> Iterator[object]:
    """What may be a status, the most certain first: none is looked at without need, as old names of it may warn."""
    response = getattr(error, "response", None)
    for owner, name in (
        (error, "status_code"),
        (error, "status"),
        (response, "status_code"),
        (response, "status"),
        (error, "code"),
    ):
        with contextlib.suppress(Exception):
            yield getattr(owner, name, None)
    if isinstance(response, Mapping):  # botocore
        metadata = response.get("ResponseMetadata")
        yield metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None


def _without_response(error: BaseException) -> RemoteError:
    chain = list(_chain(error))
    names = {kind.__name__ for part in chain for kind in type(part).__mro__}
    text = _text(error)
    if any(isinstance(part, ssl.SSLCertVerificationError) for part in chain) or "CERTIFICATE_VERIFY" in text:
        hint = certificate_problem() or "Name the file of the certificates to trust in SSL_CERT_FILE."
        return _unreachable(text, hint)
    if names & _NEVER_CONNECTED or any(
        isinstance(p, (ConnectionRefusedError, socket.gaierror)) for p in chain
    ):
        return _unreachable(_innermost(chain), "Is the service running, and is its address right?")
    timeouts = (asyncio.TimeoutError, TimeoutError)
    if names & _TIMEOUTS or any(isinstance(part, timeouts) for part in chain):
        return RemoteError("timeout", f"no reply in time: {text}", retryable=True)
    if names & _BROKEN or any(isinstance(part, (ConnectionError, ssl.SSLError)) for part in chain):
        return RemoteError("connection", f"the connection broke: {_innermost(chain)}", retryable=True)
    if isinstance(error, json.JSONDecodeError):
        return bad_reply(error.doc)
    if "ContentTypeError" in names:
        return RemoteError("bad_reply", f"the reply is not JSON: {text}", retryable=True)
    return RemoteError(type(error).__name__, text, origin=error)


def bad_reply(document: str) -> RemoteError:
    """The error of a reply that is not JSON."""
    if is_html(document):
        return RemoteError(
            "web_page",
            f"the answer is a web page, not JSON: {document[:LONGEST]}",
            retryable=True,
            unless_answered=True,
            fatal="Check the address: it must name the API, not its web page.",
        )
    said = document[:LONGEST].strip() or "it is empty"
    return RemoteError("bad_reply", f"the reply is not JSON: {said}", retryable=True)


def _unreachable(reason: str, hint: str) -> RemoteError:
    return RemoteError(
        "unreachable",
        f"no connection: {reason}",
        retryable=True,
        fatal=hint,
        unless_answered=True,
        outage=True,
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it. A client wraps the cause in its own, some as an argument."""
    found: BaseException | None = error
    for _ in range(_DEEPEST):
        if found is None:
            return
        yield found
        wrapped = [a for a in (*found.args, getattr(found, "reason", None)) if isinstance(a, BaseException)]
        # What a plugin's own code raises while it handles an error may have nothing to do with that.
        client = type(found).__module__ != "builtins" and not found.__suppress_context__
        found = found.__cause__ or (wrapped[0] if wrapped else found.__context__ if client else None)


def _innermost(chain: list[BaseException]) -> str:
    """What says most of why there is no connection: the error of the operating system where there is one."""
    system = [
        part
        for part in chain
        if isinstance(part, OSError) and type(part).__module__ in ("builtins", "socket")
    ]
    return _text(system[-1] if system else chain[0])


def _headers(error: object, response: object) -> dict[str, str]:
    """The headers of an error response, by lower-case names."""
    for owner in (response, error):
        found: Any = getattr(owner, "headers", None)
        if isinstance(owner, Mapping):
            found = owner.get("ResponseMetadata", {}).get("HTTPHeaders")
        with contextlib.suppress(Exception):
            if found:
                return {str(name).lower(): str(value) for name, value in found.items()}
    return {}


def _body(error: object, response: object) -> object:
    """The body of an error response as JSON or text; else what the error says of it."""
    for found in (getattr(error, "body", None), getattr(error, "details", None)):
        if callable(found):  # gRPC
            with contextlib.suppress(Exception):
                found = found()
        if isinstance(found, (dict, list)) and found and not _has_objects(found):
            return found
        if isinstance(found, (str, bytes)) and found:
            return _parsed(found)
    if isinstance(response, Mapping):
        return response.get("Error") or _text(error)
    text: object = None
    with contextlib.suppress(Exception):  # a response that was not read, or whose text is a coroutine
        text = response.text  # type: ignore[attr-defined]
    if isinstance(text, (str, bytes)) and text:
        return _parsed(text)
    message = getattr(error, "message", None)
    return _parsed(message) if isinstance(message, str) and message else _text(error)


def _has_objects(found: dict[str, Any] | list[Any]) -> bool:
    """Whether it is a list of messages of a library, as google-api-core has them, and no JSON."""
    return isinstance(found, list) and not all(isinstance(part, (dict, str)) for part in found)


def _parsed(text: str | bytes) -> object:
    if isinstance(text, bytes):
        text = text[:LONGEST].decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return text[:LONGEST]


def _details_delay(error: object) -> float | None:
    """The delay in a `google.rpc.RetryInfo` message among the details of an error."""
    details = getattr(error, "details", None)
    for part in details if isinstance(details, (list, tuple)) else ():
        delay = getattr(part, "retry_delay", None)
        seconds = getattr(delay, "seconds", None)
        if isinstance(seconds, (int, float)):
            return body_delay({"retry_after": seconds + getattr(delay, "nanos", 0) / 1e9}, "")
    return None


def _text(error: object) -> str:
    try:
        text = str(error)
    except Exception:  # an error of a plugin's client may fail in its own text
        text = ""
    return text[:LONGEST] or type(error).__name__
