"""Reads a stored run back for Python."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import RequestError
from harness.escaping import plain
from harness.exporting.run_result import RunResult
from harness.results import Results
from harness.store.find import find_run
from harness.store.runfolder import GENERATE_ONLY, read_run
from harness.store.scored import scored_results


def load(run: str | os.PathLike[str]) -> RunResult:
    """A run that was stored before, as `evaluate` returned it: `run` is its folder, or its name below `runs/`.

    Nothing is asked and nothing is written. Raises `RequestError` that names the nearest run where there is none, and
    says what to do where it has no results.
    """
    if not isinstance(run, (str, os.PathLike)):
        raise RequestError(
            f"run must be a folder or a name below runs/, not {plain(repr(run), 60)}.",
            'For example: load("runs/NAME").',
        )
    path = find_run(Path(run))
    return RunResult(path, stored_results(path), stopped=str(read_run(path).get("halted") or ""))


def stored_results(path: Path) -> Results:
    """The `results.json` of a run folder. Raises `RequestError` where it has none, or a damaged one."""
    if read_run(path)["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{str(path)!r} holds portraits but no answers.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
        )
    try:
        return scored_results(path)
    except FileNotFoundError as e:
        raise RequestError(
            f"The run {str(path)!r} has no results yet.",
            f"Finish it with the command that started it, or: harness score {path}",
        ) from e
