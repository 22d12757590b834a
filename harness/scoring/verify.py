"""Checks a run folder as a whole: its files, ids and counts, its pictures, and its results against a fresh score."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.scoring.run_record import RunRecord
from harness.scoring.score_run import compute_results
from harness.scoring.stored import SAMPLE_KEYS
from harness.store.files import checked_line, read_document, stored_lines
from harness.store.regular import open_to_read, subfolder
from harness.store.replies import IMAGE_KEYS, JUDGE, JUDGE_KEYS, role_of
from harness.store.runfolder import FAILURES, GENERATE_ONLY, REPLIES, RESULTS, RUN, SAMPLES, intact, read_run
from harness.store.scored import scored_results
from harness.store.shapes import shape_of

IMAGES = "images"
MOST = 1000
"""Findings that are kept: a file of zeros has one a line."""
_CLOSE = 1e-9
_UNSTABLE = ("created", "versions", "notes", "complete", "served", "timings")
"""Fields of results that may differ although nothing was changed: what is installed now, times, why a run ended."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `line` is None where the whole file is meant."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f', line {self.line}'}: {self.what}"


@dataclass
class Verified:
    """What a run folder holds, and what is wrong with it."""

    samples: int = 0
    replies: int = 0
    failures: int = 0
    pictures: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, file: str, line: int | None, what: str) -> None:
        """Note something wrong."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(file, line, what))


@dataclass
class _Known:
    """What the lines of a folder refer to."""

    samples: dict[tuple[str, str], str | None] = field(default_factory=dict)
    """Data set and id of each sample -> the digest of its picture, by its last line."""
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last reply to each image request."""
    answers: Counter[str] = field(default_factory=Counter)
    """TASK@DATA, or TASK@JUDGE of a generator run -> how many replies."""


def verify_run(path: Path, progress: Callable[[int], None] | None = None) -> Verified:
    """Check a run folder or a baseline. Nothing is written; `progress` is called with the number of pictures read.

    Raises `RunMismatch` where there is no run, or its `run.json` cannot be read.
    """
    document = read_run(path)
    found, known = Verified(), _Known()
    run = None
    if document["request"].get("role") != GENERATE_ONLY:
        try:
            with intact(path):
                run = RunRecord.parse(document)
        except HarnessError as e:
            found.add(RUN, None, e.message)
    _check_samples(path, found, known)
    _check_replies(path, found, known, run)
    _check_failures(path, found)
    _check_pictures(path, found, known, progress)
    if run is not None:
        _check_counts(found, known, run)
        if not found.findings:
            _check_results(path, found)
    return found


