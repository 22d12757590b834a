"""Writes an imported data set: its manifest, checksums, ratings, stored replies and, if copied, its pictures."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from harness.datasets.home import CHECKSUMS
from harness.datasets.imports.base import Record
from harness.datasets.imports.pictures import problem_of
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData, StorageError

COPIED = "pictures"
"""The folder of copied pictures in a data set."""
MAX_COLUMNS = 2000
"""Maximum number of columns of a manifest."""


@dataclass
class Written:
    """Statistics of the samples written so far."""

    samples: int = 0
    emotions: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    groups: dict[str, Counter[str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)


class Writer:
    """Writes the manifest, checksums, ratings and, if copied, pictures."""

    def __init__(
        self, folder: Path, source: Source, report: Report, copied: bool, domain: str | None
    ) -> None:
        """`domain` becomes a column."""
        self._folder, self._source, self._report, self.copied = folder, source, report, copied
        self._domain = domain
        self._digests: dict[str, str] = {}
        """Picture written before -> its digest; several samples may be about one picture."""
        if copied:
            _check_room(folder, sum(source.files.values()))
        self.written = Written()
        self._columns: dict[str, None] = {}
        self._rows: TextIO = (folder / ".rows.jsonl").open("w+", encoding="utf-8")
        self._sums: TextIO = (folder / CHECKSUMS).open("w", encoding="utf-8", errors="surrogateescape")
        self._ratings: TextIO | None = None

    def add(self, record: Record) -> None:
        """Check a record's pictures, then write them and its row, or report why they are unusable."""
        data: dict[str, bytes] = {}
        for path in (record.path, *record.other_pictures.values()):
            if path in self._digests and record.data is None:
                continue
            content, reason, detail = self._content(record, path)
            if content is None:
                self._leave_out(record, reason, detail)
                return
            data[path] = content
        sample = self._new_id(record)
        for path, content in data.items():
            self._write_picture(path, content)
        others = {column: self._place(path) for column, path in record.other_pictures.items()}
        self._write_sample(record, sample, others)

    def _content(self, record: Record, path: str) -> tuple[bytes | None, str, str]:
        """The bytes of a usable picture; or None, the reason and the detail."""
        embedded = record.data if path == record.path else None
        try:
            data = embedded if embedded is not None else self._source.read(path)
        except BadData as e:
            return None, "too large", e.message
        except OSError as e:
            return None, "unreadable", str(e.strerror or e)
        problem = problem_of(data)
        return (None, "unusable picture", problem) if problem else (data, "", "")

    def _place(self, path: str) -> str:
        """The path of a picture as the manifest names it."""
        return f"{COPIED}/{path}" if self.copied else path

    def _write_picture(self, path: str, data: bytes) -> None:
        image = self._place(path)
        if self.copied:
            file = self._folder / image
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self._digests[path] = hashlib.sha256(data).hexdigest()
        self._sums.write(f"{self._digests[path]}  {image}\n")

    def _leave_out(self, record: Record, reason: str, detail: str) -> None:
        """Report every row of a record with an unusable picture; or the picture itself, if there is no table."""
        for where in (record.where, *record.other_rows):
            file, _, line = where.rpartition(":")
            if file in self._report.rows:
                self._report.leave_out(file, line, record.path, reason, detail)
            else:
                self._report.leave_out("pictures", "", record.path, reason, detail)

    def _new_id(self, record: Record) -> str:
        sample = record.id or str(PurePosixPath(record.path).with_suffix(""))
        if sample in self.written.ids:
            sample = record.path
        while sample in self.written.ids:
            sample += "'"
        self.written.ids.add(sample)
        return sample

    def _write_sample(self, record: Record, sample: str, others: Mapping[str, str]) -> None:
        digest = self._digests[record.path]
        row: dict[str, Any] = {
            "image": self._place(record.path),
            "id": sample,
            "emotion": record.emotion,
            "intensity": record.intensity,
            "quality": record.quality,
        }
        marks = {"domain": self._domain} if self._domain else {}
        row |= {k: v for k, v in {**record.attributes, **others, **marks}.items() if v != "" and k not in row}
        row = self._limited(row)
        self._rows.write(json.dumps(row, ensure_ascii=True) + "\n")
        self._report.use_label(record.label, record.emotion)
        written = self.written
        parts = [row, digest, *(self._digests[path] for path in record.other_pictures.values())]
        written.digest.update(json.dumps(parts, sort_keys=True).encode())
        written.samples += 1
        for column, value in (("intensity", record.intensity), ("quality", record.quality)):
            if value is not None:
                self._report.observe(column, value)
        written.emotions[record.emotion or "none"] += 1
        written.counts.update(k for k in ("emotion", "intensity", "quality") if row[k] is not None)
        if record.attributes.get("generator"):
            written.groups.setdefault("generator", Counter())[record.attributes["generator"]] += 1
        for rating in record.ratings:
            self._rate(sample, *rating)

    def _limited(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row without columns beyond `MAX_COLUMNS`: names of columns may come from the data."""
        self._columns.update(
            dict.fromkeys([k for k in row if k not in self._columns][: MAX_COLUMNS - len(self._columns)])
        )
        kept = {k: v for k, v in row.items() if k in self._columns}
        if len(kept) < len(row):
            self._report.note(f"Only the first {MAX_COLUMNS:,} columns are kept.")
        return kept

    def _rate(self, sample: str, rater: str, question: str, value: str) -> None:
        if self._ratings is None:
            self._ratings = (self._folder / "ratings.csv").open("w", encoding="utf-8", newline="")
            csv.writer(self._ratings).writerow(("id", "rater", "question", "value"))
        csv.writer(self._ratings).writerow((sample, rater, question, value))
        self.written.counts["ratings"] += 1

    def finish(self) -> None:
        """Write the manifest; its columns are only known after the last record."""
        self._rows.seek(0)
        with (self._folder / "manifest.csv").open(
            "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            table = csv.DictWriter(file, list(self._columns), restval="")
            table.writeheader()
            for line in self._rows:
                table.writerow(
                    {
                        k: "" if v is None else int(v) if isinstance(v, float) and v.is_integer() else v
                        for k, v in json.loads(line).items()
                    }
                )
        (self._folder / ".rows.jsonl").unlink()

    def close(self) -> None:
        for opened in (self._rows, self._sums, self._ratings):
            if opened is not None:
                opened.close()


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"The pictures need {needed / 1e9:.1f} GB, but {str(folder.parent)!r} has {free / 1e9:.1f} GB free.",
            "Free disk space, set XDG_DATA_HOME to a different disk, or unpack the release and import the folder "
            "without --copy.",
        )
