"""Runs the command line: in this process, or as the real command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main

SCRIPT = Path(sys.executable).parent / "harness"


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{self.out[:1500]}\n{self.err[:3000]}"

    def ok(self) -> Outcome:
        """The same, after checking that the command succeeded."""
        assert self.code == 0, f"exit {self.code}\n{self}"
        return self

    def fails(self, code: int, *said: str) -> Outcome:
        """The same, after checking the exit code, and that standard error says all of `said` and no traceback."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self}"
        for text in said:
            assert text in self.err, f"{text!r} is not in:\n{self.err}"
        assert "Traceback" not in self.err + self.out
        if code == 2:
            lines = self.err.strip().splitlines()
            assert lines[-2].startswith("error: "), self.err
            assert lines[-1].startswith("  -> "), f"it does not say how to mend it:\n{self.err}"
        return self

    @property
    def results(self) -> dict[str, Any]:
        """The results document that `--json` printed: nothing else may stand there."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def task(self) -> dict[str, Any]:
        """The only entry of the results."""
        (entry,) = self.results["tasks"]
        found: dict[str, Any] = entry
        return found


class InProcess:
    """Calls the entry point. Quick, but Ctrl-C, kills and limits need a `Shell`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._handler = signal.getsignal(signal.SIGTERM)

    def __call__(self, *arguments: object) -> Outcome:
        self._capsys.readouterr()
        try:
            main([str(a) for a in arguments])
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else 1
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    def restore(self) -> None:
        """Undo what the entry point does to the process."""
        signal.signal(signal.SIGTERM, self._handler)


class Shell:
    """Starts the real command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start the command and return at once."""
        return subprocess.Popen(
            [str(SCRIPT), *map(str, arguments)], cwd=self.folder, text=True, errors="replace", stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)  # fmt: skip

    def __call__(
        self, *arguments: object, timeout: float = 120, env: dict[str, str] | None = None, **options: Any
    ) -> Outcome:
        process = self.start(*arguments, env={**os.environ, **(env or {})}, **options)
        out, err = process.communicate(timeout=timeout)
        return Outcome(process.returncode, out or "", err)
