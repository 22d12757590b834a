"""Makes untrusted text safe to show: replies of models, file names, labels."""

from __future__ import annotations

import re

# C0 and C1 controls but for newline, the marks that reorder text on screen, and halves of characters.
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def plain(text: object, limit: int | None = None) -> str:
    """Text without control codes, on one line, at most `limit` characters long."""
    shown = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text)).replace(
        "\n", " \N{DOWNWARDS ARROW WITH CORNER LEFTWARDS} "
    )
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def markdown(text: object) -> str:
    """Text as a Markdown table cell that shows it literally."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def csv_cell(value: object) -> object:
    """A CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\N{REPLACEMENT CHARACTER}") else text
