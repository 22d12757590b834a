"""Converts what a caller gave to the types that a request holds: numbers of numpy, texts, paths and collections."""

from __future__ import annotations

import math
import numbers
import operator
import os
import re
import sys
from collections.abc import Iterator, KeysView, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.escaping import plain

MOST_REPEATS = 100_000
"""Requests for the same question or prompt: more would not fit in memory."""
_LONGEST_SEED = 100
LONGEST_RELEASE = 200
"""Characters of a release's name."""
_NUMBER = re.compile(r"[+-]?\d+(\.0*)?([eE]\+?\d{1,2})?", re.ASCII)


def count(name: str, value: object, most: int = sys.maxsize) -> int | None:
    """A number of things, at least 1; None stays None. Larger than any number of samples means all of them."""
    if value is None:
        return None
    found = _whole(name, value)
    if found < 1:
        raise RequestError(
            f"--{name} must be at least 1, not {_shown(value)}.", f"Omit --{name} for the default."
        )
    if found > most and most != sys.maxsize:
        raise RequestError(f"--{name} must be at most {most}, not {_shown(value)}.", f"For example: {most}.")
    return min(found, most)


def seed_number(value: object) -> int:
    """A seed: any whole number; None is the default."""
    found = 0 if value is None else _whole("seed", value)
    if abs(found) >= 10**_LONGEST_SEED:
        raise RequestError(
            f"--seed has more than {_LONGEST_SEED} digits.", f"Give a smaller one, such as {found % 2**32}."
        )
    return found


def _whole(name: str, value: object) -> int:
    value = _scalar(value)
    found = None if isinstance(value, bool) else _as_int(value)
    if found is None:
        raise RequestError(f"--{name} must be a whole number, not {_shown(value)}.", _nearest(name, value))
    return found


def _as_int(value: Any) -> int | None:
    """The whole number that a value is, or None: 3, 3.0, "3", numpy's and decimal's of these."""
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text) or len(text) > 1000:
            return None
        return int(text) if text.lstrip("+-").isdigit() else _as_int(float(text))
    try:
        return operator.index(value)
    except TypeError:
        pass
    if not isinstance(value, numbers.Number):
        return None
    try:
        found = int(value)  # type: ignore[call-overload]
        return found if found == value else None
    except (TypeError, ValueError, OverflowError):  # complex, NaN, infinite
        return None


def _nearest(name: str, value: Any) -> str:
    """How to write what was probably meant."""
    items = list(each(value)) if not isinstance(value, bytes) else [value.decode("ascii", "replace")]
    meant: Any = _scalar(items[0]) if len(items) == 1 else None
    if isinstance(meant, str):
        # Separators of thousands.
        meant = re.sub(r"(?<=\d)[_,' ](?=\d{3})", "", meant.strip())
        meant = float(meant) if re.fullmatch(r"[+-]?\d+(\.\d+)?", meant, re.ASCII) else None
    if isinstance(meant, bool) or not isinstance(meant, numbers.Real):
        meant = None
    if meant is not None and abs(meant) < 1e15:
        found = round(float(meant))
        return f"Did you mean {found if name == 'seed' else max(1, found)}?"
    return f"Give a number such as 10, or omit --{name} for the default."


def _scalar(value: Any) -> Any:
    """A scalar of numpy, torch and the like as Python's."""
    return value.tolist() if getattr(value, "shape", None) == () and hasattr(value, "tolist") else value


def amount(name: str, value: object) -> float | None:
    """A positive number; None stays None."""
    if value is None:
        return None
    value = _scalar(value)
    try:
        found = math.nan if isinstance(value, (bool, bytes)) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not 0 < found < math.inf:
        raise RequestError(
            f"--{name} must be a number above 0, not {_shown(value)}.", f"For example: --{name} 2.5"
        )
    return found


_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?)\s*([a-z]*)", re.ASCII)


