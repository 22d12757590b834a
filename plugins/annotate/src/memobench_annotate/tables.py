"""CSV and TOML that any reader takes back as they were meant."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable

_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)


def csv_text(lines: Iterable[Iterable[str]], *, safe: bool = False) -> str:
    """Lines of CSV; `safe`: no cell is a formula for a spreadsheet."""
    cells = [[safe_cell(cell) if safe else cell for cell in line] for line in lines]
    # A carriage return alone ends a line for many readers, and is quoted by few writers.
    unusual = any("\r" in cell for line in cells for cell in line)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if unusual else csv.QUOTE_MINIMAL).writerows(
        cells
    )
    return text.getvalue()


def safe_cell(cell: str) -> str:
    """A cell that spreadsheets show as it is."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def toml_string(text: str) -> str:
    """A text as a string of TOML. What cannot be encoded is replaced."""
    plain = text.encode("utf-8", "replace").decode()
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007F")
