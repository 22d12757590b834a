"""Reads the file of `-o replies=FILE`: one JSON object per line, with `id` (of a sample) and `text`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness import BadOption

HINT = 'Each line must be an object like {"id": "sample-1", "text": "happy"}.'


class Replies(NamedTuple):
    """The reply for each sample id, and the digest of the file."""

    texts: Mapping[str, str]
    digest: str


def read_replies(path: Path) -> Replies:
    """Parse a JSONL file. Raises `BadOption` with file and line."""
    try:
        data = Path(os.path.expanduser(path)).read_bytes()
    except OSError as e:
        message = f"echo: replies: {str(path)!r} cannot be read: {e.strerror}."
        raise BadOption(message, "Check the path.") from e
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as e:
        raise BadOption(f"echo: replies: {str(path)!r} is not UTF-8 text.", HINT) from e
    texts: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"echo: replies: {str(path)!r}, line {number}"
        sample_id, text = _entry(line, where)
        if sample_id in texts:
            raise BadOption(f"{where}: the id {sample_id!r} is duplicated.", "Keep one line per sample.")
        texts[sample_id] = text
    if not texts:
        raise BadOption(f"echo: replies: {str(path)!r} contains no replies.", HINT)
    return Replies(texts, hashlib.blake2b(data, digest_size=16).hexdigest())


def _entry(line: str, where: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise BadOption(f"{where}: not valid JSON: {e}.", HINT) from e
    if not isinstance(entry, dict):
        raise BadOption(f"{where}: not an object.", HINT)
    for key in ("id", "text"):
        if not isinstance(entry.get(key), str):
            raise BadOption(f"{where}: {key!r} is missing or not text.", HINT)
    return entry["id"], entry["text"]
