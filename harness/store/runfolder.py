"""Reads and writes the folder of one run.

run.json        the request: resolved tasks, options, identities, versions, seeds, digests
samples.jsonl   ids, labels, attributes, picture digests, options as shown
replies.jsonl   one reply per line, append-only
failures.jsonl  failures of the last attempt; retried on resume
ratings.jsonl   judge runs: what individual people said of the samples, where the data sets have it
images/         generated images (file name = request id)
results.json    the metrics, computed only from the files above
previous/N      what the folder held before a run that asked everything anew
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import RunMismatch
from harness.store.archive import PREVIOUS, finish_move, is_archived, is_kept, move_aside
from harness.store.attempts import OF_ATTEMPT, attempt_of, attempts_after
from harness.store.files import LineFile, new_output, read_document, read_lines, storage_errors, write_json
from harness.store.locks import Lock
from harness.store.owners import sweep
from harness.store.shapes import check_run

RUN, SAMPLES, REPLIES, FAILURES, RESULTS = (
    "run.json",
    "samples.jsonl",
    "replies.jsonl",
    "failures.jsonl",
    "results.json",
)
GENERATE_ONLY = "draw"
"""The role in the request of a folder that holds generated images and no answers."""
PACE = "pace"
"""The key of `run.json` with how many requests each phase had, over all attempts, and how long they took."""
SHARD = "shard"
"""The key of `run.json` of a part of a run: its number, their count, and what the whole run asks."""
REQUIRED_KEYS = ("request", "plan", "name", "created", "versions")


class RunFolder:
    """A run folder open for writing. Create it with `open`; call `close` when done."""

    def __init__(self, path: Path, run: Mapping[str, Any], lock: Lock) -> None:
        self.path = path
        self.run = dict(run)
        self._lock = lock
        self._samples = LineFile(path / SAMPLES)
        self._replies = LineFile(path / REPLIES)
        self._failures = LineFile(path / FAILURES)
        # Keep hashes instead of records: a run may have millions of samples.
        self._known_samples = dict(map(_sample_key, read_lines(path / SAMPLES, needs={"data"})))
        self._failures.clear()

    @classmethod
    def open(cls, path: Path, run: Mapping[str, Any], *, fresh: bool = False) -> RunFolder:
        """Create the folder, or resume it if it contains the same request.

        With `fresh`, what it contains is first moved into `previous/N`, whatever its request. Without,
        `run["request"]` must match; everything else is replaced, save what is of the first attempt. Raises `RunMismatch` naming the difference, or
        if the folder is a baseline, or if another process is writing it, `BadOutput` if the folder cannot be created or written, and
        `StorageError` if the disk is full.
        """
        with new_output(path, "Choose a different --out."):
            return cls._open(path, run, fresh)

    @classmethod
    def _open(cls, path: Path, run: Mapping[str, Any], fresh: bool) -> RunFolder:
        with storage_errors(path):
            if path.exists() and not path.is_dir():
                raise RunMismatch(f"{str(path)!r} is a file, not a run folder.", "Choose a different --out.")
            path.mkdir(parents=True, exist_ok=True)
            others = [p.name for p in path.iterdir() if p.name != RUN and not is_kept(p)]
            others += [PREVIOUS] * (path / PREVIOUS).exists()
        if others and not (path / RUN).exists() and not is_archived(path, RUN):
            raise RunMismatch(
                f"{str(path)!r} is not a run folder: it contains {others[0]!r} but no {RUN}.",
                "Choose an empty or new folder for --out.",
            )
        _refuse_baseline(path)
        lock = Lock(path)
        try:
            sweep(path)
            finish_move(path, RUN)
            if fresh:
                move_aside(path, RUN)
            run = _merge(path, run)
            write_json(path / RUN, run)
            return cls(path, run, lock)
        except BaseException:
            lock.release()
            raise

    def update(self, changes: Mapping[str, Any]) -> None:
        """Replace these keys of `run.json`."""
        self.run |= changes
        write_json(self.path / RUN, self.run)

    def answered(self) -> set[bytes]:
        """The ids, as bytes, of all requests with a reply."""
        with intact(self.path):
            return {bytes.fromhex(r["id"]) for r in read_lines(self.path / REPLIES)}

    def add_sample(self, record: Mapping[str, Any]) -> None:
        """Store a sample unless an earlier attempt stored it with the same picture. Call once per sample and attempt."""
        sample, picture = _sample_key(record)
        if self._known_samples.get(sample) != picture:
            self._samples.append_buffered(record)

    def flush(self) -> None:
        """Write buffered samples: call before the folder is scored."""
        self._samples.flush()

    def add_reply(self, record: Mapping[str, Any]) -> None:
        """Store one reply; on return it survives if the process is killed.

        Raises TypeError or ValueError, with nothing stored, if it is not valid JSON.
        """
        self._replies.append(record)

    def add_failure(self, record: Mapping[str, Any]) -> None:
        """Store one failed request or sample of this attempt."""
        self._failures.append(record)

    def close(self) -> None:
        """Close the files and release the lock; a second call does nothing."""
        try:
            self._samples.close()
        finally:
            self._replies.close()
            self._failures.close()
            self._lock.release()


_OBJECT_HINT = (
    " An object created in Python counts as a new model each time, unless its class defines identity()."
)


def _sample_key(sample: Mapping[str, Any]) -> tuple[int, int]:
    return hash((sample["data"], sample["id"])), hash(sample.get("digest"))


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Convert errors from missing or invalid keys of a stored run to `RunMismatch`: it is damaged, or a different version wrote it."""
    try:
        yield
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        RecursionError,
    ) as e:
        raise RunMismatch(
            f"The run folder {str(path)!r} is damaged or was written by a different version: {type(e).__name__}: {e}.",
            "Use the version named in its run.json, or start a new run in a different folder.",
        ) from e


