"""Extracts columns from file names with patterns such as `{generator}/{emotion}_{prompt_id}_{index}.png`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import BadOption

_FIELD = re.compile(r"\{(\w*)\}")
_SHAPES = {"emotion": r"[^/\d_]+", "intensity": r"\d+(?:\.\d+)?", "index": r"\d+"}
ALIASES = {"model": "generator", "prompt": "prompt_id", "prompt_number": "prompt_id"}
"""Alternative names of known columns."""
_RESERVED = ("image", "id", "quality")


class NamePattern:
    """A pattern for paths, with field names in braces; the file extension may be omitted.

    Known fields are emotion, intensity, generator, prompt_id and index; others become columns. `aliases` are
    alternative field names. Raises `BadOption` for an invalid pattern.
    """

    def __init__(self, pattern: str, *, needs_emotion: bool = False, aliases: Mapping[str, str] = {}) -> None:
        names = [aliases.get(name, name) for name in _FIELD.findall(pattern)]
        if needs_emotion and "emotion" not in names:
            raise BadOption(
                f"The pattern {pattern!r} has no field {{emotion}}.",
                "Put {emotion} where file names contain it.",
            )
        if not names:
            raise BadOption(
                f"The pattern {pattern!r} has no field in braces.",
                "For example: '{generator}_{emotion}_{prompt_id}'.",
            )
        if len(set(names)) < len(names):
            raise BadOption(f"The pattern {pattern!r} has a duplicate field.", "Use each field once.")
        wrong = [name for name in names if not name.isidentifier() or name in _RESERVED]
        if wrong:
            raise BadOption(
                f"The pattern {pattern!r} has an invalid field {wrong[0]!r}.", "Use a different name."
            )
        self.pattern, self.fields = pattern, tuple(names)
        text, at = "", 0
        for field, name in zip(_FIELD.finditer(pattern), names, strict=True):
            text += re.escape(pattern[at : field.start()]) + f"(?P<{name}>{_SHAPES.get(name, r'[^/]+?')})"
            at = field.end()
        text += re.escape(pattern[at:])
        self._expression = re.compile(text if "." in pattern[at:] else text + r"(?:\.[A-Za-z]+)?")

    def match(self, path: str) -> Mapping[str, str] | None:
        """The fields of a path (or of its file name alone); None if the pattern does not match."""
        found = self._expression.fullmatch(path) or self._expression.fullmatch(path.rpartition("/")[2])
        return None if found is None else found.groupdict()
