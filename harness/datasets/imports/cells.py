"""Turns untrusted values of JSON, Parquet and Python literals into texts and numbers for a manifest."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

from harness.datasets.table import number

MAX_TEXT = 10_000
"""Maximum characters of a text in a manifest; longer ones are cut, which three dots show."""
MAX_LITERAL, MAX_NESTING = 2**18, 20
_WORD = re.compile(r"[^\W_]+")
_PLAIN = (str, int, float, bool, type(None))


def cell(value: Any) -> str:
    """The text of a value on one line: "" for nothing, JSON for lists and objects."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return f"{value:#x}"[:MAX_TEXT]  # The decimal form of a huge number takes too long, or is refused.
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    # Lone surrogates and null characters cannot be written to a table.
    text = " ".join(str(value).encode("utf-8", "replace").decode().replace("\0", "\ufffd").split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."


def numeric(value: Any) -> float | None:
    """A finite number, also from its text with a decimal point or a decimal comma; None for anything else."""
    if isinstance(value, str):
        return number(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def slug(name: str) -> str:
    """The name of an emotion or question as part of a column: `Astonishment/Surprise` is astonishment_surprise."""
    return "_".join(_WORD.findall(name.casefold()))[:60]


def literal(text: str) -> Any:
    """The value of a Python literal of lists, dicts, texts and numbers. Nothing is executed. Raises `ValueError`."""
    if len(text) > MAX_LITERAL:
        raise ValueError(f"more than {MAX_LITERAL:,} characters")
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise ValueError("nested too deeply")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Unknown escapes in a text are warned of.
            found = ast.literal_eval(text.strip())
    except (SyntaxError, TypeError, MemoryError, RecursionError) as e:
        raise ValueError("not a Python literal") from e
    if not _is_plain(found):
        raise ValueError("neither lists nor dicts of texts and numbers")
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, _PLAIN) and _is_plain(part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)
