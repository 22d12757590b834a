"""Keeps processes that vLLM starts from taking modules from the working directory, where anybody may have put a json.py.

Python looks there first in processes that `multiprocessing` spawns, and in those of `python -m`. Since 3.11 a variable of the
environment, which children inherit, turns that off; for 3.10 their command lines are changed.
"""

from __future__ import annotations

import multiprocessing.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

_VARIABLE = "PYTHONSAFEPATH"
_FIRST = "import sys; sys.path.pop(0); "
"""What `-c` and `-m` put first is the working directory. `sys` is part of the interpreter, not of any folder."""


@contextmanager
def safe_paths() -> Iterator[None]:
    """Around the start of an engine."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = "1"
    commands = _Commands() if sys.version_info < (3, 11) else None
    try:
        yield
    finally:
        if commands is not None:
            commands.restore()
        os.environ.pop(_VARIABLE)
        if before is not None:
            os.environ[_VARIABLE] = before


class _Commands:
    """The command lines of Python 3.10, which ignores the variable."""

    def __init__(self) -> None:
        # What starts spawned processes and their helpers, such as the tracker of shared memory.
        self._util = cast(Any, multiprocessing.util)
        self._start = self._util.spawnv_passfds
        self._util.spawnv_passfds = self._spawn
        self._registry = _models_registry()
        if self._registry is not None:
            self._inspect = self._registry._SUBPROCESS_COMMAND
            self._registry._SUBPROCESS_COMMAND = module_command(self._inspect)

    def _spawn(self, path: Any, arguments: Sequence[str], descriptors: Any) -> Any:
        arguments = list(arguments)
        if "-c" in arguments:
            place = arguments.index("-c") + 1
            arguments[place] = _FIRST + arguments[place]
        return self._start(path, arguments, descriptors)

    def restore(self) -> None:
        self._util.spawnv_passfds = self._start
        if self._registry is not None:
            self._registry._SUBPROCESS_COMMAND = self._inspect


def module_command(command: list[str]) -> list[str]:
    """A command `python -m MODULE` that does not look into the working directory; other commands stay as they are."""
    if "-m" not in command:
        return command
    place = command.index("-m")
    run = f"import runpy; runpy.run_module({command[place + 1]!r}, run_name='__main__', alter_sys=True)"
    return [*command[:place], "-c", _FIRST + run, *command[place + 2 :]]


def _models_registry() -> Any:
    try:
        from vllm.model_executor.models import registry
    except ImportError:
        return None
    return registry if hasattr(registry, "_SUBPROCESS_COMMAND") else None
