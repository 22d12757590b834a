"""The words of the interface in the languages that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import tomli

from memobench_annotate.config import LANGUAGES

FOLDER = Path(__file__).parent / "languages"
NAMES = {"en": "English", "zh": "中文", "es": "Español", "de": "Deutsch", "fr": "Français", "ja": "日本語"}
"""What each language calls itself."""
TAGS = {"zh": "zh-Hans"}
"""Values of the attribute `lang` that are not the name of the file."""


class Words:
    """The words of one language: `words("progress", done=3, total=9)`."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language, self._texts = language, texts
        self.tag = TAGS.get(language, language)

    def __call__(self, key: str, **values: object) -> str:
        """A text with its placeholders filled. Raises `KeyError` for an unknown key."""
        text = self._texts[key]
        return text.format_map(values) if values else text

    def keys(self) -> set[str]:
        """All keys."""
        return set(self._texts)

    def texts(self) -> Mapping[str, str]:
        """Key -> text, with its placeholders."""
        return self._texts


@cache
def words(language: str) -> Words:
    """The words of a language; of English where there is no such language."""
    known = language if language in LANGUAGES else "en"
    return Words(known, tomli.loads((FOLDER / f"{known}.toml").read_text(encoding="utf-8")))


def preferred(accepted: str, otherwise: str) -> str:
    """The language that a browser asks for with Accept-Language, of those that there are."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weight = 0.0
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and weight > 0:
            ranked.append((-weight, place, language))
    return min(ranked)[2] if ranked else otherwise
