"""Runs a check in a process of its own that writes what it found line by line: it may hang or end at any point."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POLL = 0.05
_START = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; from {module} import main; main(*sys.argv[1:])"
)
"""Without the working directory on the path, as the command runs."""


@dataclass
class Report:
    """The lines that a process wrote, and how it ended."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    unfinished: str = ""
    """The step that it had begun, where it did not come to its end."""
    end: str = ""
    """How it ended in the middle of that step, as a sentence."""
    errors: str = ""
    """The end of what it wrote to standard error."""


def run(module: str, arguments: Sequence[str], limit: float, env: Mapping[str, str] | None = None) -> Report:
    """Call `MODULE.main(FILE, ARGUMENTS)` in a new interpreter; it appends JSON lines to FILE.

    A line with `begin` starts a step, one with `end` of the same name ends it. A step may take `limit` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="memobench-check-") as folder:
        out, errors = Path(folder) / "lines", Path(folder) / "errors"
        out.touch()
        with errors.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", _START.format(module=module), str(out), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
            late = _waited(process, out, limit)
        lines = _lines(out)
        done = Report(lines, errors=errors.read_text("utf-8", "replace")[-2000:])
    begun = [line["begin"] for line in lines if "begin" in line]
    ended = {line["end"] for line in lines if "end" in line}
    done.unfinished = next((name for name in reversed(begun) if name not in ended), "")
    if late:
        done.end = f"no end within {limit:g} seconds"
    elif done.unfinished or process.returncode:
        done.end = _ended(process.returncode)
    return done


def _ended(code: int) -> str:
    if code < 0:
        try:
            return f"the process was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the process was ended by signal {-code}"
    return f"the process ended with exit code {code}"


def _waited(process: subprocess.Popen[bytes], out: Path, limit: float) -> bool:
    """Wait for the end; True where a step took too long, and the process with all that it started was ended."""
    size, since = -1, time.monotonic()
    try:
        while process.poll() is None:
            now = out.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            if time.monotonic() - since > limit:
                return True
            time.sleep(POLL)
        return False
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone, with all its children
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:  # torn by the end of the process
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


class Lines:
    """The file of lines in the process that writes it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, **fields: Any) -> None:
        """Append one line, at once: the process may end in the next moment."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")
