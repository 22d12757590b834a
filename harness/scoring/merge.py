"""Puts the shards of a run together: a run folder that is the same as one that was asked in one piece."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import RunMismatch, StorageError
from harness.results import Results
from harness.scoring.score_run import score_folder
from harness.store import RunFolder
from harness.store.attempts import attempt_of, count_lines
from harness.store.files import read_lines, write_atomically
from harness.store.regular import open_to_read, subfolder
from harness.store.replies import GENERATOR
from harness.store.runfolder import (
    FAILURES,
    PACE,
    REPLIES,
    SAMPLES,
    SHARD,
    differences,
    intact,
    read_run,
)
from harness.store.state import COMPLETE, FAILED, RUNNING, STATE, attempt, state_of

IMAGES, MANIFEST = "images", "manifest.csv"
COPIED = ("ratings.csv", "ratings.jsonl")
"""Files that every shard has, with the same content."""


@dataclass(frozen=True)
class Merged:
    """A merged run: its folder, its results, and the numbers of the shards that are missing."""

    path: Path
    results: Results
    missing: tuple[int, ...]


def merge_runs(paths: Sequence[Path], out: Path) -> Merged:
    """Merge shards of one run into the new folder `out`, and score it.

    Raises `RunMismatch` for folders that are no shards of the same run, for a shard that is given twice, and for a shard that
    is being written. Shards that are missing leave the merged run incomplete: the command of the run, without --shard and
    with this folder, asks the rest.
    """
    documents = [read_run(path) for path in paths]
    _check(paths, documents)
    if (out / "run.json").exists():
        raise RunMismatch(f"{str(out)!r} is a run folder already.", "Choose a new folder for --out.")
    count = documents[0][SHARD]["count"]
    order = sorted(range(len(paths)), key=lambda at: documents[at][SHARD]["number"])
    paths, documents = [paths[at] for at in order], [documents[at] for at in order]
    missing = tuple(sorted(set(range(1, count + 1)) - {d[SHARD]["number"] for d in documents}))
    folder = RunFolder.open(out, _document(out, paths, documents))
    with attempt(folder):
        for path in paths:
            with intact(path):
                _copy(path, folder)
        folder.flush()
        _copy_documents(paths, folder.path)
        folder.update({"attempts": _attempts(paths, documents)})
        results = score_folder(folder.path, complete=not missing)
        folder.update({STATE: COMPLETE if results.run.complete else FAILED})
    return Merged(out, results, missing)


def _check(paths: Sequence[Path], documents: Sequence[Mapping[str, Any]]) -> None:
    first, seen = documents[0], dict[int, Path]()
    for path, document in zip(paths, documents, strict=True):
        shard = document.get(SHARD)
        if not shard:
            raise RunMismatch(
                f"{str(path)!r} is a whole run, not a shard of one.",
                "Shards are made by `harness run --shard I/N`.",
            )
        found = [*differences(first["request"], document["request"])]
        if shard["count"] != first[SHARD]["count"]:
            found.append(f"{first[SHARD]['count']} shards, and {shard['count']}")
        if document.get("limit") != first.get("limit"):
            found.append(f"limit was {first.get('limit')}, is {document.get('limit')}")
        if found:
            raise RunMismatch(
                f"{str(path)!r} is a shard of another run than {str(paths[0])!r}: {'; '.join(found[:5])}.",
                "Merge shards of one command only.",
            )
        if shard["number"] in seen:
            raise RunMismatch(
                f"{str(path)!r} and {str(seen[shard['number']])!r} are both shard {shard['number']}/{shard['count']}.",
                "Give each shard once.",
            )
        seen[shard["number"]] = path
        if state_of(path, document) == RUNNING:
            raise RunMismatch(f"{str(path)!r} is being written.", "Wait until it has ended.")


def _document(out: Path, paths: Sequence[Path], documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The `run.json` of the whole run."""
    first = documents[0]
    kept = {
        key: value for key, value in first.items() if key not in (PACE, "halted", "sequential", "attempts")
    }
    whole = first[SHARD]
    notes: dict[str, list[str]] = {}
    for document in documents:
        for name, lines in document.get("notes", {}).items():
            notes[name] = [*dict.fromkeys([*notes.get(name, []), *lines])]
    return {
        **kept,
        "name": out.resolve().name,
        "plan": whole["plan"],
        "selected": whole["selected"],
        "left_out": whole["left_out"],
        "notes": notes,
        "created": min(document["created"] for document in documents),
        SHARD: None,
        STATE: RUNNING,
    }


def _attempts(paths: Sequence[Path], documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The attempts of all shards, each with the replies that came before it; equal neighbours are one."""
    attempts: list[dict[str, Any]] = []
    before = 0
    for path, document in zip(paths, documents, strict=True):
        for entry in document.get("attempts") or [attempt_of(document, 0)]:
            shifted = {**entry, "replies": int(entry.get("replies") or 0) + before}
            if not attempts or any(
                attempts[-1].get(key) != shifted.get(key) for key in ("versions", "hardware")
            ):
                attempts.append(shifted)
        before += count_lines(path / REPLIES)
    return attempts


def _copy(path: Path, folder: RunFolder) -> None:
    for record in read_lines(path / SAMPLES):
        folder.add_sample(record)
    for record in read_lines(path / REPLIES):
        if record["role"] == GENERATOR and record.get("outcome") == "ok":
            _copy_image(path, folder.path, record)
        folder.add_reply(record)
    for record in read_lines(path / FAILURES):
        folder.add_failure(record)


def _copy_image(path: Path, target: Path, record: Mapping[str, Any]) -> None:
    name = f"{record['id']}.png"
    try:
        with open_to_read(subfolder(path, IMAGES, create=False) / name) as file:
            data = file.read()
    except OSError as e:
        raise StorageError(
            f"The image {name} of {str(path)!r} cannot be read: {e.strerror}.",
            "Run the command of that shard again, which generates it again.",
        ) from e
    write_atomically(subfolder(target, IMAGES) / name, data, sync=False)


def _copy_documents(paths: Sequence[Path], target: Path) -> None:
    for name in COPIED:
        if os.path.lexists(paths[0] / name):
            with open_to_read(paths[0] / name) as file:
                write_atomically(target / name, file.read())
    rows = [row for path in paths for row in _manifest(path)]
    if rows:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(target / MANIFEST, text.getvalue().encode())


def _manifest(path: Path) -> Iterator[dict[str, str]]:
    if not os.path.lexists(path / MANIFEST):
        return
    with open_to_read(path / MANIFEST) as binary, io.TextIOWrapper(binary, "utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: value for name, value in row.items() if name and isinstance(value, str)}
