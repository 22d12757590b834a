"""What stands before every page: headers, and checks of who asks, from where, how much and how often."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness import HarnessError

LOG = logging.getLogger(__name__)
BODY, ADDRESS, FIELDS = 64 * 1024, 2048, 100
"""Bytes of a form, bytes of an address, fields of a form."""
PER_PERSON, PER_ADDRESS = (20, 60), (50, 600)
"""Requests a second, and at once: of a device that is known, and of all others of an address.

A class that begins together may share an address; links are too random to be guessed at any rate.
"""
CHEAP = ("/static/", "/favicon.ico")
"""Addresses that are answered from memory, and count for nobody: browsers ask for them by themselves."""
PATIENCE = 20.0
"""Seconds until a form must have arrived."""
POLICY = {
    "content-security-policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    # With `no-referrer`, browsers send `Origin: null` with forms: `same-origin` tells other sites as little.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}
FORM = "memobench.form"
"""Where the scope of a request has its form."""
Note = Callable[[str, "int | None", str], None]


class Refused(Exception):
    """A request that is not answered as it wishes."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(status)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Buckets:
    """Token buckets by key: `rate` a second, at most `burst` at once. The longest unused ones are forgotten."""

    MOST = 10_000

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Take one token; False where there is none."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._rate)
            allowed = left >= 1
            self._left[key] = (left - 1 if allowed else left, now)
            while len(self._left) > self.MOST:
                self._left.popitem(last=False)
            return allowed


class Rules:
    """Who may ask what, and how often. Kept in memory: a restart forgets only how often somebody asked."""

    def __init__(
        self,
        hosts: Iterable[str],
        cookies: Iterable[str],
        note: Note,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cookies`: names of the cookies that say who somebody is. `note` stores an event."""
        self._hosts = frozenset(_host(host) for host in hosts)
        self._cookies, self._note = tuple(cookies), note
        self._by_cookie, self._by_address = Buckets(*PER_PERSON, clock), Buckets(*PER_ADDRESS, clock)
        self.joining = Buckets(10, 200, clock)
        """New people without a personal link, by address."""
        self._notes = {"rate_limited": Buckets(1 / 60, 1, clock), "": Buckets(0.2, 20, clock)}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def know(self, cookie: str) -> None:
        """A cookie was found to be somebody's: its requests count for that person, not for the address."""
        with self._lock:
            self._known[_digest(cookie)] = None
            self._known.move_to_end(_digest(cookie))
            while len(self._known) > Buckets.MOST:
                self._known.popitem(last=False)

    def note(self, kind: str, rater: int | None, text: str) -> None:
        """Store an event, unless there are so many of this kind that they would fill the disk."""
        if self._notes.get(kind, self._notes[""]).take(kind):
            self._note(kind, rater, text)

    def check(self, scope: Scope, headers: Headers) -> None:
        """Raise `Refused` for a request that is refused before anything of it is read."""
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > ADDRESS:
            raise Refused(414)
        given = headers.getlist("host")
        if len(given) != 1:
            raise Refused(400)
        if _host(given[0]) not in self._hosts:
            raise Refused(421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise Refused(405, allow="GET, HEAD, POST")
        if not scope["path"].startswith(CHEAP) and not self._may_ask(scope, headers):
            raise Refused(429, retry_after="2")
        if scope["method"] == "POST" and not self._own_page(headers):
            raise Refused(403)

    def _may_ask(self, scope: Scope, headers: Headers) -> bool:
        for name in self._cookies:
            cookie = _digest(cookie_value(headers, name))
            if cookie in self._known:
                return self._by_cookie.take(cookie)
        return self._by_address.take(_network(address(scope)))

    def _own_page(self, headers: Headers) -> bool:
        """Whether a form was sent by a page of ours."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is None or origin == "null":
            # Browsers set Sec-Fetch-Site, and no page can. Some leave `Origin` out, or empty it.
            return site == "same-origin" or (site == "none" and origin is None)
        try:
            found = urlsplit(origin)
        except ValueError:
            return False
        return found.scheme in ("http", "https") and _host(found.netloc) in self._hosts


class Guard:
    """Applies the rules to every request, sets the headers of every response, and hides what went wrong inside."""

    def __init__(self, app: ASGIApp, rules: Rules, refuse: Callable[[Headers, int], Response]) -> None:
        """`refuse` makes the page for a status."""
        self._app, self._rules, self._refuse = app, rules, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, headers = False, Headers(scope=scope)

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                sent = MutableHeaders(scope=message)
                for name, value in POLICY.items():
                    sent[name] = value
                sent.setdefault("cache-control", "no-store")
            await send(message)

        try:
            self._rules.check(scope, headers)
            if scope["method"] == "POST":
                scope[FORM] = form(await body(headers, receive), headers.get("content-type", ""))
            await self._app(scope, receive, guarded)
        except Refused as e:
            await anyio.to_thread.run_sync(self._tell, scope, headers, e.status)
            response = self._refuse(headers, e.status)
            response.headers.update(e.headers)
            await response(scope, receive, guarded)
        except Exception as e:
            what = f"{scope['method']} /{scope['path'].split('/')[1][:20]}"
            if isinstance(e, HarnessError):
                LOG.error("%s is not answered: %s %s", what, e.message, e.hint)
            else:
                LOG.exception("%s failed", what)
            if started:
                raise
            await self._refuse(headers, 500)(scope, receive, guarded)

    def _tell(self, scope: Scope, headers: Headers, status: int) -> None:
        kinds = {403: "wrong_origin", 429: "rate_limited"}
        if status not in kinds:
            return
        said = (
            f"Origin {shown(headers.get('origin', '-'))}"
            if status == 403
            else shown(scope["path"].split("/")[1])
        )
        try:
            self._rules.note(kinds[status], None, f"{shown(address(scope))}: {said}")
        except Exception:
            LOG.exception("an event could not be stored")


async def body(headers: Headers, receive: Receive) -> bytes:
    """The body of a request. Raises `Refused` for a long one without reading all of it, and for a slow one."""
    announced = headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise Refused(400, connection="close")
    if len(announced) > 9 or int(announced) > BODY:
        raise Refused(413, connection="close")
    parts, size = [], 0
    try:
        with anyio.fail_after(PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400)
                part = message.get("body", b"")
                size += len(part)
                if size > BODY:
                    raise Refused(413, connection="close")
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as e:
        raise Refused(408, connection="close") from e


def form(data: bytes, content_type: str) -> Mapping[str, str]:
    """The fields of a form. Raises `Refused` for another type, for too many fields, and for fields that come twice."""
    if not data:
        return {}
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused(415)
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="replace",
            max_num_fields=FIELDS,
        )
    except ValueError as e:
        raise Refused(400) from e
    if len(dict(pairs)) < len(pairs):
        raise Refused(400)
    return dict(pairs)


def cookie_value(headers: Headers, name: str) -> str:
    """The value of a cookie; "" where there is none."""
    for part in headers.get("cookie", "")[:8192].split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


def address(scope: Scope) -> str:
    """The address that a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else "-"


def shown(text: str, most: int = 200) -> str:
    """A text of somebody unknown, on one line, without characters that are not shown."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:most])


def _network(address: str) -> str:
    # Somebody with an IPv6 address has 2**64 of them.
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _host(host: str) -> str:
    """A value of the header Host, as far as case and default ports do not matter."""
    plain = host.strip().lower()
    for port in (":80", ":443"):
        plain = plain.removesuffix(port)
    return plain


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
