"""A study in a real browser: by keyboard, by touch, with a network that fails, and for people who use a screen reader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from memobench_annotate.building import build
from memobench_annotate.inviting import invite
from memobench_annotate.records import Answer

from harness.testing import face_picture

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {
    "viewport": {"width": 360, "height": 640},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
SHOWN = "#trial[data-ready=yes]"
STATE = """() => document.title + document.querySelector('main form')?.id
  + document.querySelector('input[name=position]')?.value"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Any]) -> Any:
    """Three tasks about six faces; a rater gets all of it, and practice before."""
    root = tmp_path_factory.mktemp("browser")
    (root / "faces").mkdir()
    rows = ["id,image,emotion,intensity,subject"]
    for number in range(6):
        image = face_picture(number, 300).image
        assert image is not None
        image.save(root / "faces" / f"{number}.png")
        rows.append(f"f{number},{number}.png,{('happy', 'sad')[number % 2]},{1 + number // 2},s{number % 2}")
    (root / "faces" / "manifest.csv").write_text("\n".join(rows))
    tasks = ["coarse_emotion", "fine_intensity", "nuance_pairs"]
    build(root / "study", str(root / "faces"), tasks, training=2, answers=100)
    file = root / "study" / "study.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        ("openings = 5", "openings = 1"),
        ("attention = 0.03", "attention = 0"),
        ("repeats = 0.07", "repeats = 0"),
    ):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return serve(root / "study")


class Visitor:
    """A rater with a browser, and what the browser complained about."""

    def __init__(self, served: Any, context: Any) -> None:
        self.served, self.context, self.page = served, context, context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        ((self.name, token),) = list(invite(served.study, 1, [], []))
        self.page.goto(f"{served.base}/r/{token}")

    def begin(self) -> Visitor:
        """As far as the first trial that is no practice."""
        for action in ("/enter", "/consent", "/check"):
            self.page.click(f"form[action='{action}'] button.primary")
        while self.page.locator("#go_on").count() or "Practice" in self.page.inner_text("main"):
            self.forward()
        return self

    def forward(self) -> None:
        """Click on: the first option, or the button of what is between."""
        before = self.state
        self.page.wait_for_selector(f"{SHOWN}, #go_on")
        self.page.wait_for_timeout(130)
        self.page.locator(".options button, #go_on button").first.click()
        self.changed(before)

    @property
    def state(self) -> str:
        return str(self.page.evaluate(STATE))

    def changed(self, before: str) -> None:
        self.page.wait_for_function(f"b => ({STATE})() !== b", arg=before)

    def shown(self) -> int:
        """The position of the trial that is shown, once its pictures are."""
        self.page.wait_for_selector(SHOWN)
        self.page.wait_for_timeout(130)
        return int(self.page.get_attribute("#trial input[name=position]", "value"))

    def answers(self) -> list[Answer]:
        return self.served.answers(self.name)


def at_trial(page: Any, position: int) -> None:
    page.wait_for_selector(f"#trial input[name=position][value='{position}']", state="attached")


@contextmanager
def visiting(chromium: Any, served: Any, **context: Any) -> Iterator[Visitor]:
    opened = chromium.new_context(**{"locale": "en-GB", **context})
    opened.set_default_timeout(10_000)
    yield Visitor(served, opened)
    opened.close()