def duration(name: str, value: object) -> float | None:
    """A duration in seconds, from a number or a text such as 90s, 10m, 2h; None stays None."""
    if value is None:
        return None
    found = _DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if found and found[2] in _UNITS:
        seconds = float(found[1]) * _UNITS[found[2]]
    elif isinstance(value, str):
        seconds = 0.0
    else:
        seconds = amount(name, value) or 0.0
    if not 0 < seconds < math.inf:
        raise RequestError(
            f"--{name} must be a duration, not {_shown(value)}.", "For example: 90s, 10m, 2h, or seconds: 90."
        )
    return seconds


def flag(name: str, value: object) -> bool:
    """A switch; None is off."""
    value = _scalar(value)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise RequestError(f"{name} must be True or False, not {_shown(value)}.", f"For example: {name}=True.")


def text(name: str, value: object, default: str | None = None) -> str:
    """A name, or a path as text; None is the default."""
    if value is None and default is not None:
        return default
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str):
        raise RequestError(
            f"{name} must be a name or a path, not {_shown(value)}.", f'For example: {name}="..."'
        )
    return str.__str__(found)


def release_name(value: object) -> str | None:
    """The name of a release of the model under test; None where none is given."""
    if value is None:
        return None
    found = value if isinstance(value, str) else str(_scalar(value)) if _is_number(value) else None
    if found is None:
        raise RequestError(
            f"release must be a text, not {_shown(value)}.", 'For example: release="2026-01-15".'
        )
    if not found.strip():
        raise RequestError("The release is empty.", "Name it, such as 2026-01-15, or omit it.")
    if not found.isprintable() or len(found) > LONGEST_RELEASE:
        wrong = "has control characters" if len(found) <= LONGEST_RELEASE else f"has {len(found)} characters"
        raise RequestError(
            f"The release {plain(found, 60)!r} {wrong}.",
            f"Use at most {LONGEST_RELEASE} printable characters, such as 2026-01-15 or a digest of the weights.",
        )
    return str.__str__(found)


def _is_number(value: object) -> bool:
    return isinstance(_scalar(value), numbers.Real) and not isinstance(_scalar(value), bool)


def component(name: str, value: Any) -> Any:
    """A model: a name, a path as text, or an object, which is checked where it is used."""
    return text(name, value) if isinstance(value, (str, os.PathLike)) else value


def each(value: object) -> Iterator[Any]:
    """The items of a collection, or a single one. Sets have no order, so theirs is that of their names."""
    if value is None:
        return iter(())
    if isinstance(value, (set, frozenset)):
        return iter(sorted(value, key=lambda item: (type(item).__name__, str(item))))
    if isinstance(value, (str, bytes, os.PathLike, Mapping)):
        return iter((value,))
    if isinstance(value, (Sequence, Iterator, KeysView, ValuesView)):
        return iter(value)
    if hasattr(value, "tolist") and isinstance(found := value.tolist(), list):  # an array
        return iter(found)
    return iter((value,))


def texts(name: str, value: object) -> tuple[str, ...]:
    """One or several names or paths."""
    return tuple(text(name, item) for item in each(value))


def out_path(value: object) -> Path | None:
    """A run folder; None is the default."""
    if value is None:
        return None
    found = text("out", value)
    if not found:
        raise RequestError("out is empty.", "Name a folder, or omit it for the default.")
    return Path(found)


def option_values(name: str, value: object) -> dict[str, Any]:
    """Options by name; None is none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise RequestError(
            f"{name} must be a table of names and values, not {_shown(value)}.",
            f'For example: {name}={{"ref": "..."}}.',
        )
    return {
        str.__str__(key): item.tolist() if hasattr(item, "tolist") else item for key, item in value.items()
    }


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a number of hundreds of digits"
    try:
        return plain(repr(value) if isinstance(value, (str, bytes)) else str(value), 60)
    except Exception:  # any object
        return type(value).__name__