def read_run(path: Path) -> dict[str, Any]:
    """The `run.json` of a run folder. Raises `RunMismatch` if it is missing or invalid."""
    remedy = "Restore it from a copy, or start a new run in a different folder."
    try:
        document = read_document(path / RUN, remedy)
    except (FileNotFoundError, NotADirectoryError) as e:
        raise RunMismatch(
            f"{str(path)!r} is not a run folder: it contains no {RUN}.", "See `harness list runs`."
        ) from e
    missing = [key for key in REQUIRED_KEYS if key not in document]
    problem = f"it has no {' and no '.join(missing)}" if missing else check_run(document)
    if problem:
        raise RunMismatch(f"{path / RUN} is damaged: {problem}.", remedy)
    return document


def _refuse_baseline(path: Path) -> None:
    """Raise `RunMismatch` for a run that `harness gate --bless` made a baseline: it must stay as it was."""
    if (path / RUN).exists() and read_run(path).get("baseline") is True:
        raise RunMismatch(
            f"{str(path)!r} is a baseline of the gate; choose a different --out.",
            "Runs are compared with it, so it is never written to.",
        )


def _merge(path: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    if not (path / RUN).exists():
        return {**run, "attempts": [attempt_of(run, 0)]}
    stored = read_run(path)
    found = list(differences(stored["request"], json.loads(json.dumps(run["request"]))))
    if found:
        raise RunMismatch(
            f"The run folder {str(path)!r} contains a different request: " + "; ".join(found[:5]) + ".",
            "Choose a different --out, or omit --out to use a folder named after this request."
            + (_OBJECT_HINT if any("identity.object" in d for d in found) else ""),
        )
    parts = [_part(document) for document in (stored, run)]
    if parts[0] != parts[1]:
        raise RunMismatch(
            f"The run folder {str(path)!r} holds {parts[0]}, and this is {parts[1]}.",
            "Give each shard a folder of its own, and put them together: harness merge RUN RUN... --out DIR",
        )
    first = {key: stored[key] for key in (*OF_ATTEMPT, PACE) if key in stored}
    unknown = {
        key: None for key in OF_ATTEMPT if key in run and key not in stored
    }  # An earlier version wrote it.
    return {**run, **unknown, **first, "attempts": attempts_after(stored, run, path / REPLIES)}


def _part(run: Mapping[str, Any]) -> str:
    shard = run.get(SHARD)
    return f"shard {shard['number']}/{shard['count']}" if shard else "a whole run"


def differences(stored: Any, requested: Any, where: str = "") -> Iterator[str]:
    """What differs between two requests, a line each."""
    if isinstance(stored, dict) and isinstance(requested, dict):
        for key in sorted({*stored, *requested}):
            yield from differences(stored.get(key), requested.get(key), f"{where}.{key}" if where else key)
    elif stored != requested:
        yield f"{where} was {_short(stored)}, is {_short(requested)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
