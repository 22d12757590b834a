"""What importers of sets with several questions about one picture share."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from harness.datasets.imports.cells import MAX_TEXT, cell, literal, numeric, slug
from harness.datasets.imports.pictures import PictureIndex

MAX_EMOTIONS = 100
"""Maximum number of emotions in a distribution."""


def options_of(value: Any) -> tuple[str, list[str], str]:
    """The options of a question as JSON, the names and texts of the options, and why they cannot be read or "".

    They may be the text of a Python literal, which is parsed and never executed.
    """
    try:
        found = literal(value) if isinstance(value, str) and value.strip() else value
    except ValueError as e:
        return "", [], str(e)
    if found in (None, 0, ""):
        return "", [], ""
    if isinstance(found, (list, tuple)):
        found = [cell(part) for part in found]
        names = found
    elif isinstance(found, dict):
        found = {cell(key): cell(part) for key, part in found.items()}
        names = [*found, *found.values()]
    else:
        return "", [], "neither a list nor a dict"
    text = cell(found)
    return ("", [], "too long") if len(text) >= MAX_TEXT else (text, names, "")


def distribution(value: Any) -> dict[str, float]:
    """Emotion -> share or votes; what is no number is left out."""
    if not isinstance(value, Mapping):
        return {}
    numbers = {cell(name): numeric(part) for name, part in list(value.items())[:MAX_EMOTIONS]}
    return {name: number for name, number in numbers.items() if number is not None and slug(name)}


def score_columns(shares: Mapping[str, float], suffix: str = "") -> dict[str, str]:
    """A column for the value of each emotion."""
    return {f"score_{slug(name)}{suffix}": f"{value:.6g}" for name, value in sorted(shares.items())}


def find_picture(index: PictureIndex, name: str) -> tuple[str, str, str]:
    """The picture of a name, or "", the reason and the detail."""
    found = index.find(name) if name else []
    if len(found) == 1:
        return found[0], "", ""
    reason = "several pictures" if found else "no picture" if name else "no image name"
    return "", reason, ", ".join(found[:3]) or name


def stem(path: str) -> str:
    """The path without extension."""
    return posixpath.splitext(path)[0]
