"""Says where the answers of a run come from different versions of what computes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.store.attempts import answering_attempts, count_lines
from harness.store.runfolder import REPLIES

ENGINES = ("torch", "vllm", "transformers", "diffusers", "onnxruntime")


def version_notes(path: Path, attempts: Sequence[Mapping[str, Any]], plugins: Iterable[str]) -> list[str]:
    """A note for each engine, or plugin of a participant, that had several versions in attempts that stored replies."""
    packages = dict.fromkeys((*ENGINES, *plugins))
    if not any(len(_versions(package, attempts)) > 1 for package in packages):
        return []  # Most runs: the replies need not be counted.
    answering = answering_attempts(list(attempts), count_lines(path / REPLIES))
    notes = []
    for package in packages:
        found = _versions(package, answering)
        if len(found) > 1:
            many = "two" if len(found) == 2 else str(len(found))
            notes.append(
                f"answers come from {many} versions of {package}: {', '.join(found[:-1])} and {found[-1]}"
            )
    return notes


def _versions(package: str, attempts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The versions of a package in order of the attempts. Attempts of earlier versions of memobench do not name all."""
    found = ((attempt.get("versions") or {}).get(package) for attempt in attempts)
    return list(dict.fromkeys(str(version) for version in found if version))
