"""Baselines: a run reduced to what a gate compares, small enough to commit and to review."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import RequestError, RunMismatch
from harness.numbers import storable
from harness.store.files import new_output, read_lines, storage_errors, write_atomically, write_json
from harness.store.packed import pack
from harness.store.regular import open_to_read
from harness.store.replies import GENERATOR, role_of
from harness.store.runfolder import GENERATE_ONLY, REPLIES, RESULTS, RUN, SAMPLES, read_run
from harness.store.scored import scored_results

_JUDGE = (
    "id",
    "role",
    "task",
    "by",
    "data",
    "sample_id",
    "wording",
    "repeat",
    "picture",
    "text",
    "scores",
    "rating",
    "refusal",
    "finish_reason",
    "extra",
    "served",
)
_GENERATOR = ("id", "role", "by", "sample_id", "outcome", "faces", "served")
"""What of a reply scores depend on; how long it took and what it cost is left out."""
_LOCAL = ("folders", "command", "git")
"""What of run.json, and of its attempts, is about the machine of the run alone."""


def bless(run: Path, folder: Path) -> list[Path]:
    """Write the baseline of a scored, complete run into `folder`, and return its files.

    Holds `results.json`, `run.json`, and the samples and replies compressed; no pictures, no people's ratings. The same
    run always gives the same bytes. An earlier baseline there is replaced, its `gate.toml` kept. Raises `RequestError`
    for a run that is incomplete or not scored, or a folder that holds something else.
    """
    document = read_run(run)
    _check_run(run, document)
    _check_folder(folder)
    stored = folder / RUN
    with new_output(folder, "Choose a different --baseline."):
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        # Without run.json the folder is no baseline: a process that is killed leaves none that mixes two runs.
        stored.unlink(missing_ok=True)
        write_atomically(folder / f"{SAMPLES}.gz", pack(_lines(read_lines(run / SAMPLES))))
        write_atomically(folder / f"{REPLIES}.gz", pack(_lines(map(_reduced, read_lines(run / REPLIES)))))
        with open_to_read(run / RESULTS) as results:
            write_atomically(folder / RESULTS, results.read())
        kept = _shared(document)
        if "attempts" in kept:
            kept["attempts"] = [_shared(attempt) for attempt in kept["attempts"]]
        write_json(stored, {**kept, "baseline": True})
    return [folder / name for name in (RESULTS, RUN, f"{SAMPLES}.gz", f"{REPLIES}.gz")]


def _check_run(run: Path, document: Mapping[str, Any]) -> None:
    if document["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{str(run)!r} holds portraits but no answers.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {run}",
        )
    if document.get("baseline"):
        raise RequestError(
            f"{str(run)!r} is a baseline already.", "Bless a run folder, or copy the baseline as it is."
        )
    try:
        results = scored_results(run)
    except FileNotFoundError as e:
        raise RequestError(f"The run {str(run)!r} has no results.", f"Score it: harness score {run}") from e
    if not results.run.complete:
        raise RequestError(
            f"The run {str(run)!r} is incomplete: a baseline must not lack answers.",
            "Finish it with the command that started it, then bless it.",
        )

    if (document.get("sequential") or {}).get("stopped"):
        raise RequestError(
            f"The run {str(run)!r} was stopped early by its gate: a baseline must not lack answers.",
            "Finish it with the same harness run command without --gate, then bless it.",
        )


def _check_folder(folder: Path) -> None:
    """Refuse to write among files that are not a baseline's."""
    if not os.path.exists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        if read_run(folder).get("baseline"):
            return
    except RunMismatch:
        if folder.is_dir() and [path.name for path in folder.iterdir()] == ["gate.toml"]:
            return
    raise RequestError(
        f"{str(folder)!r} exists and is not a baseline.", "Name a new folder, or one that holds a baseline."
    )


def _shared(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _LOCAL}


def _reduced(reply: Mapping[str, Any]) -> dict[str, Any]:
    kept = _GENERATOR if role_of(reply) == GENERATOR else _JUDGE
    return {name: reply[name] for name in kept if name in reply}


def _lines(records: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    for record in records:
        # Lines of earlier versions may hold numbers that JSON does not have.
        text = json.dumps(storable(record), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        yield (text + "\n").encode("utf-8", "backslashreplace")
