"""The words of the pages, in all languages."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from memobench_annotate.config import LANGUAGES
from memobench_annotate.pages import HERE
from memobench_annotate.wording import preferred, words

CHOSEN_BY_NAME = (
    "feedback", "break", "rest", "pause", "done", "withdrawn", "full", "used", "unknown", "no_link", "refused", "busy", "error",
    "not_found",
)  # fmt: skip
"""Pages whose words are found by the name of the page."""


def test_languages_say_the_same() -> None:
    english = words("en")
    code = "".join(
        path.read_text(encoding="utf-8") for path in (*HERE.glob("*.py"), *HERE.glob("templates/*.html"))
    )
    for language in LANGUAGES:
        found = words(language)
        assert found.keys() == english.keys()
        for key, text in found.texts().items():
            assert set(re.findall(r"\{\w*\}", text)) == set(re.findall(r"\{\w*\}", english.texts()[key])), (
                language,
                key,
            )
            assert text.strip()
    for key in english.texts():
        used = f"'{key}'" in code or f'"{key}"' in code
        assert used or key.startswith(tuple(f"{name}_" for name in CHOSEN_BY_NAME)), key


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("fr-CH, fr;q=0.9, en;q=0.8", "fr"), ("", "de"), ("xx, *;q=0.5", "de"), ("en;q=0.1,ja", "ja"), ("zh-CN", "zh"),
     ("es;q=0", "de"), ("es;q=x", "de"), ("\u00e9" * 9000, "de")],
)  # fmt: skip
def test_the_language_of_the_browser(accepted: str, language: str) -> None:
    assert preferred(accepted, "de") == language


def test_each_language_is_spoken(place: Any) -> None:
    device = place.device(**{"accept-language": "de"}).enter()
    assert '<html lang="de">' in device.page
    for language in LANGUAGES:
        device.send("/language", language=language)
        assert f'<html lang="{words(language).tag}">' in device.page
        assert html.escape(words(language)("consent_agree"), quote=False) in html.unescape(device.page)
    device.send("/language", language="xx")
    device.send("/language", language="fr")
    device.send("/consent")
    device.send("/check")
    assert '<html lang="fr">' in device.page
    assert '<h1 tabindex="-1" lang="en">Which emotion' in device.page
    assert place.rater().language == "fr"


def test_the_experimenters_consent_text(make_place: Any) -> None:
    text = '[consent]\nen = """\nFirst <b>line</b>.\n\nSecond."""\n[design]'
    place = make_place(("[design]", text), ('contact = ""', "contact = 'x@<i>.org'"))
    device = place.device(**{"accept-language": "de"}).enter()
    assert '<div lang="en">' in device.page
    assert '<p class="lines">First &lt;b&gt;line&lt;/b&gt;.</p>' in device.page
    assert '<p class="lines">Second.</p>' in device.page
    assert "x@&lt;i&gt;.org" in device.page
