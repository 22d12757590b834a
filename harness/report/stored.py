"""The runs of a page as they are stored: their results, what was asked, and where their pictures lie."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.charts.names import EntryKey, run_names
from harness.errors import HarnessError, RequestError
from harness.results import Results, TaskResult
from harness.scoring.run_record import RunRecord
from harness.store.runfolder import GENERATE_ONLY, intact, read_run
from harness.store.scored import scored_results


@dataclass(frozen=True)
class StoredReport:
    """One run of the page."""

    path: Path
    name: str
    """As the page names it: unlike all others."""
    results: Results
    document: Mapping[str, Any] = field(repr=False)
    """`run.json`."""
    record: RunRecord | None = field(repr=False, default=None)
    """What was asked; None where this version cannot read it."""
    problem: str = ""
    """Why its samples cannot be shown, in one line; "" where they can."""
    data_names: Mapping[str, str] = field(default_factory=dict)
    """Its own name of a data set -> the name in the first run that holds the same data."""

    @property
    def role(self) -> str:
        """judge or generator: what is under test."""
        return str(self.document["request"].get("role", "judge"))

    @property
    def oracles(self) -> list[str]:
        """The judges that are shown the true answers."""
        return [str(name) for name in self.document.get("oracles") or ()]

    def entry(self, key: EntryKey) -> TaskResult | None:
        """The results of an entry, None where this run has none."""
        return next((task for task in self.results.tasks if self.key_of(task) == key), None)

    def key_of(self, task: TaskResult) -> EntryKey:
        """What an entry is about, with the data set named as in the first run that holds the same data."""
        data = self.data_names.get(task.data.name, task.data.name)
        return EntryKey(task.task, data, task.judge or "", task.prompt_variant or "")

    def root(self, data: str) -> Path | None:
        """The folder that the pictures of a data set lie in, or of a generator's portraits; None where it is gone."""
        if self.role == "generator":
            return self.path
        stored = (self.document.get("folders") or {}).get(data)
        if not isinstance(stored, str):
            return None
        # A relative path was relative to where the run was started: mostly a folder above the run.
        places = [Path(), *list(self.path.resolve().parents)[:4]]
        return next((place / stored for place in places if (place / stored).is_dir()), None)


def read_runs(paths: Sequence[Path]) -> list[StoredReport]:
    """Read the results of run folders. Raises `RequestError` where one has none, `RunMismatch` where it is damaged."""
    documents = [_answered(path) for path in paths]
    results = [_results(path) for path in paths]
    names = run_names(results)
    same = _data_names(documents)
    runs = []
    for path, name, found, document, data in zip(paths, names, results, documents, same, strict=True):
        record, problem = None, ""
        try:
            with intact(path):
                record = RunRecord.parse(document)
        except HarnessError as e:
            problem = e.message
        runs.append(StoredReport(path, name, found, document, record, problem, data))
    return runs


def _answered(path: Path) -> dict[str, Any]:
    document = read_run(path)
    if document["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{str(path)!r} holds portraits but no answers: there is nothing to report.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
        )
    return document


def _results(path: Path) -> Results:
    try:
        return scored_results(path)
    except FileNotFoundError:
        raise RequestError(
            f"The run {str(path)!r} has no results yet.",
            f"Finish it with the command that started it, or: harness score {path}",
        ) from None


def _data_names(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """For each run, the names of its data sets as the first run with the same data calls them."""
    first: dict[Any, str] = {}
    found = []
    for document in documents:
        data = document["request"].get("data") or {}
        found.append({name: first.setdefault(digest, name) for name, digest in data.items()})
    return found


def relative_link(picture: str, page: Path) -> str:
    """The address of a file from the folder of the page, escaped; "" where there is none, as on another drive."""
    try:
        relative = os.path.relpath(picture, page.parent)
    except ValueError:
        return ""
    # "./" keeps a name that begins like "javascript:" a name; surrogates stand for bytes that are not UTF-8.
    return "./" + quote(os.fsencode(relative.replace(os.sep, "/")))
