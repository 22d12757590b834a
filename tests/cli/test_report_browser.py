"""The page in a browser with the network off: nothing is asked for, nothing runs that must not, everything can be used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import browser, data
from helpers.many import make_run

import harness
from harness.report.page import write_report
from harness.scoring.score_run import score_folder

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
HOSTILE = (
    "<script>alert(1)</script>", "</script><script>alert(2)</script>", '"><img src=x onerror=alert(3)>', "javascript:alert(4)",
    "\x1b[31mred\x1b[0m\x07", "\u202egnitirw\u202c \u2066x\u2069", "<!--<script>", "{{ 7 * 7 }} {% raw %}", "a" * 300, "\ud800 lone",
)  # fmt: skip
LONG = "word " * 200_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases on three tasks, with pairs."""
    folder = tmp_path_factory.mktemp("page")
    faces = data.make(folder / "faces", 90)
    tasks = ["coarse_emotion", "fine_intensity", "nuance_confusable"]
    for name, accuracy in (("old", 0.6), ("new", 0.9)):
        harness.evaluate(tasks, model="echo", data=faces, out=folder / name, options={"accuracy": accuracy})
    return write_report([folder / "old", folder / "new"], folder / "report.html").path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose replies, prompts, names and columns try to be markup."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = []
    for number, text in enumerate(HOSTILE):
        row = {
            **data.row(number),
            "note": text.encode("utf-8", "replace").decode(),
            "<b>column</b>": "x",
            "group": f"</script>{number % 2}",
        }
        data.picture(folder / "faces" / row["image"], number)
        rows.append(row)
    data.manifest(folder / "faces", rows)
    task = (Path(harness.__file__ or "").parents[1] / "tasks" / "coarse_emotion.toml").read_text(
        encoding="utf-8"
    )
    task = task.replace("Which emotion", "</script><img src=x onerror=alert(5)> Which emotion")
    (folder / "coarse_emotion.toml").write_text(
        task.replace('by = ["emotion", "intensity"]', 'by = ["emotion", "group"]')
    )
    replies = [{"id": f"s{k:05}", "text": text} for k, text in enumerate((*HOSTILE[:-1], LONG))]
    (folder / "replies.jsonl").write_text("\n".join(json.dumps(reply) for reply in replies))
    harness.evaluate(
        str(folder / "coarse_emotion.toml"), model="echo", data=folder / "faces", out=folder / "run",
        options={"replies": str(folder / "replies.jsonl")},
    )  # fmt: skip
    return write_report([folder / "run"], folder / "report.html").path


def count(page: Any) -> int:
    """How many answers fit the filters."""
    text = page.text_content("#count")
    return int(text.split(" of ")[1].split()[0].replace(",", "")) if " of " in text else 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_stands_alone(page: Path, scheme: str, width: int) -> None:
    with browser.opened(page, color_scheme=scheme, viewport={"width": width, "height": 800}) as found:
        assert found.page.evaluate("document.documentElement.scrollWidth") == width
        for chart in found.page.query_selector_all("[data-chart]"):
            assert chart.query_selector("svg"), chart.get_attribute("data-chart")
        found.page.click("#theme")
        found.page.wait_for_timeout(300)
        assert found.page.evaluate("document.documentElement.dataset.theme") == (
            "light" if scheme == "dark" else "dark"
        )
        found.quiet()


def test_filters_show_what_they_say(page: Path) -> None:
    with browser.opened(page) as found:
        view = found.page
        every = count(view)
        parts = [option.get_attribute("value") for option in view.query_selector_all("#filter-state option")][
            1:
        ]
        assert {"right", "wrong"} <= set(parts)
        counts = {}
        for state in parts:
            view.select_option("#filter-state", state)
            counts[state] = count(view)
        assert sum(counts.values()) == every
        view.select_option("#filter-state", "wrong")
        view.select_option("#filter-run", "1")
        view.select_option("#filter-emotion", "sad")
        assert 0 < count(view) < counts["wrong"]
        assert len(view.query_selector_all("#chips .chip")) == 3
        view.click("#chips .chip >> nth=0")
        assert len(view.query_selector_all("#chips .chip")) == 2
        view.fill("#search", "s00007")
        view.wait_for_timeout(400)
        view.click("#clear")
        assert count(view) == every
        view.fill("#search", "s00007")
        view.wait_for_timeout(400)
        assert 0 < count(view) <= 6
        found.quiet()


def test_a_count_of_the_matrix_shows_its_pictures(page: Path) -> None:
    with browser.opened(page) as found:
        cells = found.page.locator("#confusion td button")
        assert cells.count() > 20
        for k in range(0, cells.count(), 6):
            expected = int(cells.nth(k).text_content() or "0")
            cells.nth(k).click()
            assert count(found.page) == expected, cells.nth(k).get_attribute("data-filter")
        found.quiet()


def test_pictures_won_and_lost(page: Path) -> None:
    with browser.opened(page) as found:
        strip = found.page.locator(".strip").first
        tally = int(strip.locator(".tally").text_content() or "0")
        assert strip.locator(".card").count() == min(tally, 12)
        strip.locator(".card").first.click()
        body = found.page.text_content("#detail-body") or ""
        assert "against the first run" in body
        assert "The same question in other runs" in body
        found.page.keyboard.press("Escape")
        strip.locator("> button").click()
        assert count(found.page) == tally
        found.quiet()


