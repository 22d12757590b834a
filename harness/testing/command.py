"""Runs the command `harness` in a subprocess and checks the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).parent / "harness"
_LONGEST_MESSAGE = 700


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{self.out[:1500]}\n{self.err[:4000]}"

    def ok(self) -> CommandResult:
        """Check that the command succeeded; returns self."""
        assert self.code == 0, f"exit {self.code}\n{self}"
        return self

    def fails(self, code: int, *messages: str) -> CommandResult:
        """Check the exit code, and that standard error contains all `messages` and no traceback; returns self."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self}"
        for text in messages:
            assert text in self.err, f"{text!r} is not in:\n{self.err}"
        assert "Traceback" not in self.err + self.out
        if code == 2:
            lines = self.err.strip().splitlines()
            assert lines[-2].startswith("error: "), self.err
            assert lines[-1].startswith("  -> "), f"the last line is not a hint:\n{self.err}"
        return self

    def refuses(self, code: int, *messages: str) -> CommandResult:
        """Like `fails`, but requires empty standard output, and exactly one error and one hint that contain `messages`."""
        self.fails(code)
        assert self.out == ""
        shown = [line for line in self.err.splitlines() if line.startswith(("error: ", "  -> "))]
        assert [line[:4] for line in shown] == ["erro", "  ->"], self.err
        for text in messages:
            assert text in "\n".join(shown), f"{text!r} is not in:\n{self.err}"
        assert len("".join(shown)) < _LONGEST_MESSAGE, "the message is too long"
        return self

    @property
    def results(self) -> dict[str, Any]:
        """The results document printed by `--json`."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def task(self) -> dict[str, Any]:
        """The only task entry of the results."""
        (entry,) = self.results["tasks"]
        found: dict[str, Any] = entry
        return found


def kill_after(process: subprocess.Popen[str], file: Path, lines: int) -> list[bytes]:
    """Kill a command (-9) once a file of its run folder has some lines; returns the complete lines of the file."""
    end = time.monotonic() + 150
    while not file.exists() or file.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{file} does not get {lines} lines"
        time.sleep(0.002)
    process.kill()
    process.communicate()
    return file.read_bytes().split(b"\n")[:-1]


def modules_imported_by(code: str) -> set[str]:
    """The top-level modules loaded by a fresh interpreter after running `code`. Raises if the code fails."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def isolate_model_caches(home: Path, setenv: Callable[[str, str], None]) -> None:
    """Hide the user's models and caches from tests: point all such folders below `home`."""
    for variable in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        setenv(variable, str(home / variable.lower()))


class Shell:
    """Runs the command in a folder; `env` extends the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(
        self, *arguments: object, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Start the command without waiting. `options` are passed to `subprocess.Popen`."""
        return subprocess.Popen(
            [str(SCRIPT), *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            text=True,
            errors="replace",
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            stdin=subprocess.DEVNULL,
            **options,
        )

    def __call__(
        self, *arguments: object, timeout: float = 200, env: dict[str, str] | None = None, **options: Any
    ) -> CommandResult:
        """Run the command to completion. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        process = self.start(*arguments, env=env, **options)
        out, err = process.communicate(timeout=timeout)
        return CommandResult(process.returncode, out or "", err or "")
