"""Names of run folders: readable, and with a digest of all that affects answers, so that the same command resumes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.config import config

LONGEST = 80


def default_folder(parts: Sequence[str], request: Mapping[str, Any]) -> Path:
    """The run folder where none is given: in the folder of runs."""
    return config().runs / run_name(parts, request)


def run_name(parts: Sequence[str], request: Mapping[str, Any]) -> str:
    """A folder name from readable parts and the digest of a request."""
    described = json.dumps(request, sort_keys=True, ensure_ascii=False)
    readable = re.sub(r"[^A-Za-z0-9.+_-]+", "-", "-".join(parts)).strip("-.")[:LONGEST]
    return f"{readable}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"
