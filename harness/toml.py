"""Reads TOML files that anybody may have written: within limits, and with the line of what is wrong."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import tomli

from harness.errors import BadTask

LARGEST = 1 << 20
"""Bytes of a file."""
DEEPEST, LONGEST = 50, 300
"""Brackets and parts of a key within each other; characters of a number or of a bare key."""

_TEXTS = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)' r"|'''.*?(?:'''|\Z)" r'|"(?:\\.|[^"\\\n])*"?' r"|'[^'\n]*'?" r"|#[^\n]*",
    re.DOTALL,
)
"""Texts and comments, also unfinished ones: no part of a file is looked at twice."""
_LONG = re.compile(rf"[\w+-]{{{LONGEST},}}")
_DOTTED = re.compile(rf"(?:[\w-]+[ \t]*\.[ \t]*){{{DEEPEST},}}")


def read_toml(path: Path, what: str, schema: str = "task") -> dict[str, Any]:
    """The contents of a TOML file. Raises `BadTask` naming the file and, for invalid TOML, the line.

    `schema` names what `harness schema` prints for such files.
    """
    try:
        data = _read(path)
        if len(data) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 2**20} MiB")
        # Editors on Windows write a byte order mark.
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        _check(text)
        return tomli.loads(text)
    except OSError as e:
        raise BadTask(f"The {what} {str(path)!r} cannot be read: {e.strerror}.", "Check the path.") from e
    except (ValueError, RecursionError) as e:
        raise BadTask(
            f"The {what} {str(path)!r} is not valid TOML: {e}.",
            f"Fix that line; see `harness schema {schema}`.",
        ) from e


def _read(path: Path) -> bytes:
    # A pipe would be waited for, and a device never ends.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        return file.read(LARGEST + 1)


def _check(text: str) -> None:
    """Raise ValueError for what the parser would recurse into, or take a time for that grows with a power of its length."""
    bare = _TEXTS.sub(lambda found: "x" + "\n" * found[0].count("\n"), text)
    for pattern, problem in (
        (_LONG, f"a number or a key of more than {LONGEST} characters"),
        (_DOTTED, f"a key of more than {DEEPEST} parts"),
    ):
        if found := pattern.search(bare):
            raise ValueError(f"{problem} (at line {bare.count(chr(10), 0, found.start()) + 1})")
    depth = 0
    for found in re.finditer(r"[\[{\]}]", bare):
        depth += 1 if found[0] in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(
                f"it nests more than {DEEPEST} deep (at line {bare.count(chr(10), 0, found.start()) + 1})"
            )