def test_the_gallery_is_used_by_keys(page: Path) -> None:
    with browser.opened(page) as found:
        view = found.page
        view.locator("#cards .card").first.focus()
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "End", "Home", "ArrowRight"):
            view.keyboard.press(key)
        assert (
            view.evaluate("[...document.querySelectorAll('#cards .card')].indexOf(document.activeElement)")
            == 1
        )
        view.keyboard.press("Enter")
        assert view.locator("#detail").is_visible()
        before = view.text_content("#detail-place")
        view.keyboard.press("ArrowRight")
        assert view.text_content("#detail-place") != before
        view.keyboard.press("Escape")
        assert not view.locator("#detail").is_visible()
        assert (
            view.evaluate("[...document.querySelectorAll('#cards .card')].indexOf(document.activeElement)")
            == 2
        )
        view.keyboard.press("PageDown")
        assert "Page 2 of" in (view.text_content("#page") or "")
        found.quiet()


def test_pages_of_the_gallery_are_bounded(page: Path) -> None:
    with browser.opened(page) as found:
        assert found.page.locator("#cards .card").count() == 48
        found.page.click("#next")
        assert (found.page.text_content("#count") or "").startswith("49\N{EN DASH}96 of ")
        found.quiet()


def test_linked_pictures_are_shown_once_they_are_seen(page: Path) -> None:
    few = write_report([page.parent / "old"], page.parent / "few.html", embed=10)
    with browser.opened(few.path) as found:
        found.quiet()
        found.page.select_option("#order", "stored")
        found.page.locator("#cards .card").last.scroll_into_view_if_needed()
        found.page.wait_for_timeout(800)
        linked = [url for url in found.requests if "/faces/faces/" in url]
        assert linked
        shown = "[...document.querySelectorAll('#cards img')].filter((i) => i.src.startsWith('file:') && i.naturalWidth).length"
        assert found.page.evaluate(shown) > 0
        assert found.console == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page: Path, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with browser.opened(page, color_scheme=scheme, bypass_csp=True) as found:
        for action in ("", "detail"):
            if action:
                found.page.locator("#cards .card").first.click()
            violations = Axe().run(found.page).response["violations"]
            serious = [v for v in violations if v["impact"] in ("serious", "critical")]
            assert not serious, [(v["id"], v["nodes"][0]["html"][:200]) for v in serious]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_white_and_has_the_pictures_won_and_lost(page: Path, scheme: str) -> None:
    with browser.opened(page, color_scheme=scheme) as found:
        view = found.page
        view.emulate_media(media="print", color_scheme=scheme)
        assert view.locator(".strip .card").first.is_visible()
        assert not view.locator(".strip > button").first.is_visible()
        assert not view.locator("#gallery").is_visible()
        for name in (".flags li", "body"):
            colour = view.locator(name).first.evaluate("(e) => getComputedStyle(e).backgroundColor")
            assert min(map(int, re.findall(r"\d+", colour)[:3])) > 190, (name, colour)
        # Text of charts that were drawn for a dark page is light; inverted, it is dark.
        text = view.locator(".chart svg text").first
        fill = int(re.findall(r"\d+", text.evaluate("(e) => getComputedStyle(e).fill"))[0])
        inverted = "invert" in view.locator(".chart svg").first.evaluate("(e) => getComputedStyle(e).filter")
        assert (255 - fill if inverted else fill) < 100
        assert inverted == (scheme == "dark")


def test_hostile_texts_are_texts(hostile: Path) -> None:
    with browser.opened(hostile, viewport={"width": 360, "height": 800}) as found:
        view = found.page
        assert view.evaluate("document.documentElement.scrollWidth") == 360
        view.select_option("#order", "stored")
        seen = ""
        for k in range(view.locator("#cards .card").count()):
            view.locator("#cards .card").nth(k).click()
            seen += view.inner_text("#detail-body")
            assert view.evaluate("document.documentElement.scrollWidth") == 360
            body = "(() => { const b = document.getElementById('detail-body'); return b.scrollWidth - b.clientWidth; })()"
            assert view.evaluate(body) <= 0
            view.keyboard.press("Escape")
        for text in HOSTILE[:4]:
            assert text in seen
        assert "\N{SYMBOL FOR ESCAPE}[31mred" in seen
        assert "[U+202E]gnitirw" in seen
        assert "<b>column</b>" in seen
        assert "Show all 1,000,000 characters" in seen or "more characters]" in seen
        scripts = view.evaluate("document.querySelectorAll('script:not([type])').length")
        assert scripts == 2
        assert view.evaluate("document.querySelectorAll('img[onerror], [onclick]').length") == 0
        found.quiet()


def test_the_gallery_of_many_answers_opens(tmp_path: Path) -> None:
    run = make_run(tmp_path, 20_000)
    score_folder(run)
    page = write_report([run], tmp_path / "report.html")
    assert page.size < 3_500_000
    with browser.opened(page.path) as found:
        assert count(found.page) == 20_000
        assert found.page.evaluate("document.querySelectorAll('*').length") < 5000
        found.quiet()


def test_figures_are_there_without_scripts(page: Path, make_data: Callable[..., Path]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser.chromium(), args=["--no-sandbox"])
        view = chromium.new_context(offline=True, java_script_enabled=False).new_page()
        view.goto(page.as_uri())
        assert view.locator("table").count() > 5
        assert "The gallery needs JavaScript" in view.inner_text("body")
        chromium.close()