def _records(
    path: Path, name: str, needs: Callable[[Mapping[str, Any]], frozenset[str]], found: Verified
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The good lines of a file with their numbers; the others are noted."""
    shape = shape_of(name)
    try:
        for number, line in enumerate(stored_lines(path / name), 1):
            if not line.endswith(b"\n"):
                found.add(name, number, "the last line is incomplete, as a kill or a full disk leaves it")
                return
            record, problem = checked_line(line, shape)
            missing = sorted(needs(record) - record.keys()) if not problem else []
            problem = problem or (f"the key {missing[0]!r} is missing" if missing else "")
            if problem:
                found.add(name, number, problem)
            else:
                yield number, record
    except HarnessError as e:
        found.add(name, None, e.message)


def _check_samples(path: Path, found: Verified, known: _Known) -> None:
    for _, record in _records(path, SAMPLES, lambda _: SAMPLE_KEYS, found):
        found.samples += (record["data"], record["id"]) not in known.samples
        known.samples[record["data"], record["id"]] = record.get("digest")


def _check_replies(path: Path, found: Verified, known: _Known, run: RunRecord | None) -> None:
    seen: set[str] = set()
    names = None if run is None else {run.model.name, *(judge.name for judge in run.judges)}

    def needs(record: Mapping[str, Any]) -> frozenset[str]:
        return JUDGE_KEYS if role_of(record) == JUDGE else IMAGE_KEYS

    for number, record in _records(path, REPLIES, needs, found):
        found.replies += 1
        judged = role_of(record) == JUDGE
        id_ = record["id"]
        if not _is_hex(id_):
            found.add(REPLIES, number, f"the id {id_[:80]!r} is no digest")
        elif id_ in seen and judged:
            found.add(REPLIES, number, f"the id {id_} has a reply already")
        seen.add(id_)
        if not judged:
            known.images[id_] = record
        elif (record["data"], record["sample_id"]) not in known.samples:
            found.add(
                REPLIES,
                number,
                f"the sample {record['sample_id'][:80]!r} is not in {SAMPLES}: a foreign reply",
            )
        elif run is not None and record["task"] not in run.questions:
            found.add(REPLIES, number, f"the task {record['task'][:80]!r} is not asked in this run")
        else:
            known.answers[f"{record['task']}@{record['data']}"] += 1
        if names is not None and "by" in record and record["by"] not in names:
            found.add(REPLIES, number, f"{record['by'][:80]!r} takes no part in this run")


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text))
    except ValueError:
        return False


def _check_failures(path: Path, found: Verified) -> None:
    needed = frozenset({"by", "sample_id", "task", "error"})
    for _ in _records(path, FAILURES, lambda _: needed, found):
        found.failures += 1


def _check_pictures(
    path: Path, found: Verified, known: _Known, progress: Callable[[int], None] | None
) -> None:
    """The portraits of a generator, which the folder keeps; pictures of data sets lie elsewhere."""
    delivered = {id_: reply for id_, reply in known.images.items() if reply["outcome"] == "ok"}
    # A baseline keeps no pictures.
    if not delivered or not os.path.lexists(path / IMAGES):
        if delivered and (path / REPLIES).exists():
            found.add(IMAGES, None, f"the folder is missing, with {len(delivered)} generated images")
        return
    try:
        folder = subfolder(path, IMAGES, create=False)
    except HarnessError as e:
        found.add(IMAGES, None, e.message)
        return
    for id_, reply in delivered.items():
        name = f"{IMAGES}/{id_}.png"
        try:
            with open_to_read(folder / f"{id_.replace(os.sep, '_')}.png") as file:
                digest = hashlib.sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
        except FileNotFoundError:
            found.add(name, None, "missing")
            continue
        except (OSError, HarnessError) as e:
            found.add(name, None, str(e))
            continue
        found.pictures += 1
        if reply.get("picture") not in (None, digest.hexdigest()):
            found.add(name, None, "not the image that was generated: its digest differs from the stored one")
        if progress:
            progress(found.pictures)
    for (_, sample), picture in known.samples.items():
        made = delivered.get(sample, {}).get("picture")
        if made and picture and made != picture:
            found.add(SAMPLES, None, f"the sample {sample} was judged by another image than was generated")


def _check_counts(found: Verified, known: _Known, run: RunRecord) -> None:
    """More replies than questions: a larger limit before explains them, a folder without one does not."""
    if run.selected is not None or run.role != "judge":
        return
    for name in run.data:
        stored = sum(data == name for data, _ in known.samples)
        for task, spec in run.tasks.items():
            answers, planned = known.answers[f"{task}@{name}"], run.counts.get(f"{task}@{name}", 0)
            if answers > max(planned, stored * run.repeats) * len(spec.prompt_variants):
                found.add(REPLIES, None, f"{answers} replies to {task} on {name}, and {planned} questions")


def _check_results(path: Path, found: Verified) -> None:
    try:
        scored_results(path)
        stored = read_document(path / RESULTS, "")
    except FileNotFoundError:
        found.add(RESULTS, None, f"missing; score the run: harness score {path}")
        return
    except HarnessError as e:
        found.add(RESULTS, None, e.message)
        return
    try:
        with intact(path):
            fresh = compute_results(path).document()
    except HarnessError as e:
        found.add(RUN, None, e.message)
        return
    for where, before, after in _differences(stored, fresh):
        found.add(RESULTS, None, f"{where} is {before}, and a fresh score gives {after}")


def _differences(stored: Any, fresh: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(stored, dict) and isinstance(fresh, dict):
        # Results of earlier versions lack what was added since.
        for key in stored:
            if key not in _UNSTABLE:
                yield from _differences(stored[key], fresh.get(key), f"{where}.{key}" if where else key)
    elif isinstance(stored, list) and isinstance(fresh, list) and len(stored) == len(fresh):
        for number, (one, other) in enumerate(zip(stored, fresh, strict=True)):
            yield from _differences(one, other, f"{where}[{number}]")
    elif not _same(stored, fresh):
        yield where, _short(stored), _short(fresh)


def _same(stored: Any, fresh: Any) -> bool:
    if isinstance(stored, float) and isinstance(fresh, (float, int)):
        return math.isclose(stored, fresh, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(stored == fresh)


def _short(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return f"{len(value)} entries"
    return repr(value)[:80]
