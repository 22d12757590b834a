"""The command `harness` under test: started in a process and a folder of its own, and what became of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).parent / "harness"
_LONGEST_MESSAGE = 700


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{self.out[:1500]}\n{self.err[:4000]}"

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

    def refuses(self, code: int, *said: str) -> Outcome:
        """As `fails`, where nothing was done: one line says what is wrong, one how to mend it, and both say `said`."""
        self.fails(code)
        assert self.out == ""
        told = [line for line in self.err.splitlines() if line.startswith(("error: ", "  -> "))]
        assert [line[:4] for line in told] == ["erro", "  ->"], self.err
        for text in said:
            assert text in "\n".join(told), f"{text!r} is not in:\n{self.err}"
        assert len("".join(told)) < _LONGEST_MESSAGE, "that is no clear message any more"
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


def imported_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running `code`. Raises where the code fails."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def hide_own_models(home: Path, setenv: Callable[[str, str], None]) -> None:
    """Let tests see no models and caches of whoever runs them: all folders of that kind lie below `home`."""
    for variable in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        setenv(variable, str(home / variable.lower()))


class Shell:
    """Starts the real command in a folder; `env` adds to the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(
        self, *arguments: object, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Start the command and return at once. `options` are `subprocess.Popen`'s."""
        return subprocess.Popen(
            [str(SCRIPT), *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            text=True,
            errors="replace",
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            **options,
        )

    def __call__(
        self, *arguments: object, timeout: float = 200, env: dict[str, str] | None = None, **options: Any
    ) -> Outcome:
        """Run the command to its end. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        process = self.start(*arguments, env=env, **options)
        out, err = process.communicate(timeout=timeout)
        return Outcome(process.returncode, out or "", err)
