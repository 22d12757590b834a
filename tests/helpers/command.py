"""Runs the command line in this process; `harness.testing.command` starts a separate process."""

from __future__ import annotations

import logging
import signal
import sys

import pytest

from harness.cli.main import main
from harness.testing.command import SCRIPT, CommandResult, Shell

__all__ = ["SCRIPT", "InProcess", "CommandResult", "Shell", "generate_command"]


class InProcess:
    """Calls the entry point. Fast, but tests of Ctrl-C, kills and resource limits need a `Shell`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def __call__(self, *arguments: object) -> CommandResult:
        self._capsys.readouterr()
        _reopen_logs()
        try:
            main([str(a) for a in arguments])
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else 1
        captured = self._capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)

    def restore(self) -> None:
        """Restore the signal handlers changed by the entry point."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def _reopen_logs() -> None:
    """Libraries that were imported during another test log to the output of that test, which is closed."""
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and getattr(handler.stream, "closed", False):
                handler.stream = sys.stderr


def generate_command(limit: int) -> list[str]:
    """Arguments that generate small images with echo; append the output folder."""
    return [
        "generate",
        "--model",
        "echo",
        "--prompts",
        "emotion_600",
        "--limit",
        str(limit),
        "-o",
        "size=64",
        "--out",
    ]
