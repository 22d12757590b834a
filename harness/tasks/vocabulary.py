"""Vocabularies of emotions that task files can name, and how labels of data are found in one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness.errors import nearest
from harness.toml import read_toml

_WORD = re.compile(r"[^\W_]+")


class Vocabulary(NamedTuple):
    """Labels, and further words for them."""

    labels: tuple[str, ...]
    synonyms: Mapping[str, tuple[str, ...]]


def folded(label: str) -> str:
    """A label without regard to case, spaces and punctuation: `Pleasure/Ecstasy` is `pleasure_ecstasy`."""
    return "_".join(_WORD.findall(label.casefold()))


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """The named vocabularies."""
    table = read_toml(Path(__file__).with_name("vocabularies.toml"), "vocabulary file")
    return {
        name: Vocabulary(tuple(words), {label: tuple(also) for label, also in words.items() if also})
        for name, words in table.items()
    }


def vocabulary(name: str) -> Vocabulary:
    """A named vocabulary. Raises ValueError with the nearest name."""
    found = vocabularies().get(name)
    if found is None:
        guess = nearest(name, vocabularies())
        raise ValueError(
            f"there is no vocabulary {name!r}"
            + (f"; did you mean {guess!r}?" if guess else f" (known: {', '.join(vocabularies())})")
        )
    return found


def finder(labels: Sequence[str], synonyms: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Folded word -> label. Raises ValueError for a word of two labels, or synonyms of something else."""
    found: dict[str, str] = {}
    for label in labels:
        for word in (label, *synonyms.get(label, ())):
            known = found.setdefault(folded(word), label)
            if known != label:
                raise ValueError(f"{word!r} names both {known!r} and {label!r}")
    for label in synonyms:
        if label not in labels:
            guess = nearest(label, labels)
            raise ValueError(
                f"synonyms: {label!r} is not in the vocabulary"
                + (f"; did you mean {guess!r}?" if guess else "")
            )
    return found
