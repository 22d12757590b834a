"""Imports T2I-Eval-Bench (Tu et al., 2024, arXiv 2411.15488): generated pictures that three people scored."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.cells import cell, numeric
from harness.datasets.imports.json_records import Entry, json_entries
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import needed_file
from harness.errors import BadData

SCORES = "scores.json"
ASPECTS = ("appearance", "intrinsic", "relationship")
"""Aspects that are columns; the overall score is the quality."""
PICTURES = ("image", "image_path", "gt_image", "img", "path", "file")
PEOPLE = 3
"""How many people scored each picture; the score after theirs is their mean."""


class T2IEvalBench(Importer):
    """`scores.json` (overall, appearance, intrinsic and relationship, each with `manual_score`) and the pictures.

    The quality is the mean of the three people's overall scores; their scores are ratings. Scores of GPT-4o are not.
    """

    name = "t2i-eval-bench"
    summary = "T2I-Eval-Bench: scores.json and the pictures; quality by three people"
    label = "perceived"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        remedy = "Give the folder that contains it, with images.tar.gz unpacked."
        path = needed_file(source, SCORES, "T2I-Eval-Bench", remedy)
        index = PictureIndex(source.files)
        if not index.paths:
            raise BadData(
                f"{source.name!r} contains no pictures.", "Unpack images.tar.gz next to scores.json."
            )
        yield from with_name_columns(_records(path, index, source, options, report), options, report)


def _records(
    path: str, index: PictureIndex, source: Source, options: ImportOptions, report: Report
) -> Iterator[Record]:
    seen: dict[str, int] = {}
    scale = options.scales.get("quality")
    for entry in json_entries(source, path, report):
        report.rows[path] += 1
        line = report.rows[path]
        if not isinstance(entry.value, dict):
            report.leave_out(path, line, "", "broken row", cell(entry.value)[:100])
            continue
        image = _picture(entry, line, index, report)
        if image is None:
            continue
        if seen.setdefault(image, line) != line:
            report.leave_out(path, line, image, "duplicate", f"of line {seen[image]}")
            continue
        scores = _Scores(path, line, image, report, scale)
        overall = scores.of(entry.value, "overall")
        if not overall:
            report.leave_out(path, line, image, "no score by people", "", "overall")
            continue
        yield _record(entry.value, overall, scores)
    for image in index.unreferenced():
        report.leave_out("pictures", "", image, "no row")


def _picture(entry: Entry, line: int, index: PictureIndex, report: Report) -> str | None:
    """The picture of an entry, by its name or by the id; or None, with the entry in the report."""
    names = [cell(entry.value[key]) for key in (*PICTURES, "id") if cell(entry.value.get(key))]
    for name in names:
        found = index.find(name)
        if len(found) == 1:
            return found[0]
        if found:
            report.leave_out(entry.file, line, name, "several pictures", ", ".join(found[:3]))
            return None
    report.leave_out(entry.file, line, names[0] if names else "", "no picture" if names else "no image name")
    return None


class _Scores:
    """Reads the scores of one picture."""

    def __init__(
        self, file: str, line: int, image: str, report: Report, scale: tuple[float, float] | None
    ) -> None:
        self.file, self.line, self.image, self._report, self._scale = file, line, image, report, scale

    def of(self, entry: Mapping[str, Any], aspect: str) -> list[tuple[str, float]]:
        """Person and score, for the people whose score can be used."""
        part = entry.get(aspect)
        given = part.get("manual_score") if isinstance(part, dict) else None
        if given is None:
            return []
        if not isinstance(given, list):
            self._report.use_partly(self.file, self.line, self.image, "broken scores", cell(given), aspect)
            return []
        found = []
        for number, score in enumerate(given[:PEOPLE], 1):
            value = numeric(score)
            problem = "not a number" if value is None else ""
            if value is not None and self._scale and not self._scale[0] <= value <= self._scale[1]:
                problem = "outside the scale"
            if problem:
                # A picture without relations has the score N/A there.
                if cell(score) not in ("", "N/A"):
                    self._report.use_partly(self.file, self.line, self.image, problem, cell(score), aspect)
            elif value is not None:
                found.append((f"human-{number}", value))
        return found


def _record(entry: Mapping[str, Any], overall: list[tuple[str, float]], scores: _Scores) -> Record:
    attributes = {
        "prompt": cell(entry.get("prompt")),
        "generator": cell(entry.get("model", entry.get("generator"))),
    }
    ratings = [(who, "quality", f"{value:g}") for who, value in overall]
    for aspect in ASPECTS:
        given = scores.of(entry, aspect)
        ratings += [(who, aspect, f"{value:g}") for who, value in given]
        if given:
            attributes[f"score_{aspect}"] = f"{_mean(given):.6g}"
    return Record(
        scores.image,
        f"{scores.file}:{scores.line}",
        cell(entry.get("id")) or posixpath.splitext(scores.image)[0],
        quality=_mean(overall),
        attributes=attributes,
        ratings=tuple(ratings),
    )


def _mean(given: list[tuple[str, float]]) -> float:
    return sum(value for _, value in given) / len(given)