def test_a_session_by_keyboard(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page, keys = visitor.page, visitor.page.keyboard
        for action in ("/enter", "/consent"):
            page.locator(f"form[action='{action}'] button.primary").press("Enter")
        page.wait_for_selector(".keyboard")
        page.fill("input[name=plate1]", "5")
        page.select_option("select[name=dark]", "6")
        page.locator("main button.primary").press("Enter")
        went_back, kinds = False, set()
        for step in range(40):
            page.wait_for_selector(f"{SHOWN}, #go_on, .code")
            if page.locator(".code").count():
                break
            before = visitor.state
            if page.locator("#go_on").count():
                keys.press("Enter")
            else:
                kinds.add((page.locator("figure").count(), page.locator(".options button").count()))
                assert page.locator(".options .mark").first.is_visible()
                assert page.evaluate("document.activeElement.tagName") in ("H1", "BODY")
                visitor.shown()
                if page.locator("#back").count() and not went_back:
                    went_back = True
                    keys.press("Backspace")
                    page.wait_for_selector(f"{SHOWN} button[aria-current=true]")
                    visitor.shown()
                    before = visitor.state
                    keys.press("2")
                elif step % 2:
                    keys.press("ArrowRight")
                    keys.press("ArrowRight")
                    keys.press("ArrowLeft")
                    keys.press("Enter")
                else:
                    keys.press("1")
            visitor.changed(before)
        found = visitor.answers()
        assert kinds == {(1, 6), (1, 5), (2, 2)}
        assert went_back
        rater = served.study.store.rater_by_name(visitor.name)
        assert rater is not None
        assert rater.state == "done"
        assert rater.code == page.inner_text(".code")
        assert len(found) == len(served.study.store.trials(rater.id))
        assert [a.changes for a in found].count(1) == 1
        assert all(120 <= a.ms < 5000 for a in found)
        check = rater.display["check"]
        assert (check["width"], check["height"], check["ratio"], check["dark_steps"]) == (1280, 800, 1, 6)
        assert check["plates"][0]["read"] == "5"
        assert visitor.said == []


def test_a_session_by_touch(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **PHONE) as visitor:
        page = visitor.page
        for action in ("/enter", "/consent", "/check"):
            page.wait_for_selector(f"form[action='{action}']")
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            page.tap(f"form[action='{action}'] button.primary")
        kinds = set()
        for _ in range(40):
            page.wait_for_selector(f"{SHOWN}, #go_on, .code")
            if page.locator(".code").count():
                break
            before = visitor.state
            if page.locator("#trial").count():
                visitor.shown()
                kinds.add(page.locator(".options button").count())
                assert page.evaluate("document.documentElement.scrollHeight") == 640
                assert page.evaluate("document.documentElement.scrollWidth") == 360
                assert not page.locator(".mark").first.is_visible()
                for target in page.locator("main button, summary").all():
                    box = target.bounding_box()
                    assert box["width"] >= 44
                    assert box["height"] >= 44
                    assert 0 <= box["y"] <= 640 - box["height"]
                for picture in page.locator("figure img").all():
                    box = picture.bounding_box()
                    assert min(box["width"], box["height"]) > 160
            page.locator(".options button, #go_on button").first.tap()
            visitor.changed(before)
        assert kinds == {2, 5, 6}
        assert visitor.said == []


def test_an_answer_survives_a_lost_connection(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page = visitor.begin().page
        at, known = visitor.shown(), len(visitor.answers())
        visitor.context.set_offline(True)
        page.keyboard.press("1")
        page.wait_for_selector("#notice:has-text('Connection lost')")
        page.keyboard.press("2")  # One answer is enough.
        page.wait_for_timeout(1500)
        assert len(visitor.answers()) == known
        chosen = page.inner_text(".options button.chosen span:last-child")
        visitor.context.set_offline(False)
        at_trial(page, at + 1)
        assert page.text_content("#notice") == ""
        assert len(visitor.answers()) == known + 1
        assert visitor.answers()[at].value == chosen
        # The page is left before the network is back.
        visitor.shown()
        page.route("**/answer", lambda route: route.abort())
        page.keyboard.press("2")
        page.wait_for_selector("#notice:has-text('Connection lost')")
        page.goto("about:blank")
        page.unroute("**/answer")
        assert len(visitor.answers()) == known + 1
        page.goto(served.base)
        page.wait_for_selector(f"#page:not(:has(#trial input[name=position][value='{at + 1}']))")
        assert len(visitor.answers()) == known + 2
        assert visitor.answers()[at + 1].ms > 0
        assert page.evaluate("sessionStorage.length") == 0


def test_an_answer_whose_confirmation_is_lost_counts_once(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page = visitor.begin().page
        at, known, sent = visitor.shown(), len(visitor.answers()), []

        def lose(route: Any) -> None:
            sent.append(route.request.post_data)
            if len(sent) == 1:
                route.fetch()
                route.abort()
            elif len(sent) == 2:
                route.fulfill(status=200, content_type="text/html", body="<h1>Log in to this network</h1>")
            elif len(sent) == 3:
                route.fulfill(status=502, body="bad gateway")
            else:
                route.continue_()

        page.route("**/answer", lose)
        page.keyboard.press("1")
        at_trial(page, at + 1)
        assert len(sent) == 4
        assert len(set(sent)) == 1
        assert len(visitor.answers()) == known + 1
        assert visitor.answers()[at].changes == 0


def test_reload_back_and_two_tabs(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page = visitor.begin().page
        at = visitor.shown()
        page.reload()
        assert visitor.shown() == at
        other = visitor.context.new_page()
        other.goto(served.base)
        other.wait_for_selector(SHOWN)
        other.wait_for_timeout(130)
        page.locator(".options button").nth(0).dblclick()
        at_trial(page, at + 1)
        first = visitor.answers()[at].value
        other.locator(".options button").nth(1).click()
        at_trial(other, at + 1)
        assert visitor.answers()[at].value == first
        assert visitor.answers()[at].changes == 0
        assert len(visitor.answers()) == at + 1
        page.go_back()
        page.goto(served.base)
        assert visitor.shown() == at + 1
        assert len(visitor.answers()) == at + 1
        page.goto(served.base + "/withdraw")
        page.go_back()
        assert visitor.shown() == at + 1


def test_times_begin_when_pictures_are_shown(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page = visitor.begin().page
        at, failed = visitor.shown(), []

        def late(route: Any) -> None:
            time.sleep(0.3)
            failed.append(route.request.url)
            if len(failed) == 1:
                route.abort()
            else:
                route.continue_()

        page.evaluate("sessionStorage.clear()")
        page.route("**/picture/*", late)
        began = time.monotonic()
        page.reload(wait_until="domcontentloaded")
        page.keyboard.press("1")
        assert not page.locator("figure img").first.is_visible()
        page.wait_for_function(
            "document.getElementById('notice').textContent.includes('picture cannot be loaded')"
        )
        page.keyboard.press("1")
        assert visitor.shown() == at
        assert page.text_content("#notice") == ""
        page.wait_for_timeout(200)
        page.keyboard.press("1")
        at_trial(page, at + 1)
        # Two tries of 0.3 s, and a second between them.
        assert 300 <= visitor.answers()[at].ms < 1000 * (time.monotonic() - began) - 1600


def test_rests_end_by_themselves(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page = visitor.begin().page
        rater = served.study.store.rater_by_name(visitor.name)
        assert rater is not None
        served.study.store.update_rater(rater.id, rest_until=time.time() + 2.5)
        page.goto(served.base)
        assert page.text_content("#left") in ("0:03", "0:02")
        page.wait_for_selector("h1:has-text('Ready when you are')")


def test_without_javascript(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, java_script_enabled=False, **PHONE) as visitor:
        page = visitor.page
        for action in ("/enter", "/consent", "/check"):
            page.click(f"form[action='{action}'] button.primary")
        for _ in range(6):
            page.locator(".options button, #go_on button").first.click()
        assert len(visitor.answers()) >= 3
        assert {a.ms for a in visitor.answers()} == {0}
        assert page.locator("figure img").first.evaluate("i => i.naturalWidth") == 300


def serious(page: Any) -> list[tuple[str, str]]:
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page).response["violations"]
    return [
        (v["id"], v["nodes"][0]["html"][:200]) for v in violations if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_serious_fault(chromium: Any, served: Any, device: dict[str, Any]) -> None:
    with visiting(chromium, served, bypass_csp=True, **{**device, "locale": "de"}) as visitor:
        page, found = visitor.page, {}
        for action in ("/enter", "/consent", "/check"):
            page.wait_for_selector(f"form[action='{action}']")
            found[action] = serious(page)
            page.click(f"form[action='{action}'] button.primary")
        for _ in range(40):
            page.wait_for_selector(f"{SHOWN}, #go_on, .code")
            kind = "trial" if page.locator("#trial").count() else "between"
            name = f"{kind} {page.locator('figure').count()} {page.locator('.options button').count()}"
            if name not in found:
                found[name] = serious(page)
            if page.locator("#back").count() and "back" not in found:
                page.click("#back button")
                page.wait_for_selector(f"{SHOWN} button[aria-current=true]")
                page.click("summary")
                found["back"] = serious(page)
                page.click(".panel button")
                found["pause"] = serious(page)
                page.goto(served.base + "/withdraw")
                found["withdraw"] = serious(page)
                page.goto(served.base)
            if page.locator(".code").count() or (
                device is PHONE and {"trial 1 6", "trial 1 5", "trial 2 2"} <= set(found)
            ):
                break
            visitor.forward()
        for address in ("/", "/nothing", f"/live/{served.study.new_live_token()}"):
            page.goto(served.base + address)
            found[address[:8]] = serious(page)
        page.click("main button.primary")
        found["experimenter"] = serious(page)
        assert len(found) >= 12
        assert not any(found.values()), {k: v for k, v in found.items() if v}


def test_the_experimenters_page_loads_itself_again(chromium: Any, served: Any) -> None:
    with visiting(chromium, served, **DESKTOP) as visitor:
        page = visitor.page
        page.clock.install()
        page.goto(f"{served.base}/live/{served.study.new_live_token()}")
        page.click("main button.primary")
        served.study.store.note("picture_changed", None, "<b>something new</b>")
        for _ in range(8):
            page.clock.fast_forward(10_000)
            page.wait_for_timeout(1000)
            if "something new" in page.inner_text("main"):
                break
        assert "<b>something new</b>" in page.inner_text("main")
        assert visitor.said == []
