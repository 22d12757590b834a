"""Reads the `results.json` of a run folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from harness.errors import RunMismatch
from harness.results import Results, read_results
from harness.store.files import read_document
from harness.store.runfolder import RESULTS


def scored_results(path: Path) -> Results:
    """The results of a run folder.

    Raises `FileNotFoundError` where it has none yet, and `RunMismatch` with the file and what is wrong in it where they are
    damaged, or written by a version that this one cannot read.
    """
    remedy = f"Score it again: harness score {path}"
    document = read_document(path / RESULTS, remedy)
    try:
        return read_results(document)
    except ValidationError as e:
        error = e.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, error["loc"]))
        raise RunMismatch(f"{path / RESULTS} is damaged: {where}: {error['msg']}.", remedy) from e
