"""Escapes untrusted text for display: model replies, file names, labels."""

from __future__ import annotations

import re

# C0 and C1 controls except newline, bidirectional control characters, and lone surrogates.
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def plain(text: object, limit: int | None = None) -> str:
    """Text without control characters, on one line, at most `limit` characters long."""
    shown = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text)).replace(
        "\n", " \N{DOWNWARDS ARROW WITH CORNER LEFTWARDS} "
    )
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def markdown(text: object) -> str:
    """Text escaped for a Markdown table cell."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def csv_cell(value: object) -> object:
    """A CSV cell that spreadsheets do not interpret as a formula; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\N{REPLACEMENT CHARACTER}") else text
