"""Imports a release: checks every picture, accounts for every row, and publishes the data set atomically."""

from __future__ import annotations

import datetime
import errno
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from harness.datasets.exchange import put_in_place, recover
from harness.datasets.home import DOCUMENT, NAME, UNUSED, data_home
from harness.datasets.imports.base import Importer, ImportOptions
from harness.datasets.imports.replies import ReplyWriter
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source, open_source
from harness.datasets.imports.table import infer_scale
from harness.datasets.imports.writer import Writer, Written
from harness.errors import BadData, RequestError
from harness.store.files import cannot_write, new_output
from harness.store.locks import ImportLock
from harness.store.owners import new_folder_aside, sweep

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
Progress = Callable[[int], None]
T = TypeVar("T")


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
            writer = Writer(folder, source, report, copied, options.domain if in_column else None)
            replies = ReplyWriter(folder, report, writer.written.ids)
            try:
                for done, record in enumerate(_read(kind.read(source, options, report), source), 1):
                    writer.add(record)
                    if progress:
                        progress(done)
                writer.finish()
                for reply in _read(kind.replies(source, options, report), source):
                    replies.add(reply)
            finally:
                replies.close()
                writer.close()
                report.close()
            _check_any(writer.written, report, kind, path)
            if replies.count:
                writer.written.counts["replies"] = replies.count
                report.note(_stored(name, replies.models))
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


def _read(rows: Iterable[T], source: Source) -> Iterator[T]:
    with _read_errors(source):
        yield from rows


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


def _stored(name: str, models: Sequence[str]) -> str:
    """Where the stored replies are, and how they are scored."""
    shown = ", ".join(models[:12]) + (", ..." if len(models) > 12 else "")
    return f"Stored replies of {len(models)} models ({shown}) can be scored, such as recorded:{name}/{models[0]}."


def _check_any(written: Written, report: Report, kind: Importer, path: Path) -> None:
    if written.samples:
        return
    reasons: Counter[str] = sum(report.unused.values(), Counter())
    summary = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(4)) or "it contains none"
    raise BadData(
        f"Nothing in {str(path)!r} could be used as {kind.name}: {summary}.",
        report.suggestion() or "Check that it is the right folder and the complete release.",
    )


def _summary(
    kind: Importer, path: Path, name: str, writer: Writer, options: ImportOptions, report: Report
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
            k: written.counts[k]
            for k in ("emotion", "intensity", "quality", "ratings", "replies")
            if written.counts[k]
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
