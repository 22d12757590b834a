"""Finds run folders by path, or by name in the folder of runs."""

from __future__ import annotations

import os
from pathlib import Path

from harness.config import config
from harness.errors import RequestError, nearest


def run_path(reference: str | Path) -> Path | None:
    """The run folder of a path, or of a name in the folder of runs; None if there is none."""
    paths = (Path(reference), config().runs / reference)
    # Unlike Path.is_file, this takes names that are too long for a file.
    return next((path for path in paths if os.path.isfile(path / "run.json")), None)


def find_run(reference: str | Path) -> Path:
    """The same as `run_path`. Raises RequestError if there is none."""
    path = run_path(reference)
    if path is not None:
        return path
    if os.path.exists(reference):
        raise RequestError(
            f"{str(reference)!r} is not a run folder: it holds no run.json.", "See `harness list runs`."
        )
    known = sorted(p.parent.name for p in config().runs.glob("*/run.json"))
    guess = nearest(str(reference), known)
    raise RequestError(
        f"There is no run {str(reference)!r}.",
        f"Did you mean {guess!r}?" if guess else "See `harness list runs`.",
    )
