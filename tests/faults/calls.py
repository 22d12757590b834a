"""Runs commands in this process, and says what of them does not hold: hangs, internal errors, silence, writes elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.cli.main import _guarded

LONGEST = 60.0
"""Seconds that a command may take: far more than any needs here, so that only a hang is one."""
ALLOWED = frozenset({0, 2, 3})


@dataclass(frozen=True)
class Called:
    """What a command printed, and how it ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    seconds: float

    def expect(self, *codes: int) -> None:
        """Raise AssertionError if it ended otherwise."""
        assert self.code in codes, f"exit {self.code}: harness {' '.join(self.arguments)}\n{self.out}"


class Hang(BaseException):
    """A command took too long."""


def call(*arguments: str) -> Called:
    """Run the command in this process. A command that takes longer than `LONGEST` counts as exit code 124."""
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)

    def too_long(number: int, frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    start = time.monotonic()
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            code = _guarded(list(arguments), True)
    except Hang:
        code = 124
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    stream.flush()
    printed = stream.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]
    if "Hang" in printed and code == 70:
        code = 124
    return Called(arguments, int(code), printed, time.monotonic() - start)


@dataclass
class Tried:
    """One thing that was damaged, and what went wrong with it."""

    name: str
    what: str
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    """Seconds of the slowest refusal."""

    def command(self, arguments: list[str], codes: Collection[int], untouched: Iterable[Path]) -> Called:
        """Run a command, which may end with `codes`, and may change nothing in the folders `untouched`."""
        before = digest(untouched)
        called = call(*arguments)
        shown = f"harness {' '.join(arguments)}: exit {called.code}"
        if called.code not in codes:
            self.wrong.append(f"{shown}\n{called.out[-3000:]}")
        elif called.code and not called.out.strip():
            self.wrong.append(f"{shown}: it says nothing")
        elif called.code == 2 and arguments[0] != "verify":
            if not _SAID.search(called.out):
                self.wrong.append(f"{shown}: no error with a hint\n{called.out[-3000:]}")
            self.slowest = max(self.slowest, called.seconds)
        if digest(untouched) != before:
            self.wrong.append(f"{shown}: it wrote outside of its folder")
        return called


_SAID = re.compile(r"^error: .+\n  -> .", re.MULTILINE)


def digest(folders: Iterable[Path]) -> str:
    """A digest of everything in the folders, but for locks: they say who held them last."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            found.update(f"{path}{path.lstat().st_mode}".encode("utf-8", "surrogateescape"))
            if path.is_file() and path.name != ".lock":
                found.update(path.read_bytes())
    return found.hexdigest()


@contextlib.contextmanager
def own_home(root: Path) -> Iterator[None]:
    """Work in the folder `root`, with caches and imported data sets of its own."""
    before, environment = Path.cwd(), dict(os.environ)
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        os.environ[variable] = str(root / variable.lower())
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)
