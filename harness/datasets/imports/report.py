"""What an import made of each row and picture: counts, and a table of all that was not used."""

from __future__ import annotations

import csv
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.datasets.labels import fold_emotion
from harness.errors import StorageError
from harness.escaping import csv_cell

K = TypeVar("K")
_WORDS = re.compile(r"[^\W_]+")
COLUMNS = ("file", "line", "image", "column", "reason", "detail", "effect")
UNUSED, PARTLY = "not used", "partly used"
UNKNOWN = "unknown label"
"""The reason for what is left out because its label is none of the six."""
USUAL = {"fear": "worry", "afraid": "worry", "fearful": "worry", "scared": "worry", "disgust": "angry", "disgusted": "angry",
         "contempt": "angry"}  # fmt: skip
"""The nearest of the six for labels that have no counterpart: suggested, never used unasked."""
LONGEST_CELL = 500
MOST, LONGEST = 1000, 100
"""How many different labels are counted, and how many characters of them."""


class Report:
    """Counts, and lines of `unused.csv` as they come."""

    def __init__(self, path: Path) -> None:
        """`path`: where the table goes; it is written line by line."""
        try:
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
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
        self.lost: list[str] = []
        """What mappings lost before this import, in words."""
        self._labels: Counter[tuple[str, str]] = Counter()
        self._unknown: Counter[str] = Counter()
        self.preview: list[dict[str, str]] = []
        """A few file names, with what the user's pattern says of them."""
        self.seen: dict[str, tuple[float, float]] = {}
        """Column of numbers -> least and greatest value."""

    def leave_out(
        self, file: str, line: int | str, image: str, reason: str, detail: str = "", column: str = ""
    ) -> None:
        """Note a row or picture that is not used."""
        self.unused.setdefault(file, Counter())[reason] += 1
        if reason == UNKNOWN:
            _count(self._unknown, _folded(detail))
        self._write(file, line, image, column, reason, detail, UNUSED)

    def use_partly(
        self, file: str, line: int | str, image: str, reason: str, detail: str = "", column: str = ""
    ) -> None:
        """Note a row of which a cell could not be used."""
        self.partly.setdefault(file, Counter())[reason] += 1
        self._write(file, line, image, column, reason, detail, PARTLY)

    def use_label(self, label: str, emotion: str | None) -> None:
        """Note that a picture was taken whose label the release calls `label`."""
        if emotion:
            _count(self._labels, (_folded(label), emotion))

    def lossy(self, mapping: Mapping[str, str]) -> list[str]:
        """What the user's mapping made the same, in words: labels that mean something else than the emotion.

        A number says nothing of its own: it loses its meaning only where another label counts as the same emotion.
        """
        mapped = {_folded(label) for label in mapping}

        def by_mapping(label: str) -> bool:
            return not mapped.isdisjoint({label, *_WORDS.findall(label)})

        sources = Counter(emotion for _, emotion in self._labels)
        return self.lost + [
            f"{label} counts as {emotion} ({count:,} pictures)"
            for (label, emotion), count in self._labels.items()
            if by_mapping(label)
            and fold_emotion(label) != emotion
            and (sources[emotion] > 1 or not label.isdigit())
        ]

    def suggestion(self) -> str:
        """Which --map would take the rows whose label is none of the six; empty if there are none."""
        if not self._unknown:
            return ""
        pairs = [f"{name}={USUAL.get(name, 'EMOTION')}" for name, _ in self._unknown.most_common(6)]
        maps = " ".join(f"--map {shlex.quote(pair)}" for pair in pairs)
        return f"To count them as one of the six, which loses what they said: {maps}"

    def see(self, column: str, value: float) -> None:
        """Note a value of a numeric column, from which its scale is inferred."""
        low, high = self.seen.get(column, (value, value))
        self.seen[column] = (min(low, value), max(high, value))

    def note(self, text: str) -> None:
        """Note something that a user should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def close(self) -> None:
        """Finish the table, and say which labels were left out."""
        if self._unknown:
            labels = ", ".join(f"{name} {count}" for name, count in self._unknown.most_common(6))
            self.note(f"Labels that are none of the six were left out: {labels}. {self.suggestion()}")
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
        self._table.writerow([csv_cell(" ".join(str(cell).split())[:LONGEST_CELL]) for cell in cells])


def _folded(label: str) -> str:
    return " ".join(label.split()).strip("\"'").casefold()[:LONGEST]


def _count(counter: Counter[K], key: K) -> None:
    if key in counter or len(counter) < MOST:
        counter[key] += 1
