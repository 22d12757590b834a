"""Reports the outcome of an import: counts, and a table of unused rows and pictures."""

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
"""The reason for rows whose label is not one of the six emotions."""
NO_EMOTION = "category outside the six emotions"
"""The reason for rows that are used without an emotion, because their category is none of the six."""
SUGGESTED = {"fear": "worry", "afraid": "worry", "fearful": "worry", "scared": "worry", "disgust": "angry", "disgusted": "angry",
         "contempt": "angry"}  # fmt: skip
"""Suggested mapping for labels without a counterpart; never applied automatically."""
MAX_CELL_LENGTH = 500
MAX_LABELS, MAX_LABEL_LENGTH = 1000, 100
"""Maximum number of distinct labels counted, and their maximum length."""


class Report:
    """Counts outcomes and writes `unused.csv` incrementally."""

    def __init__(self, path: Path) -> None:
        """`path` is the path of the table."""
        try:
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as e:
            raise StorageError(f"{str(path)!r} cannot be written: {e.strerror}.", "Free disk space.") from e
        self._table = csv.writer(self._file)
        self._table.writerow(COLUMNS)
        self.rows: Counter[str] = Counter()
        """Table -> number of rows."""
        self.unused: dict[str, Counter[str]] = {}
        """Table (or "pictures") -> reason -> number of unused rows or pictures."""
        self.partly: dict[str, Counter[str]] = {}
        """Table -> reason -> number of partly used rows."""
        self.notes: list[str] = []
        self.earlier_lossy: list[str] = []
        """Lossy mappings applied before this import, as messages."""
        self._labels: Counter[tuple[str, str]] = Counter()
        self._unknown: Counter[str] = Counter()
        self._unmapped: Counter[str] = Counter()
        self.preview: list[dict[str, str]] = []
        """A few file names with the columns matched by the user's pattern."""
        self.value_ranges: dict[str, tuple[float, float]] = {}
        """Numeric column -> minimum and maximum."""

    def leave_out(
        self, file: str, line: int | str, image: str, reason: str, detail: str = "", column: str = ""
    ) -> None:
        """Record an unused row or picture."""
        self.unused.setdefault(file, Counter())[reason] += 1
        if reason == UNKNOWN:
            _count(self._unknown, _folded(detail))
        self._write(file, line, image, column, reason, detail, UNUSED)

    def use_partly(
        self, file: str, line: int | str, image: str, reason: str, detail: str = "", column: str = ""
    ) -> None:
        """Record a row with an unusable cell."""
        self.partly.setdefault(file, Counter())[reason] += 1
        self._write(file, line, image, column, reason, detail, PARTLY)

    def use_without_emotion(
        self, file: str, line: int | str, image: str, category: str, column: str = ""
    ) -> None:
        """Record a row whose category is none of the six: it has no emotion, and keeps the rest."""
        _count(self._unmapped, _folded(category))
        self.use_partly(file, line, image, NO_EMOTION, category, column)

    def unmapped(self) -> dict[str, int]:
        """Category -> number of rows that have no emotion for it."""
        return dict(self._unmapped.most_common())

    def use_label(self, label: str, emotion: str | None) -> None:
        """Count the original label of an imported picture."""
        if emotion:
            _count(self._labels, (_folded(label), emotion))

    def lossy(self, mapping: Mapping[str, str]) -> list[str]:
        """Messages about mapped labels that differ in meaning from their emotion.

        A numeric label has no meaning of its own: it is lossy only if a different label maps to the same emotion.
        """
        mapped = {_folded(label) for label in mapping}

        def by_mapping(label: str) -> bool:
            return not mapped.isdisjoint({label, *_WORDS.findall(label)})

        sources = Counter(emotion for _, emotion in self._labels)
        return self.earlier_lossy + [
            f"{label} counts as {emotion} ({count:,} pictures)"
            for (label, emotion), count in self._labels.items()
            if by_mapping(label)
            and fold_emotion(label) != emotion
            and (sources[emotion] > 1 or not label.isdigit())
        ]

    def suggestion(self) -> str:
        """The --map options that would include rows with unknown labels; "" if there are none."""
        return _suggestion(self._unknown)

    def observe(self, column: str, value: float) -> None:
        """Record a value of a numeric column, from which its scale is inferred."""
        low, high = self.value_ranges.get(column, (value, value))
        self.value_ranges[column] = (min(low, value), max(high, value))

    def note(self, text: str) -> None:
        """Add a remark for the user, without duplicates."""
        if text not in self.notes:
            self.notes.append(text)

    def close(self) -> None:
        """Close the table, and add a note on skipped labels."""
        if self._unknown:
            self.note(
                f"Labels outside the six emotions were skipped: {_listed(self._unknown)}. {self.suggestion()}"
            )
        if self._unmapped:
            self.note(
                f"Categories outside the six emotions are kept in the column category, without an emotion: "
                f"{_listed(self._unmapped)}. {_suggestion(self._unmapped)}"
            )
        self._file.close()

    def counts(self) -> dict[str, Any]:
        """The counts of each table, as JSON values."""
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
        self._table.writerow([csv_cell(" ".join(str(cell).split())[:MAX_CELL_LENGTH]) for cell in cells])


def _listed(labels: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in labels.most_common(6))


def _suggestion(labels: Counter[str]) -> str:
    if not labels:
        return ""
    pairs = [f"{name}={SUGGESTED.get(name, 'EMOTION')}" for name, _ in labels.most_common(6)]
    maps = " ".join(f"--map {shlex.quote(pair)}" for pair in pairs)
    return f"To map them to the six emotions, which loses information: {maps}"


def _folded(label: str) -> str:
    return " ".join(label.split()).strip("\"'").casefold()[:MAX_LABEL_LENGTH]


def _count(counter: Counter[K], key: K) -> None:
    if key in counter or len(counter) < MAX_LABELS:
        counter[key] += 1
