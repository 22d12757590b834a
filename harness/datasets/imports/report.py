"""What an import made of each row and picture: counts, and a table of all that was not used."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

from harness.errors import StorageError

COLUMNS = ("file", "line", "image", "column", "reason", "detail", "effect")
UNUSED, PARTLY = "not used", "partly used"


class Report:
    """Counts, and lines of `unused.csv` as they come."""

    def __init__(self, path: Path) -> None:
        """`path`: where the table goes; it is written line by line."""
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as e:
            raise StorageError(f"{str(path)!r} cannot be written: {e.strerror}.", "Make room.") from e
        self._table = csv.writer(self._file)
        self._table.writerow(COLUMNS)
        self.rows: Counter[str] = Counter()
        """Table -> rows that were read."""
        self.unused: dict[str, Counter[str]] = {}
        """Table (or "pictures") -> reason -> count of what was not used."""
        self.partly: dict[str, Counter[str]] = {}
        """Table -> reason -> count of rows of which only a part was used."""
        self.notes: list[str] = []
        self.lossy: list[str] = []
        """What a mapping loses, in words."""
        self.preview: list[dict[str, str]] = []
        """A few file names, with what the user's pattern says of them."""
        self.seen: dict[str, tuple[float, float]] = {}
        """Column of numbers -> least and greatest value."""

    def leave_out(
        self, file: str, line: int | str, image: str, reason: str, detail: str = "", column: str = ""
    ) -> None:
        """Note a row or picture that is not used."""
        self.unused.setdefault(file, Counter())[reason] += 1
        self._write(file, line, image, column, reason, detail, UNUSED)

    def use_partly(
        self, file: str, line: int | str, image: str, reason: str, detail: str = "", column: str = ""
    ) -> None:
        """Note a row of which a cell could not be used."""
        self.partly.setdefault(file, Counter())[reason] += 1
        self._write(file, line, image, column, reason, detail, PARTLY)

    def see(self, column: str, value: float) -> None:
        """Note a value of a numeric column, from which its scale is inferred."""
        low, high = self.seen.get(column, (value, value))
        self.seen[column] = (min(low, value), max(high, value))

    def note(self, text: str) -> None:
        """Note something that a user should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def close(self) -> None:
        """Finish the table."""
        self._file.close()

    def counts(self) -> dict[str, Any]:
        """The counts as JSON values, table by table."""
        tables = dict.fromkeys([*self.rows, *self.unused, *self.partly])
        return {
            table: {
                "rows": self.rows[table],
                "not_used": dict(sorted(self.unused.get(table, {}).items())),
                "partly_used": dict(sorted(self.partly.get(table, {}).items())),
            }
            for table in tables
        }

    def _write(self, *cells: object) -> None:
        self._table.writerow([_safe(str(cell)) for cell in cells])


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, on one line."""
    cell = " ".join(cell.split())[:500]
    return "'" + cell if cell[:1] in ("=", "+", "-", "@") else cell
