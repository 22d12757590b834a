"""Imports a release: checks every picture, accounts for every row, and publishes the data set atomically."""

from __future__ import annotations

import csv
import datetime
import errno
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from harness.datasets.exchange import put_in_place, recover
from harness.datasets.home import CHECKSUMS, DOCUMENT, NAME, UNUSED, data_home
from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.pictures import problem_of
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source, open_source
from harness.datasets.imports.table import infer_scale
from harness.errors import BadData, RequestError, StorageError
from harness.store.files import cannot_write, new_output
from harness.store.locks import ImportLock
from harness.store.owners import new_folder_aside, sweep

COPIED = "pictures"
"""The folder of copied pictures in a data set."""
MAX_COLUMNS = 2000
"""Maximum number of columns of a manifest."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
Progress = Callable[[int], None]


@dataclass
class _Written:
    """Statistics of the samples written so far."""

    samples: int = 0
    emotions: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    groups: dict[str, Counter[str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)


def import_data(
    kind: Importer,
    path: Path,
    options: ImportOptions,
    *,
    name: str | None = None,
    copy: bool = False,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Import a release and return the contents of its `import.json`. Pictures in an archive are always copied.

    `progress` is called with the number of processed records. With `dry_run` nothing is kept. Raises `BadData` if the
    release is unusable, `RequestError` if the options do not match it, `StorageError` if the disk is full.
    """
    name = name or kind.default_name or kind.name
    options.pattern()  # Fail early on an invalid pattern.
    with _importing(name):
        target = _target(name, replace or dry_run)
        return _imported(kind, path, options, name, target, copy=copy, dry_run=dry_run, progress=progress)


def _imported(
    kind: Importer,
    path: Path,
    options: ImportOptions,
    name: str,
    target: Path,
    *,
    copy: bool,
    dry_run: bool,
    progress: Progress | None,
) -> dict[str, Any]:
    source = open_source(path)
    try:
        with _read_errors(source):
            in_column = kind.domain_column or options.domain is not None
            options = kind.complete(source, options)
            embedded = kind.embeds(source)
        with _temporary_folder(name) as folder:
            report = Report(folder / UNUSED)
            for file, why in source.refused.items():
                report.leave_out("pictures", "", file, why)
            copied = copy or embedded or source.real_path("") is None
            writer = _Writer(folder, source, report, copied, options.domain if in_column else None)
            try:
                for done, record in enumerate(_records(kind, source, options, report), 1):
                    writer.add(record)
                    if progress:
                        progress(done)
                writer.finish()
            finally:
                writer.close()
                report.close()
            _check_any(writer.written, report, kind, path)
            summary = _summary(kind, path, name, writer, options, report)
            _write(folder / DOCUMENT, summary)
            if not dry_run:
                put_in_place(folder, target)
    except OSError as e:
        raise cannot_write(target, e, "Set XDG_DATA_HOME to a different folder; nothing was imported.") from e
    finally:
        source.close()
    return summary


@contextmanager
def _read_errors(source: Source) -> Iterator[None]:
    """Raise read errors of the release as `BadData`, to distinguish them from write errors."""
    try:
        yield
    except OSError as e:
        if e.errno in _FULL:
            raise
        raise BadData(
            f"{str(e.filename or source.name)!r} cannot be read: {e.strerror or e}.",
            "Nothing was imported. Check the permissions, or download it again.",
        ) from e


def _records(kind: Importer, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
    with _read_errors(source):
        yield from kind.read(source, options, report)


def _target(name: str, replace: bool) -> Path:
    target = data_home() / name
    if target.exists() and not replace:
        raise RequestError(
            f"The data set {name!r} already exists in {str(target)!r}.",
            "Add --replace, or choose a different --name.",
        )
    return target


@contextmanager
def _importing(name: str) -> Iterator[None]:
    """Import into a name alone; what killed imports left behind is put back or removed before."""
    if not NAME.fullmatch(name):
        raise RequestError(
            f"{name!r} is not a valid data set name.", "Use letters, digits, dot, dash and underscore."
        )
    home, remedy = data_home(), "Set XDG_DATA_HOME to a different folder."
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise cannot_write(home, e, remedy) from e
    with new_output(home, remedy):
        lock = ImportLock(home, name)
    try:
        recover(home)
        sweep(home)
        yield
    finally:
        lock.release()


@contextmanager
def _temporary_folder(name: str) -> Iterator[Path]:
    """A temporary folder next to the data sets, deleted on exit unless renamed."""
    try:
        data_home().mkdir(parents=True, exist_ok=True)
        folder = new_folder_aside(data_home() / name)
    except OSError as e:
        raise cannot_write(data_home(), e, "Set XDG_DATA_HOME to a different folder.") from e
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Writer:
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
        self.written = _Written()
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


def _check_any(written: _Written, report: Report, kind: Importer, path: Path) -> None:
    if written.samples:
        return
    reasons: Counter[str] = sum(report.unused.values(), Counter())
    summary = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(4)) or "it contains none"
    raise BadData(
        f"Nothing in {str(path)!r} could be used as {kind.name}: {summary}.",
        report.suggestion() or "Check that it is the right folder and the complete release.",
    )


def _summary(
    kind: Importer, path: Path, name: str, writer: _Writer, options: ImportOptions, report: Report
) -> dict[str, Any]:
    written = writer.written
    return {
        "schema": 1,
        "name": name,
        "kind": kind.name,
        "source": str(path.resolve()),
        "root": None if writer.copied else str(path.resolve()),
        "imported": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "label": options.label,
        "domain": options.domain,
        "samples": written.samples,
        "with": {
            k: written.counts[k] for k in ("emotion", "intensity", "quality", "ratings") if written.counts[k]
        },
        "emotions": dict(sorted(written.emotions.items())),
        "groups": {k: dict(sorted(v.items())) for k, v in written.groups.items()},
        "scales": _scales(options, report),
        "mapping": dict(options.mapping),
        "lossy": report.lossy(options.mapping),
        "unmapped": report.unmapped(),
        "name_pattern": options.name_pattern,
        "preview": report.preview,
        "tables": report.counts(),
        "notes": report.notes,
        "digest": written.digest.hexdigest(),
    }


def _scales(options: ImportOptions, report: Report) -> dict[str, Any]:
    """The scale of each numeric column: declared, or inferred from its values."""
    found: dict[str, Any] = {}
    for column, observed in report.value_ranges.items():
        low, high = options.scales.get(column) or infer_scale(*observed)
        found[column] = {
            "low": low,
            "high": high,
            "source": "declared" if column in options.scales else "inferred",
            "least": observed[0],
            "greatest": observed[1],
        }
    return found


def _write(path: Path, summary: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
