"""Runs below folders, with their results; and which of them cannot be ranked, and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.comparing.loaded import Entry, EntryKey, LoadedRun, load_run, panel_entry
from harness.errors import HarnessError, RequestError
from harness.results import Results, TaskResult
from harness.scoring.panel import PANEL
from harness.scoring.run_record import RunRecord
from harness.store.archive import PREVIOUS
from harness.store.find import find_run, run_path
from harness.store.runfolder import GENERATE_ONLY, RUN, intact, read_run
from harness.store.scored import scored_results

DEEPEST = 6
"""Folders below the one named in which runs are looked for."""


@dataclass(frozen=True)
class RankedRun:
    """A run with its results, and its rows as soon as they are needed."""

    path: Path
    record: RunRecord
    results: Results
    baseline: bool
    marks: tuple[str, ...]
    """Why nothing of it is ranked; empty for runs that can be."""

    @cached_property
    def loaded(self) -> LoadedRun | None:
        """The rows; None where they cannot be read."""
        try:
            return load_run(self.path)
        except HarnessError:
            return None

    def entry(self, task: TaskResult) -> Entry | None:
        """The rows of one entry of the results; None where there are none."""
        run = self.loaded
        if run is None:
            return None
        if task.judge == PANEL:
            return panel_entry(run, task.task)
        return run.entries.get(
            EntryKey(task.task, task.data.name, task.judge or "", task.prompt_variant or "")
        )

    def task_marks(self, task: TaskResult) -> list[str]:
        """Why this entry is not ranked."""
        judges = [judge.name for judge in self.record.judges] if task.judge == PANEL else [task.judge or ""]
        marks = list(self.marks)
        if task.role == "generator":
            oracles = [judge for judge in judges if judge in self.record.oracles and task.judge != PANEL]
            marks += [f"its judge {judge} is shown the true answers (an oracle)" for judge in oracles]
            found = self.record.trained_on_these(judges, [self.record.model.name])
            marks += [f"its judge {j} was trained on pictures of {', '.join(of)}" for j, of in found.items()]
        else:
            marks += self._judge_marks(task)
        if task.failed and not self.marks:
            marks.append(f"{task.failed} of {task.n} failed")
        if task.primary is None or task.primary.value is None:
            marks.append("the metric has no value")
        return marks

    def _judge_marks(self, task: TaskResult) -> list[str]:
        model = self.record.model.name
        if model in self.record.oracles:
            return ["it is shown the true answers (an oracle)"]
        if not self.record.trained_on.get(model):
            return []
        # Only for models that name what they were trained on are the samples looked at.
        entry = self.entry(task)
        pictures = {sample.attributes.get("generator") for sample in entry.rows.samples} if entry else set()
        found = self.record.trained_on_these([model], {task.data.name, *pictures})
        return [f"it was trained on pictures of {', '.join(of)}, as these are" for of in found.values()]


def find_runs(paths: Sequence[str | Path]) -> tuple[list[RankedRun], list[str]]:
    """The runs that are named, or that lie in the folders named, and notes on those that have no results.

    Raises `RequestError` for a path that does not exist, or below which there is no run, and what is wrong with a run
    that is named itself.
    """
    runs: dict[Path, RankedRun] = {}
    notes: list[str] = []
    for path in paths:
        named = run_path(path)
        if named is not None:
            runs.setdefault(named.resolve(), _read(named))
            continue
        if not os.path.isdir(path):
            find_run(path)  # Raises, with the nearest name.
        below = list(_below(Path(path), DEEPEST))
        if not below:
            raise RequestError(
                f"There is no run in {str(path)!r}.", "Name run folders, or folders that contain some: see `harness list runs`."
            )  # fmt: skip
        for folder in below:
            try:
                runs.setdefault(folder.resolve(), _read(folder))
            except RequestError as e:
                notes.append(f"{folder} is left out: {e.message}")
    return list(runs.values()), notes


def _below(folder: Path, deepest: int) -> Iterator[Path]:
    """The run folders in a folder; what a run folder contains, such as earlier runs, is not looked at."""
    if (folder / RUN).is_file():
        yield folder
        return
    if not deepest:
        return
    try:
        inside = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for path in map(Path, inside):
        if path.name != PREVIOUS and not path.name.startswith("."):
            yield from _below(path, deepest - 1)


def _read(path: Path) -> RankedRun:
    document = read_run(path)
    if document["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{str(path)!r} holds portraits but no answers.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
        )
    with intact(path):
        record = RunRecord.parse(document)
    try:
        results = scored_results(path)
    except FileNotFoundError as e:
        raise RequestError(f"{str(path)!r} has no results.", f"Score it: harness score {path}") from e
    return RankedRun(
        path, record, results, document.get("baseline") is True, tuple(_run_marks(record, results))
    )


def _run_marks(record: RunRecord, results: Results) -> Iterator[str]:
    served = Counter(found.participant for found in results.run.served)
    mixed = [name for name, count in served.items() if count > 1]
    if mixed:
        yield f"mixes replies of two releases of {', '.join(mixed)}"
    elif (record.sequential or {}).get("stopped"):
        yield "stopped early by its gate"
    elif record.halted:
        yield "ended by a limit"
    elif not results.run.complete:
        yield "incomplete"
