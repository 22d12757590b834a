"""What stands before the pages of a study: headers, checks and limits, each with what it must refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from memobench_annotate import security
from memobench_annotate.pages import Pages
from memobench_annotate.security import Buckets, Refused, Rules
from memobench_annotate.sessions import Sessions
from memobench_annotate.wording import words
from starlette.datastructures import Headers

HOST = "127.0.0.1:8765"
ORIGIN = f"http://{HOST}"
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def _call(
    app: Any, scope: dict[str, Any], messages: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    sent: list[dict[str, Any]] = []
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent, len(left)


def call(
    app: Any, path: str, headers: dict[str, str], messages: list[dict[str, Any]], method: str = "POST"
) -> tuple[int, int]:
    """The status of an answer, and how many messages were not read."""
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "scheme": "http", "http_version": "1.1", "client": ("192.0.2.1", 5), "server": ("127.0.0.1", 8765),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    sent, left = anyio.run(_call, app, scope, messages)
    return sent[0]["status"], left


# What stands before every page


def test_headers_are_everywhere(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    device = place.device(server_errors=False).begin()
    http = device.http
    css = re.search('href="(/static/[^"]+)"', device.page)
    assert css is not None
    answers = [
        http.get("/"), http.get("/nothing"), http.get(device.pictures[0]), http.get(css[1]), http.get("/healthz"),
        http.post("/enter", data={"token": "x"}, follow_redirects=False), http.get("/", headers={"host": "evil"}),
        http.post("/answer", data={}, headers={"origin": "http://evil"}), http.put("/"), http.post("/"), http.get("/favicon.ico"),
        http.post("/pause", data={"form_key": device.key}, follow_redirects=False), http.head("/"),
        http.post("/answer", content=b"x" * 70_000, headers=FORM), http.get("/" + "x" * 3000),
    ]  # fmt: skip
    monkeypatch.setattr(Sessions, "view", lambda *_: 1 / 0)
    answers.append(http.get("/"))
    assert [r.status_code for r in answers] == [
        200,
        404,
        200,
        200,
        200,
        404,
        421,
        403,
        405,
        405,
        204,
        303,
        200,
        413,
        414,
        500,
    ]
    for response in answers:
        for name, value in security.POLICY.items():
            assert response.headers[name] == value, response
        assert "cache-control" in response.headers
    assert "default-src 'none'" in answers[0].headers["content-security-policy"]
    assert answers[0].headers["cache-control"] == "no-store"
    assert "division" not in answers[-1].text
    assert "Something went wrong" in answers[-1].text
    assert "unsafe" not in security.POLICY["content-security-policy"]


def test_pages_need_nothing_that_the_policy_forbids(place: Any) -> None:
    device = place.device().begin().rate()
    for page in device.seen:
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
        assert not re.search(r"<(style|script)>", page)
        assert not re.search(r'(src|href|action)="(?!/|https:)', page)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:8765.evil.example", "", "evil@127.0.0.1:8765"],
)
def test_other_hosts_are_refused(place: Any, host: str) -> None:
    place.device().get("/healthz", 421, host=host)


def test_hosts_of_a_tunnel(place: Any) -> None:
    for host in ("study.example.org", "Study.Example.org", "study.example.org:443"):
        place.device().get("/healthz", host=host)
    assert call(place.app, "/healthz", {}, [], "GET")[0] == 400
    device = place.device(host="study.example.org", origin="https://study.example.org")
    response = device.http.post("/enter", data={"token": place.link()[3:]}, follow_redirects=False)
    assert response.status_code == 303
    cookie = response.headers["set-cookie"].lower()
    assert all(
        part in cookie for part in ("secure", "httponly", "samesite=strict", "path=/", "max-age=2592000")
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": ORIGIN}, 404), ({"origin": "https://study.example.org"}, 404), ({"sec-fetch-site": "same-origin"}, 404),
        ({"sec-fetch-site": "none"}, 404), ({"origin": "null", "sec-fetch-site": "same-origin"}, 404),
        ({}, 403), ({"origin": "null"}, 403), ({"origin": "null", "sec-fetch-site": "none"}, 403), ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403), ({"origin": "http://evil.example"}, 403), ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": f"ftp://{HOST}"}, 403), ({"origin": f"http://{HOST}@evil"}, 403), ({"origin": "http://[", }, 403),
        ({"origin": "http://evil.example", "sec-fetch-site": "same-origin"}, 403),
    ],
)  # fmt: skip
def test_forms_of_other_pages_are_refused(place: Any, headers: dict[str, str], status: int) -> None:
    found = call(
        place.app, "/enter", {"host": HOST, **FORM, **headers}, [{"type": "http.request", "body": b"token=x"}]
    )[0]
    assert found == status
    assert place.kinds() == ["wrong_origin"] * (status == 403)


def test_events_do_not_fill_the_disk(place: Any) -> None:
    for _ in range(40):
        call(place.app, "/enter", {"host": HOST, "origin": "http://evil"}, [])
    assert len(place.kinds()) <= 21


def test_long_forms_are_refused_unread(place: Any) -> None:
    own = {"host": HOST, "origin": ORIGIN, **FORM}
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"x" * 40_000, "more_body": True} for _ in range(50)
    ]
    assert call(place.app, "/enter", {**own, "content-length": "2000000"}, parts) == (413, 50)
    assert call(place.app, "/enter", {**own, "transfer-encoding": "chunked"}, parts) == (413, 48)
    assert call(place.app, "/enter", {**own, "content-length": "9" * 5000}, parts) == (413, 50)
    assert call(place.app, "/enter", {**own, "content-length": "-1"}, parts) == (400, 50)
    assert call(place.app, "/enter", own, [{"type": "http.disconnect"}]) == (400, 0)


def test_slow_forms_are_refused(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "PATIENCE", 0.05)

    async def slow() -> None:
        await security.body(Headers({}), anyio.sleep_forever)  # type: ignore[arg-type]

    with pytest.raises(Refused) as refused:
        anyio.run(slow)
    assert refused.value.status == 408


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"token=x", "text/plain", 415), (b"token=x", "multipart/form-data; boundary=x", 415), (b"{}", "application/json", 415),
        (b"token=a&token=b", FORM["content-type"], 400), (b"a=1&" * 200, FORM["content-type"], 400),
        ("token=é".encode(), FORM["content-type"], 400), (b"token=%ff%00", FORM["content-type"] + "; charset=utf-8", 404),
        (b"", FORM["content-type"], 404),
    ],
)  # fmt: skip
def test_forms_are_read_strictly(place: Any, content: bytes, kind: str, status: int) -> None:
    device = place.device()
    assert device.http.post("/enter", content=content, headers={"content-type": kind}).status_code == status


def test_long_addresses_are_refused(place: Any) -> None:
    place.device().get("/join?rater=" + "x" * 2040, 414)
    place.device().get("/join?rater=" + "x" * 2000, 404)


def test_who_asks_too_often_waits(make_place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "PER_PERSON", (1e-9, 60))
    monkeypatch.setattr(security, "PER_ADDRESS", (1e-9, 40))
    place = make_place()
    rater = place.device().begin()
    stranger = place.device(cookie="memobench_rater_x=1")
    codes = [stranger.http.get("/healthz").status_code for _ in range(80)]
    assert 30 < codes.count(200) < 40
    refused = stranger.http.get("/")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert "Too many requests" in refused.text
    assert place.kinds() == ["rate_limited"]
    rater.get("/")  # Of the same address.
    codes = [rater.http.get("/healthz").status_code for _ in range(100)]
    assert 50 < codes.count(200) < 60


def test_buckets_fill_up_again() -> None:
    now = [0.0]
    buckets = Buckets(10, 3, lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    now[0] = 0.25
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    now[0] = 100
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    for number in range(Buckets.MOST + 10):
        buckets.take(str(number))
    assert len(buckets._left) == Buckets.MOST


def test_neighbours_of_an_ipv6_address_share_a_bucket() -> None:
    rules = Rules([HOST], [], lambda *_: None, clock=lambda: 0.0)
    found = []
    for number in range(2 * security.PER_ADDRESS[1]):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "client": (f"2001:db8::{number:x}", 1),
            "headers": [],
        }
        try:
            rules.check(scope, Headers({"host": HOST}))
            found.append(True)
        except Refused:
            found.append(False)
    assert sum(found) == security.PER_ADDRESS[1]


def test_two_files_and_no_others(place: Any) -> None:
    device = place.device()
    device.get("/", 403)
    addresses = re.findall('(?:href|src)="(/static/[^"]+)"', device.page)
    assert len(addresses) == 2
    for path in addresses:
        response = device.http.get(path)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-type"].startswith(("text/css", "text/javascript"))
    for path in (
        "/static/",
        "/static",
        "/static/study.css",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/study.toml",
        "/static/x/../y",
    ):
        assert device.http.get(path).status_code == 404, path


def test_other_methods_and_places(place: Any) -> None:
    device = place.device().begin()
    assert device.http.delete("/").status_code == 405
    assert device.http.options("/").status_code == 405
    for path in ("/answer", "/enter", "/consent", "/back"):
        assert device.http.get(path).status_code == 405
    for path in ("/answer/", "/r/", "/r/a/b", "/picture/", "/%00"):
        assert device.http.get(path).status_code == 404, path
    assert device.http.get("/healthz").text == "ok"


def test_a_script_gets_the_next_page_at_once(place: Any) -> None:
    device = place.device().begin()
    fields = {"form_key": device.key, "position": device.position, "value": "sad", "ms": "5"}
    response = device.http.post("/answer", data=fields, headers={"x-swap": "1"}, follow_redirects=False)
    assert response.status_code == 200
    assert 'id="go_on"' in response.text


def test_studies_have_cookies_of_their_own(place: Any, tmp_path: Path, made: Path) -> None:
    device = place.device().begin()
    (name,) = device.http.cookies
    assert re.fullmatch("memobench_rater_[0-9a-f]{8}", name)
    pages = Pages(place.study.config, "mark")
    assert "mark" in pages.error(words("en"), 404)
