"""Imports Hugging Face image data sets on disk: Parquet files with embedded pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import DOMAINS, LABELS, Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.class_folders import SPLITS
from harness.datasets.imports.memo_bench import scaled
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.parquet import OURS, class_names, load_pyarrow, metadata
from harness.datasets.imports.parquet_rows import BATCH, check_size, embedded_picture, opened, parquet_files
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData, nearest

_COLUMN_NAMES = {
    "image": ("image", "img", "picture", "photo", "face", "jpg", "png", "webp"),
    "emotion": ("emotion", "label", "labels", "expression", "emotion_label"),
    "intensity": ("intensity",),
    "quality": ("quality",),
    "id": ("id", "image_id"),
}
"""Our column -> the names it is searched under."""
RATINGS = "ratings"


@dataclass(frozen=True)
class _Columns:
    """The role of each column of a file."""

    image: str
    used: Mapping[str, str]
    """emotion, intensity, quality, id -> column of the file."""
    others: tuple[str, ...]
    """Columns kept as attributes."""
    ratings: bool
    classes: Mapping[str, list[str]]
    exported: bool
    """Whether `harness data export` wrote the file."""


class HuggingFace(Importer):
    """Parquet files with an Image column ({bytes, path}) or plain bytes, and a label: text, or a ClassLabel.

    Columns are found by common names; `ImportOptions.columns` overrides them. Scalar values of other columns, and of
    structs, become attributes. Files from `harness data export` also specify the meaning of labels and the scales.
    """

    name = "hf"
    summary = "Parquet files with embedded pictures, from Hugging Face or `harness data export`"
    takes_columns = tuple(_COLUMN_NAMES)

    def embeds(self, source: Source) -> bool:
        return True

    def complete(self, source: Source, options: ImportOptions) -> ImportOptions:
        exported = _export_metadata(source)
        columns = {("emotion" if key == "label" else key): name for key, name in options.columns.items()}
        options = super().complete(
            source,
            replace(
                options,
                columns=columns,
                label=options.label or exported["label"],
                domain=options.domain or exported["domain"],
            ),
        )
        return replace(options, scales={**exported["scales"], **options.scales})

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        report.earlier_lossy += _export_metadata(source)["lossy"]
        yield from with_name_columns(_records(source, options, report), options, report)


def _records(source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
    labels = LabelParser(options)
    for path in parquet_files(source):
        with opened(source, path) as file:
            columns = _columns(path, file.schema_arrow, options)
            check_size(path, source.files[path], file.metadata)
            needed = [
                columns.image,
                *columns.used.values(),
                *columns.others,
                *([RATINGS] if columns.ratings else []),
            ]
            skipped = sorted(set(file.schema_arrow.names) - set(needed))
            if skipped:
                report.note(f"Columns without scalar values were skipped: {', '.join(skipped)}.")
            for batch in file.iter_batches(batch_size=BATCH, columns=list(dict.fromkeys(needed))):
                for row in batch.to_pylist():
                    report.rows[path] += 1
                    record = _record(row, path, columns, source, options, labels, report)
                    if record is not None:
                        yield record


def _record(
    row: Mapping[str, Any],
    path: str,
    columns: _Columns,
    source: Source,
    options: ImportOptions,
    labels: LabelParser,
    report: Report,
) -> Record | None:
    line = report.rows[path]
    cells = {name: _text(row[column], columns.classes.get(column)) for name, column in columns.used.items()}
    where, data = embedded_picture(row[columns.image], path, line, source)
    if data is None and where not in source.files:
        report.leave_out(path, line, where, "no picture")
        return None
    label = cells.get("emotion", "")
    rated = cells.get("intensity") or cells.get("quality") or row.get(RATINGS)
    # Our own exports may contain unlabelled samples.
    emotion, problem = labels.parse(label) if label or not (rated or columns.exported) else (None, "")
    if problem:
        report.leave_out(path, line, where, problem, label, columns.used.get("emotion", ""))
        return None
    values: dict[str, float | None] = {}
    for name in ("intensity", "quality"):
        values[name], problem = scaled(cells.get(name, ""), name, options, report, path)
        if values[name] is None and cells.get(name):
            report.use_partly(path, line, where, problem, cells[name], columns.used[name])
    attributes = dict(_attributes(row, columns))
    split = SPLITS.get(re.split(r"[-_.]", PurePosixPath(path).name)[0].casefold())
    if split:
        attributes.setdefault("split", split)
    ratings = (
        tuple((str(r["rater"]), str(r["question"]), str(r["value"])) for r in row.get(RATINGS) or () if r)
        if columns.ratings
        else ()
    )
    return Record(
        where,
        f"{path}:{line}",
        cells.get("id", ""),
        emotion,
        label,
        values["intensity"],
        values["quality"],
        attributes,
        data,
        ratings,
    )


def _attributes(row: Mapping[str, Any], columns: _Columns) -> Iterator[tuple[str, str]]:
    for column in columns.others:
        value = row[column]
        if isinstance(value, dict):
            yield from ((f"{column}_{name}", _text(part)) for name, part in value.items())
        else:
            yield column, _text(value, columns.classes.get(column))


def _text(value: Any, names: list[str] | None = None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).strip()


def _columns(path: str, schema: Any, options: ImportOptions) -> _Columns:
    pyarrow = load_pyarrow("Reading Parquet")
    types = {field.name: field.type for field in schema}
    used = {}
    for role, names in _COLUMN_NAMES.items():
        column = _requested_column(path, role, options.columns.get(role), types) or next(
            (n for name in names for n in types if n.casefold() == name), None
        )
        if column is not None:
            used[role] = column
    image = used.pop("image", None)
    if image is None or not _is_image(pyarrow, types[image]):
        candidates = [
            name
            for name, kind in types.items()
            if _is_image(pyarrow, kind) and not pyarrow.types.is_string(kind)
        ]
        if (image is not None and "image" in options.columns) or len(candidates) != 1:
            raise BadData(
                f"{path} has no picture column" + (f" {image!r}." if image else "."),
                _hint("image", types),
            )
        image = candidates[0]
    if not used.keys() & {"emotion", "intensity", "quality"}:
        raise BadData(f"{path} has no label column.", _hint("emotion", types))
    taken = {image, *used.values()}
    ratings = RATINGS in types and RATINGS not in taken and _is_ratings(pyarrow, types[RATINGS])
    others = tuple(
        n
        for n, kind in types.items()
        if n not in taken and not (ratings and n == RATINGS) and _is_scalar_or_struct(pyarrow, kind)
    )
    return _Columns(image, used, others, ratings, class_names(schema), bool(metadata(schema, OURS)))


def _requested_column(path: str, role: str, column: str | None, types: Mapping[str, Any]) -> str | None:
    """The column specified by the user, if any."""
    if column is not None and column not in types:
        guess = nearest(column, types)
        raise BadData(
            f"{path} has no column {column!r} (--column {role}={column})"
            + (f"; did you mean {guess!r}?" if guess else "."),
            f"Its columns are: {', '.join(types)}.",
        )
    return column


def _hint(role: str, types: Mapping[str, Any]) -> str:
    return f"Specify it: --column {role}=NAME. Its columns are: {', '.join(types) or 'none'}."


def _is_image(pyarrow: Any, kind: Any) -> bool:
    if pyarrow.types.is_struct(kind):
        return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
    return bool(
        pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind) or pyarrow.types.is_string(kind)
    )


def _is_ratings(pyarrow: Any, kind: Any) -> bool:
    if not (pyarrow.types.is_list(kind) and pyarrow.types.is_struct(kind.value_type)):
        return False
    return {kind.value_type.field(i).name for i in range(kind.value_type.num_fields)} >= {
        "rater",
        "question",
        "value",
    }


def _is_scalar_or_struct(pyarrow: Any, kind: Any) -> bool:
    """Whether cells are scalars, or structs of scalars."""
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    if pyarrow.types.is_struct(kind):
        return all(_is_scalar(pyarrow, kind.field(i).type) for i in range(kind.num_fields))
    return _is_scalar(pyarrow, kind)


def _is_scalar(pyarrow: Any, kind: Any) -> bool:
    test = pyarrow.types
    return bool(
        test.is_string(kind)
        or test.is_large_string(kind)
        or test.is_integer(kind)
        or test.is_floating(kind)
        or test.is_boolean(kind)
        or test.is_null(kind)
    )


def _export_metadata(source: Source) -> dict[str, Any]:
    """Label, scales and lossy mappings stored by `harness data export`; invalid values are ignored, as the file is untrusted."""
    with opened(source, parquet_files(source)[0]) as file:
        exported = metadata(file.schema_arrow, OURS)
    scales = exported.get("scales")
    ends = {
        column: (float(pair[0]), float(pair[1]))
        for column, pair in (scales.items() if isinstance(scales, dict) else ())
        if column in ("intensity", "quality")
        and isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(end, (int, float)) and math.isfinite(end) for end in pair)
        and pair[0] < pair[1]
    }
    lossy = exported.get("lossy")
    return {
        "label": exported["label"] if exported.get("label") in LABELS else None,
        "domain": exported["domain"] if exported.get("domain") in DOMAINS else None,
        "scales": ends,
        "lossy": [str(text)[:200] for text in lossy[:20]] if isinstance(lossy, list) else [],
    }
