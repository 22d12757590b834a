"""Where imported data sets live: `$XDG_DATA_HOME/memobench/data/NAME`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCUMENT = "import.json"
CHECKSUMS = "checksums.sha256"
UNUSED = "unused.csv"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def data_home() -> Path:
    """The folder of all imported data sets; it need not exist."""
    base = os.environ.get("XDG_DATA_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "memobench" / "data"


def imported() -> dict[str, Path]:
    """The imported data sets by name."""
    try:
        return {
            p.parent.name: p.parent
            for p in sorted(data_home().glob(f"*/{DOCUMENT}"))
            if NAME.fullmatch(p.parent.name)
        }
    except OSError:
        return {}


def document(folder: Path) -> Mapping[str, Any]:
    """What `harness data import` wrote about a data set of ours; empty for any other folder.

    Only below `data_home`: such a document says where pictures lie, and a downloaded folder must not.
    """
    try:
        if folder.resolve().parent != data_home().resolve():
            return {}
        found = json.loads((folder / DOCUMENT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def imported_notes(told: Mapping[str, Any]) -> list[str]:
    """What every result on an imported data set says: what its labels are, what a mapping lost, whose scales."""
    if not told:
        return []
    meaning = {"intended": "the emotion that was asked for", "perceived": "the emotion that people saw"}
    notes = [f"Emotion labels are {told['label']}: {meaning.get(told['label'], '')}."]
    notes += [f"Labels were mapped, which loses what they said: {text}." for text in told.get("lossy", ())]
    for column, scale in told.get("scales", {}).items():
        if scale["source"] == "inferred":
            notes.append(
                f"The scale of {column} is assumed to be {scale['low']:g} to {scale['high']:g}: inferred from values of "
                f"{scale['least']:g} to {scale['greatest']:g}."
            )
        elif (scale["low"], scale["high"]) != (1, 5):
            notes.append(
                f"The scale of {column} is {scale['low']:g} to {scale['high']:g}. Labels are compared as they are: where a task "
                "asks on another scale, correlations hold, and mae, rmse, bias and ece do not."
            )
    return notes
