"""Patterns that tell what a picture's name says: `{generator}/{emotion}_{prompt_id}_{index}.png`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import BadOption

_FIELD = re.compile(r"\{(\w*)\}")
_SHAPES = {"emotion": r"[^/\d_]+", "intensity": r"\d+(?:\.\d+)?", "index": r"\d+"}
ALIASES = {"model": "generator", "prompt": "prompt_id", "prompt_number": "prompt_id"}
"""Other names for the columns that the harness knows."""
_RESERVED = ("image", "id", "quality")


class NamePattern:
    """A pattern over paths, with names in braces; a file name's extension may be left away.

    Known names are emotion, intensity, generator, prompt_id and index; others become columns. `aliases` are
    further names for columns. Raises `BadOption` for a pattern that cannot be used.
    """

    def __init__(self, pattern: str, *, needs_emotion: bool = False, aliases: Mapping[str, str] = {}) -> None:
        names = [aliases.get(name, name) for name in _FIELD.findall(pattern)]
        if needs_emotion and "emotion" not in names:
            raise BadOption(
                f"The pattern {pattern!r} does not tell the emotion.", "Put {emotion} where names have it."
            )
        if not names:
            raise BadOption(
                f"The pattern {pattern!r} has no name in braces.",
                "For example: '{generator}_{emotion}_{prompt_id}'.",
            )
        if len(set(names)) < len(names):
            raise BadOption(f"The pattern {pattern!r} has a name twice.", "Use each name once.")
        wrong = [name for name in names if not name.isidentifier() or name in _RESERVED]
        if wrong:
            raise BadOption(
                f"The pattern {pattern!r} cannot have a column {wrong[0]!r}.", "Use another name."
            )
        self.pattern, self.fields = pattern, tuple(names)
        text, at = "", 0
        for field, name in zip(_FIELD.finditer(pattern), names, strict=True):
            text += re.escape(pattern[at : field.start()]) + f"(?P<{name}>{_SHAPES.get(name, r'[^/]+?')})"
            at = field.end()
        text += re.escape(pattern[at:])
        self._expression = re.compile(text if "." in pattern[at:] else text + r"(?:\.[A-Za-z]+)?")

    def match(self, path: str) -> Mapping[str, str] | None:
        """What a path (or its file name alone) says, field by field; None where the pattern does not match."""
        found = self._expression.fullmatch(path) or self._expression.fullmatch(path.rpartition("/")[2])
        return None if found is None else found.groupdict()
