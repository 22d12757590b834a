"""What is deprecated, and how users are told.

Policy: nothing public is removed without having been deprecated for at least one minor version. A deprecated name works as
before, warns once for each place that uses it, and names what to use instead; it is removed with the next major version of
the plugin interface (`harness.hookspecs.API_VERSION`), or of the package for what only users use. CHANGELOG lists both.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class Deprecation:
    """Something that still works, and will not for ever."""

    name: str
    since: str
    """The version of the package that deprecated it."""
    instead: str
    removed_in: str


class HarnessDeprecationWarning(DeprecationWarning):
    """A name of memobench that will be removed is in use."""


DEPRECATIONS = {
    found.name: found
    for found in (
        Deprecation("evaluate(wordings=...)", "0.1", "evaluate(prompt_variants=...)", "1.0"),
        Deprecation("Scores.read", "0.1", "Scores.predicted", "interface 2.0"),
        Deprecation("Question.read", "0.1", "Question.answer_mode", "interface 2.0"),
    )
}
"""Everything that is deprecated, by name."""


def deprecated(name: str, *, stacklevel: int = 1) -> None:
    """Warn that `name`, a key of `DEPRECATIONS`, is in use, at the line that called the caller.

    `stacklevel` is 1 for that line, and counts further frames up.
    """
    found = DEPRECATIONS[name]
    warnings.warn(
        f"{found.name} is deprecated since memobench {found.since}, and will be removed in {found.removed_in}: "
        f"use {found.instead}.",
        HarnessDeprecationWarning,
        stacklevel=stacklevel + 2,
    )
