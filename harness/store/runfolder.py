"""One run on disk.

run.json        what was asked: the resolved tasks, options, identities, versions, seeds, digests
samples.jsonl   ids, labels, attributes, picture digests, options as shown
replies.jsonl   one reply a line, append only
failures.jsonl  what failed in the last attempt; retried on resume
images/         what a generator drew (file name = request id)
results.json    the figures, recomputed from the files above alone
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import RunMismatch
from harness.store.files import LineFile, Lock, is_aside, read_lines, storing, write_json

RUN, SAMPLES, REPLIES, FAILURES, RESULTS = (
    "run.json",
    "samples.jsonl",
    "replies.jsonl",
    "failures.jsonl",
    "results.json",
)
NEEDED = ("request", "plan", "name", "created", "versions")


class RunFolder:
    """A run folder open for writing. Use `open`, then `close`."""

    def __init__(self, path: Path, run: Mapping[str, Any], lock: Lock) -> None:
        self.path = path
        self.run = dict(run)
        self._lock = lock
        self._samples = LineFile(path / SAMPLES)
        self._replies = LineFile(path / REPLIES)
        self._failures = LineFile(path / FAILURES)
        # Hashes, not the records: a run may have very many samples.
        self._noted = dict(map(_identity, read_lines(path / SAMPLES)))
        self._failures.clear()

    @classmethod
    def open(cls, path: Path, run: Mapping[str, Any]) -> RunFolder:
        """Make the folder, or resume it if it holds the same request.

        `run["request"]` is compared; `run["plan"]` may grow. Raises `RunMismatch` with the difference, or
        when another process writes the folder, and `StorageError` when it cannot be written.
        """
        with storing(path):
            if path.exists() and not path.is_dir():
                raise RunMismatch(f"{str(path)!r} is a file, not a run folder.", "Give another --out.")
            path.mkdir(parents=True, exist_ok=True)
            others = [p.name for p in path.iterdir() if p.name not in (".lock", RUN) and not is_aside(p)]
        if others and not (path / RUN).exists():
            raise RunMismatch(
                f"{str(path)!r} is not a run folder: it holds {others[0]!r} but no {RUN}.",
                "Give an empty or a new folder as --out.",
            )
        lock = Lock(path)
        try:
            run = _merge(path, run)
            write_json(path / RUN, run)
            return cls(path, run, lock)
        except BaseException:
            lock.release()
            raise

    def answered(self) -> set[bytes]:
        """The ids, as bytes, of all requests that have a reply."""
        return {bytes.fromhex(r["id"]) for r in read_lines(self.path / REPLIES)}

    def replies(self) -> Iterator[dict[str, Any]]:
        """All replies, in the order in which they came."""
        return read_lines(self.path / REPLIES)

    def add_sample(self, record: Mapping[str, Any]) -> None:
        """Note a sample, unless its last line, of an earlier attempt, has the same picture. Once an attempt."""
        sample, picture = _identity(record)
        if self._noted.get(sample) != picture:
            self._samples.append_later(record)

    def flush(self) -> None:
        """Write what waits: call before the folder is scored."""
        self._samples.flush()

    def add_reply(self, record: Mapping[str, Any]) -> None:
        """Store one reply; it outlives the process from here on.

        Raises TypeError or ValueError, with nothing stored, where it is not JSON.
        """
        self._replies.append(record)

    def add_failure(self, record: Mapping[str, Any]) -> None:
        """Note one failed request or sample of this attempt."""
        self._failures.append(record)

    def close(self) -> None:
        """Close the files and let others write; a second call does nothing."""
        try:
            self._samples.close()
        finally:
            self._replies.close()
            self._failures.close()
            self._lock.release()


_OBJECTS = " An object made in Python counts as a new model each time, unless its class defines identity()."


def _identity(sample: Mapping[str, Any]) -> tuple[int, int]:
    return hash((sample["data"], sample["id"])), hash(sample.get("digest"))


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Turn what a stored run lacks into a `RunMismatch`: it was damaged, or another version wrote it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise RunMismatch(
            f"The run folder {str(path)!r} does not hold what this version writes: {type(e).__name__}: {e}.",
            "Use the version that its run.json names, or start a new run with another --out.",
        ) from e


def read_run(path: Path) -> dict[str, Any]:
    """The `run.json` of a run folder. Raises `RunMismatch` when there is none or it is broken."""
    if not (path / RUN).is_file():
        raise RunMismatch(
            f"{str(path)!r} is not a run folder: it holds no {RUN}.", "See `harness list runs`."
        )
    try:
        document = json.loads((path / RUN).read_bytes())
        missing = [key for key in NEEDED if key not in document]
        if missing or not isinstance(document["request"], dict):
            raise ValueError(f"it has no {' and no '.join(missing) or 'request'}")
    except (ValueError, TypeError, OSError) as e:
        raise RunMismatch(f"{path / RUN} cannot be read: {e}.", "Start a new run with another --out.") from e
    return dict(document)


def _merge(path: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    if not (path / RUN).exists():
        return dict(run)
    held = read_run(path)
    differences = list(_differences(held["request"], json.loads(json.dumps(run["request"]))))
    if differences:
        raise RunMismatch(
            f"The run folder {str(path)!r} holds another request: " + "; ".join(differences[:5]) + ".",
            "Give another --out, or leave --out away to have a folder named for this request."
            + (_OBJECTS if any("identity.object" in d for d in differences) else ""),
        )
    plan = dict(run["plan"])
    for key, count in held.get("plan", {}).items():
        plan[key] = max(count, plan.get(key, 0)) if isinstance(count, int) else plan.get(key, count)
    return {**run, "created": held["created"], "plan": plan}


def _differences(held: Any, asked: Any, where: str = "") -> Iterator[str]:
    if isinstance(held, dict) and isinstance(asked, dict):
        for key in sorted({*held, *asked}):
            yield from _differences(held.get(key), asked.get(key), f"{where}.{key}" if where else key)
    elif held != asked:
        yield f"{where} was {_short(held)}, is {_short(asked)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
