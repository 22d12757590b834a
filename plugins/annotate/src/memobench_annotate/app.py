"""The web application of a study."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from harness import BadData
from memobench_annotate.inviting import name_of, seed_of
from memobench_annotate.pages import Pages, checked_display
from memobench_annotate.records import Rater
from memobench_annotate.security import FORM, Guard, Refused, Rules, address, cookie_value, shown
from memobench_annotate.sessions import Sessions
from memobench_annotate.study import Study
from memobench_annotate.tokens import hashed, new_token
from memobench_annotate.wording import Words, preferred, words

if TYPE_CHECKING:
    from memobench_annotate.results import LiveView

COOKIE_DAYS = 30
FRESH = 5.0
"""Seconds for which the statistics of the experimenter's page are kept."""
EXTERNAL = ("rater", "PROLIFIC_PID", "participantId")
"""Names of the parameter with which people come from elsewhere."""
_KEY = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LOCKS = 64


def make_app(study: Study, *, hosts: Sequence[str], lan: bool) -> Starlette:
    """The application of a study. `hosts`: the values of the header Host that are answered, such as "127.0.0.1:8765"."""
    site = Site(study, hosts, lan)

    def gone(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return site.refused(request.headers, status)

    app = Starlette(
        routes=site.routes(),
        middleware=[Middleware(Guard, rules=site.rules, refuse=site.refused)],
        exception_handlers={HTTPException: gone},
    )
    app.router.redirect_slashes = False
    return app


class Site:
    """What answers each request. Methods run in threads."""

    def __init__(self, study: Study, hosts: Sequence[str], lan: bool) -> None:
        self._study, self._store, self._lan = study, study.store, lan
        self._sessions = Sessions(study)
        mark = hashlib.sha256(b"cookies " + study.secret).hexdigest()[:8]
        # Cookies do not know ports: two studies on one machine would take each other's.
        self._cookie, self._live_cookie = f"memobench_rater_{mark}", f"memobench_live_{mark}"
        self.rules = Rules(hosts, (self._cookie, self._live_cookie), self._store.note)
        self._pages = Pages(study.config, mark)
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._entering, self._counting = threading.Lock(), threading.Lock()
        self._statistics: tuple[float, LiveView] | None = None

    def routes(self) -> list[Route]:
        """All addresses."""
        get: Mapping[str, Callable[[Request], Response]] = {
            "/": self.home,
            "/r/{token}": self.link,
            "/join": self.join,
            "/withdraw": self.withdrawing,
            "/picture/{key}": self.picture,
            "/static/{name}": self.static,
            "/live": self.live,
            "/live/{token}": self.live_link,
            "/healthz": lambda _: PlainTextResponse("ok"),
            "/favicon.ico": lambda _: Response(status_code=204),
        }
        post: Mapping[str, Callable[[Request], Response]] = {
            "/enter": self.enter,
            "/live/enter": self.enter_live,
            "/language": self._step(
                lambda rater, form: self._sessions.speak(rater, form.get("language", ""))
            ),
            "/consent": self._step(lambda rater, _: self._sessions.consent(rater, rater.language)),
            "/check": self._step(
                lambda rater, form: self._sessions.checked(rater, checked_display(form, rater))
            ),
            "/answer": self._step(self._answered),
            "/go_on": self._step(
                lambda rater, form: self._sessions.go_on(rater, _whole(form.get("position")))
            ),
            "/back": self._step(lambda rater, form: self._sessions.back(rater, _whole(form.get("position")))),
            "/pause": self._step(lambda rater, _: self._sessions.pause(rater)),
            "/withdraw": self._step(lambda rater, _: self._sessions.withdraw(rater)),
        }
        return [
            *(Route(path, endpoint, methods=["POST"]) for path, endpoint in post.items() if path not in get),
            *(Route(path, self._both(found, post.get(path)), methods=["GET", "POST"] if path in post else ["GET"])
              for path, found in get.items()),
        ]  # fmt: skip

    @staticmethod
    def _both(
        get: Callable[[Request], Response], post: Callable[[Request], Response] | None
    ) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return post(request) if post is not None and request.method == "POST" else get(request)

        return endpoint

    def refused(self, headers: Headers, status: int) -> Response:
        """The page of an error."""
        return HTMLResponse(self._pages.error(self._words(headers), status), status)

    # Who somebody is

    def _words(self, headers: Headers, language: str = "") -> Words:
        return words(language or preferred(headers.get("accept-language", ""), self._study.config.language))

    def _rater(self, request: Request) -> Rater | None:
        cookie = cookie_value(request.headers, self._cookie)
        found = self._store.rater_by_cookie(hashed(cookie)) if cookie else None
        if found is not None:
            self.rules.know(cookie)
        return found

    def _is_experimenter(self, request: Request) -> bool:
        cookie, known = cookie_value(request.headers, self._live_cookie), self._store.meta("live_cookie")
        if not cookie or not known or not hmac.compare_digest(hashed(cookie), known):
            return False
        self.rules.know(cookie)
        return True

    def _set_cookie(
        self, request: Request, response: Response, name: str, value: str, path: str = "/"
    ) -> None:
        # The page that sent the form says whether people reach it encrypted: a tunnel may stand between.
        secure = request.headers.get("origin", "").startswith("https:")
        response.set_cookie(
            name,
            value,
            max_age=COOKIE_DAYS * 86400,
            path=path,
            httponly=True,
            samesite="strict",
            secure=secure,
        )

    # Links

    def link(self, request: Request) -> Response:
        """The page of a personal link. It takes a form to enter: previews of links do not."""
        t, token = self._words(request.headers), request.path_params["token"]
        if not _TOKEN.fullmatch(token) or self._store.rater_by_token(hashed(token)) is None:
            return HTMLResponse(self._pages.message(t, "unknown"), 404)
        return HTMLResponse(self._pages.landing(t, "/enter", "token", token))

    def join(self, request: Request) -> Response:
        """The page of people who come from elsewhere, with an id."""
        t = self._words(request.headers)
        given = [name for key in EXTERNAL if (name := name_of(request.query_params.get(key)))]
        if not self._study.config.access.open or not given:
            return HTMLResponse(self._pages.message(t, "unknown"), 404)
        return HTMLResponse(self._pages.landing(t, "/enter", "rater", given[0]))

    def enter(self, request: Request) -> Response:
        """Make this device the one of a rater, where no other is."""
        form, t = _form(request), self._words(request.headers)
        with self._entering:
            found = self._named(request, form)
            if found is None:
                return HTMLResponse(self._pages.message(t, "unknown"), 404)
            before = cookie_value(request.headers, self._cookie)
            if before and found.cookie_hash and hmac.compare_digest(hashed(before), found.cookie_hash):
                return RedirectResponse("/", 303)
            cookie = new_token()
            if not self._store.claim_cookie(found.id, hashed(cookie)):
                said = f"{shown(address(request.scope))}: {shown(request.headers.get('user-agent', '-'))}"
                self.rules.note("link_reused", found.id, said)
                return HTMLResponse(self._pages.message(t, "used"), 403)
        if not found.language:
            self._store.update_rater(found.id, language=t.language)
        self.rules.know(cookie)
        response = RedirectResponse("/", 303)
        self._set_cookie(request, response, self._cookie, cookie)
        return response

    def _named(self, request: Request, form: Mapping[str, str]) -> Rater | None:
        """The rater of a form, who is added where the study is open."""
        token = form.get("token", "")
        if token:
            return self._store.rater_by_token(hashed(token)) if _TOKEN.fullmatch(token) else None
        name = name_of(form.get("rater"))
        if not name or not self._study.config.access.open:
            return None
        found = self._store.rater_by_name(name)
        if found is not None:
            return found if found.external else None
        if not self.rules.joining.take(address(request.scope)):
            raise Refused(429, retry_after="10")
        language = self._words(request.headers).language
        return self._store.add_rater(
            name, "", seed_of(self._store, self._study), external=True, language=language
        )

    # Raters

    def home(self, request: Request) -> Response:
        """What the rater sees now."""
        rater = self._rater(request)
        return self._stranger(request) if rater is None else self._now(request, rater)

    def _stranger(self, request: Request) -> Response:
        return HTMLResponse(self._pages.message(self._words(request.headers), "no_link"), 403)

    def _now(self, request: Request, rater: Rater) -> Response:
        with self._lock(rater):
            current = self._store.rater(rater.id)
            view = self._sessions.view(current)
            upcoming = self._sessions.upcoming(current) if view.kind == "trial" else []
        later = [key for key in upcoming if key not in view.pictures]
        t = self._words(request.headers, current.language)
        return HTMLResponse(self._pages.view(t, current, view, later, time.time()))

    def _lock(self, rater: Rater) -> threading.Lock:
        """Two tabs of one rater take turns."""
        return self._locks[rater.id % _LOCKS]

    def _step(self, act: Callable[[Rater, Mapping[str, str]], Any]) -> Callable[[Request], Response]:
        """What a form of a rater does; then the rater sees what follows."""

        def endpoint(request: Request) -> Response:
            rater, form = self._rater(request), _form(request)
            if rater is None:
                return self._stranger(request)
            if not hmac.compare_digest(form.get("form_key", "").encode(), rater.form_key.encode()):
                return self.refused(request.headers, 403)
            with self._lock(rater):
                act(self._store.rater(rater.id), form)
            if request.headers.get("x-swap") == "1":  # Our script: it saves a request.
                return self._now(request, rater)
            return RedirectResponse("/", 303)

        return endpoint

    def _answered(self, rater: Rater, form: Mapping[str, str]) -> None:
        position, ms = _whole(form.get("position")), max(0, _whole(form.get("ms"), 0))
        self._sessions.answer(rater, position, form.get("value", ""), ms)

    def withdrawing(self, request: Request) -> Response:
        """Asks before the answers of a rater are deleted."""
        rater = self._rater(request)
        if rater is None:
            return self._stranger(request)
        if rater.state == "withdrawn":
            return RedirectResponse("/", 303)
        return HTMLResponse(self._pages.withdrawing(self._words(request.headers, rater.language), rater))

    def picture(self, request: Request) -> Response:
        """A picture of this rater's."""
        rater, key = self._rater(request), request.path_params["key"]
        found = None
        if rater is not None and _KEY.fullmatch(key):
            try:
                found = self._sessions.picture(rater, key)
            except BadData as e:
                self.rules.note("picture_changed", rater.id, str(e))
                return self.refused(request.headers, 500)
        if found is None:
            return self.refused(request.headers, 404)
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "private, max-age=86400"})

    def static(self, request: Request) -> Response:
        """The style sheet or the script, by an address that changes with them."""
        found = self._pages.static.get(request.path_params["name"])
        if found is None:
            return self.refused(request.headers, 404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(found[0], headers={**headers, "Content-Type": found[1]})

    # The experimenter

    def live_link(self, request: Request) -> Response:
        """The page of the experimenter's link."""
        t, token = words("en"), request.path_params["token"]
        if not self._is_live(token):
            return HTMLResponse(self._pages.message(t, "unknown", contact=False), 404)
        return HTMLResponse(self._pages.landing(t, "/live/enter", "token", token))

    def _is_live(self, token: str) -> bool:
        known = self._store.meta("live")
        return bool(known and _TOKEN.fullmatch(token) and hmac.compare_digest(hashed(token), known))

    def enter_live(self, request: Request) -> Response:
        """Make this device the experimenter's, where no other is."""
        t = words("en")
        with self._entering:
            if not self._is_live(_form(request).get("token", "")):
                return HTMLResponse(self._pages.message(t, "unknown", contact=False), 404)
            if not self._is_experimenter(request):
                if self._store.meta("live_cookie"):
                    self.rules.note(
                        "link_reused", None, f"{shown(address(request.scope))}: the experimenter's link"
                    )
                    return HTMLResponse(self._pages.message(t, "used", contact=False), 403)
                cookie = new_token()
                self._store.set_meta("live_cookie", hashed(cookie))
                response = RedirectResponse("/live", 303)
                self._set_cookie(request, response, self._live_cookie, cookie, "/live")
                return response
        return RedirectResponse("/live", 303)

    def live(self, request: Request) -> Response:
        """Progress, agreement and raters so far."""
        if not self._is_experimenter(request):
            return HTMLResponse(self._pages.message(words("en"), "no_link", contact=False), 403)
        with self._counting:
            if self._statistics is None or time.monotonic() - self._statistics[0] > FRESH:
                from memobench_annotate.results import live

                self._statistics = (time.monotonic(), live(self._study))
            found = self._statistics[1]
        return HTMLResponse(
            self._pages.render("live.html", words("en"), "How the study goes", live=found, lan=self._lan)
        )


def _form(request: Request) -> Mapping[str, str]:
    found: Mapping[str, str] = request.scope[FORM]
    return found


def _whole(text: str | None, otherwise: int = -2) -> int:
    """A number of a form; -2, which is no position, for anything else."""
    return int(text) if text and len(text) < 10 and re.fullmatch(r"-?[0-9]+", text) else otherwise
