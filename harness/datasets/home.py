"""Locates imported data sets: `$XDG_DATA_HOME/memobench/data/NAME`, or in the folder that the configuration names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.config import config
from harness.datasets.exchange import recover
from harness.errors import RequestError

DOCUMENT = "import.json"
CHECKSUMS = "checksums.sha256"
UNUSED = "unused.csv"
REPLIES = "replies"
"""The folder of stored replies: a JSONL file for each model."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def data_home() -> Path:
    """The folder of all imported data sets; it may not exist. Raises `RequestError` for a user without a home folder."""
    chosen = config().data
    if chosen is not None:
        return chosen
    base = os.environ.get("XDG_DATA_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / "memobench" / "data"
    try:
        home = Path.home()
    except RuntimeError as e:  # no HOME, and a user id without an entry, as in some containers
        raise RequestError(
            "The folder of imported data sets is unknown: HOME is not set, and this user has no home folder.",
            "Set XDG_DATA_HOME to a folder that you can write.",
        ) from e
    return home / ".local" / "share" / "memobench" / "data"


def imported() -> dict[str, Path]:
    """The imported data sets by name; none if their folder is unknown or cannot be read."""
    try:
        home = data_home()
        recover(home)
        return {name: home / name for name in sorted(os.listdir(home)) if _is_imported(home / name)}
    except (OSError, RequestError):
        return {}


def _is_imported(folder: Path) -> bool:
    """Whether a folder is an imported data set; one that this user may not read is, too, so that its use says why."""
    if not NAME.fullmatch(folder.name):
        return False
    try:
        (folder / DOCUMENT).stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def document(folder: Path) -> Mapping[str, Any]:
    """The `import.json` of an imported data set; empty for any other folder.

    Only read below `data_home`: it specifies where pictures are, which a downloaded folder must not do.
    """
    try:
        if folder.resolve().parent != data_home().resolve():
            return {}
        found = json.loads((folder / DOCUMENT).read_bytes())
    except (OSError, ValueError, RecursionError, RequestError):
        return {}
    return found if isinstance(found, dict) else {}


def imported_notes(metadata: Mapping[str, Any]) -> list[str]:
    """Notes shown with every result on an imported data set: meaning of labels, lossy mappings, scales."""
    if not metadata:
        return []
    meaning = {"intended": "the requested emotion", "perceived": "the emotion that people perceived"}
    notes = [f"Emotion labels are {metadata['label']}: {meaning.get(metadata['label'], '')}."]
    notes += [f"Labels were mapped, which loses information: {text}." for text in metadata.get("lossy", ())]
    for column, scale in metadata.get("scales", {}).items():
        if scale["source"] == "inferred":
            notes.append(
                f"The scale of {column} is assumed to be {scale['low']:g} to {scale['high']:g}: inferred from values of "
                f"{scale['least']:g} to {scale['greatest']:g}."
            )
        elif (scale["low"], scale["high"]) != (1, 5):
            notes.append(
                f"The scale of {column} is {scale['low']:g} to {scale['high']:g}. Labels are not rescaled: for a task with "
                "a different scale, correlations are valid, but mae, rmse, bias and ece are not."
            )
    return notes
