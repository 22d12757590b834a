"""What surrounds code of plugins while it is imported and made: nothing, unless the command keeps its output apart."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

surround: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
"""Set by the command: what a plugin prints then goes to standard error, also past `sys.stdout`."""


def guest_code() -> AbstractContextManager[None]:
    """While code of plugins runs."""
    return surround()
