"""What file names say, by the user's pattern, with a preview of what it matched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.datasets.imports.base import ImportOptions, Record
from harness.datasets.imports.report import Report
from harness.datasets.labels import fold_emotion
from harness.datasets.pattern import NamePattern

SHOWN = 5


class NameReader:
    """Reads columns from paths, counts what the pattern matched, and keeps a few examples."""

    def __init__(self, pattern: NamePattern | None, label: str | None) -> None:
        """`label` says what the release's own labels are: an emotion in a name is what was asked for."""
        self._pattern, self._label = pattern, label
        self.matched = 0
        self.unmatched: list[str] = []
        self._passed_over = 0
        self._disagree: list[str] = []
        self._preview: list[dict[str, str]] = []

    def read(self, path: str, emotion: str | None) -> dict[str, str]:
        """The columns that a picture's name gives; `emotion` is what its row says."""
        if self._pattern is None:
            return {}
        found = self._pattern.match(path)
        if found is None:
            self._passed_over += 1
            if len(self.unmatched) < SHOWN:
                self.unmatched.append(path)
            return {}
        self.matched += 1
        columns = dict(found)
        if len(self._preview) < SHOWN:
            self._preview.append({"file": path, **columns})
        named = columns.pop("emotion", None)
        asked = fold_emotion(named) if named else None
        if asked and self._label == "perceived":
            columns["intended"] = asked
        elif asked and emotion and asked != emotion:
            self._disagree.append(path)
        if columns.get("prompt_id", "").isdecimal() and (asked or emotion):
            # Prompts are numbered within their emotion: 7 of happy is not 7 of sad.
            columns["prompt_id"] = f"{asked or emotion}-{int(columns['prompt_id'])}"
        columns.pop("intensity", None)
        return columns

    def finish(self, report: Report) -> None:
        """Say what the pattern did not match, and where names and labels disagree."""
        if self._pattern is None:
            report.note(
                "No --name-pattern: generator and prompt are not known, so intervals treat pictures of one "
                "prompt as independent, and nothing is shown by generator."
            )
            return
        report.preview = self._preview
        if self._passed_over:
            report.note(
                f"The name pattern does not match {self._passed_over} of {self.matched + self._passed_over} pictures, "
                f"such as {', '.join(self.unmatched)}."
            )
        if self._disagree:
            report.note(
                f"{len(self._disagree)} names say another emotion than their label, such as {self._disagree[0]}."
            )


def named(records: Iterator[Record], options: ImportOptions, report: Report) -> Iterator[Record]:
    """The records with the columns that the user's pattern reads from their paths, where there is a pattern."""
    pattern = options.pattern()
    if pattern is None:
        yield from records
        return
    names = NameReader(pattern, options.label)
    for record in records:
        yield replace(record, attributes={**record.attributes, **names.read(record.path, record.emotion)})
    names.finish(report)
