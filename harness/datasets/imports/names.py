"""Extracts columns from file names with the user's pattern, and previews the matches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.datasets.imports.base import ImportOptions, Record
from harness.datasets.imports.report import Report
from harness.datasets.labels import fold_emotion
from harness.datasets.pattern import NamePattern

MAX_EXAMPLES = 5


class NameParser:
    """Parses columns from paths, counts matches, and keeps a few examples."""

    def __init__(self, pattern: NamePattern | None, label: str | None) -> None:
        """`label` is the meaning of the release's labels; an emotion in a file name is always the requested one."""
        self._pattern, self._label = pattern, label
        self.matched = 0
        self.unmatched: list[str] = []
        self._unmatched_count = 0
        self._disagree: list[str] = []
        self._preview: list[dict[str, str]] = []

    def parse(self, path: str, emotion: str | None) -> dict[str, str]:
        """The columns from a picture's path; `emotion` is its label."""
        if self._pattern is None:
            return {}
        found = self._pattern.match(path)
        if found is None:
            self._unmatched_count += 1
            if len(self.unmatched) < MAX_EXAMPLES:
                self.unmatched.append(path)
            return {}
        self.matched += 1
        columns = dict(found)
        if len(self._preview) < MAX_EXAMPLES:
            self._preview.append({"file": path, **columns})
        named = columns.pop("emotion", None)
        requested = fold_emotion(named) if named else None
        if requested and self._label == "perceived":
            columns["intended"] = requested
        elif requested and emotion and requested != emotion:
            self._disagree.append(path)
        if columns.get("prompt_id", "").isdecimal() and (requested or emotion):
            # Prompts are numbered per emotion: prompt 7 of happy differs from prompt 7 of sad.
            columns["prompt_id"] = f"{requested or emotion}-{int(columns['prompt_id'])}"
        columns.pop("intensity", None)
        return columns

    def finish(self, report: Report) -> None:
        """Report unmatched names, and names that disagree with labels."""
        if self._pattern is None:
            report.note(
                "No --name-pattern: generator and prompt are unknown, so intervals treat pictures of one "
                "prompt as independent, and results cannot be grouped by generator."
            )
            return
        report.preview = self._preview
        if self._unmatched_count:
            report.note(
                f"The name pattern does not match {self._unmatched_count} of {self.matched + self._unmatched_count} pictures, "
                f"such as {', '.join(self.unmatched)}."
            )
        if self._disagree:
            report.note(
                f"{len(self._disagree)} file names contradict their label, such as {self._disagree[0]}."
            )


def with_name_columns(records: Iterator[Record], options: ImportOptions, report: Report) -> Iterator[Record]:
    """The records with additional columns from their paths, if the user gave a pattern."""
    pattern = options.pattern()
    if pattern is None:
        yield from records
        return
    names = NameParser(pattern, options.label)
    for record in records:
        yield replace(record, attributes={**record.attributes, **names.parse(record.path, record.emotion)})
    names.finish(report)
