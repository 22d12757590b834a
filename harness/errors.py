"""Every failure that a user can cause or fix, each with what is wrong and how to fix it; and the exit codes.

HarnessError                 what is wrong, how to fix it, an exit code; never shown with a traceback
├── RequestError             2   the request was wrong
│   ├── UnknownName              a name that is not registered; suggests the nearest
│   ├── BadOption                an option that does not exist, or a value that does not fit it
│   ├── BadTask                  a task, suite or prompt file that cannot be used
│   ├── BadData                  a data set that cannot be used
│   ├── BadOutput                a place for results that cannot be created or written
│   ├── RunMismatch              a run folder that holds a different request, or is in use
│   ├── MissingPackage           a package that is not installed, with the command that installs it
│   └── NothingAnswered          the first requests to a judge or generator all failed alike
├── StorageError             3   results could not be stored; resume once there is room
├── TooManyFailures          3   stopped by --max-failures, or because the first requests of a resumed run failed alike
└── PluginError              3   a plugin broke its contract
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum

from harness.installing import distribution, install_command


class ExitCode(IntEnum):
    """What the command line returns."""

    OK = 0
    REGRESSION = 1
    """The gate found that the model under test is worse than its baseline."""
    BAD_REQUEST = 2
    """The request was wrong, or can never work."""
    FAILED = 3
    """Samples failed, a limit ended the run, or what was computed could not be stored: the same command resumes.

    Also where replies of two releases are mixed, which only asking anew repairs.
    """
    INCONCLUSIVE = 4
    """The gate cannot tell: the samples are too few, or the runs cannot be compared."""
    INTERNAL_ERROR = 70
    INTERRUPTED = 130


class HarnessError(Exception):
    """An expected failure: `message` says what is wrong and where, `hint` how to fix it."""

    exit_code: int = ExitCode.BAD_REQUEST

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class RequestError(HarnessError):
    """The request was wrong; nothing was run."""


class UnknownName(RequestError):
    """A name that nothing is registered under."""


class BadOption(RequestError):
    """An option that does not exist or a value that does not fit it."""


class BadTask(RequestError):
    """A task, suite or prompt file that cannot be used."""


class BadData(RequestError):
    """A data set that cannot be used at all (single broken samples are failed samples instead)."""


class BadOutput(RequestError):
    """A place for results that cannot be created or written, however often it is tried."""


class RunMismatch(RequestError):
    """A run folder that holds a different request, or that another process is writing."""


class MissingPackage(RequestError):
    """A package that a component needs and that is not installed.

    Plugins raise it from `open` or from their loader; the hint is the exact command. `package` is the name of a
    distribution or of a module; `install` replaces the command for packages that need a different one.
    """

    def __init__(self, feature: str, package: str, install: str = "") -> None:
        super().__init__(f"{feature} needs the package {distribution(package)!r}, which is not installed.")
        self.hint = f"Install it: {install or install_command(package)}"


class NothingAnswered(RequestError):
    """The first requests to a judge or generator all failed alike, and it never answered one."""


class StorageError(HarnessError):
    """What was computed could not be stored (full disk, read-only folder)."""

    exit_code = ExitCode.FAILED


class TooManyFailures(HarnessError):
    """`--max-failures` was reached, or the first requests to a participant that answered before all failed alike."""

    exit_code = ExitCode.FAILED


class PluginError(HarnessError):
    """A plugin raised where it must not, or broke its contract."""

    exit_code = ExitCode.FAILED


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None if none is close."""
    by_folded = {k.lower(): k for k in reversed(list(known))}
    matches = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.5)
    return by_folded[matches[0]] if matches else None


def unknown(kind: str, name: str, known: Iterable[str], see: str = "") -> UnknownName:
    """An `UnknownName` for `name`, with the nearest known name and all (or the first dozen) that exist."""
    names = sorted(known)
    guess = nearest(name, names)
    hint = f"Did you mean {guess!r}? " if guess else ""
    if names:
        more = f", and {len(names) - 12} more" if len(names) > 12 else ""
        hint += f"Known: {', '.join(names[:12])}{more}."
    return UnknownName(f"Unknown {kind} {name!r}.", f"{hint} {see}".strip())
