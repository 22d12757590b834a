"""Whether a data set's labels are about the emotion that pictures show, or the one that they evoke in people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from harness.errors import BadData, nearest
from harness.types import Domain, Sample

COLUMN = "domain"
DOMAINS: tuple[Domain, ...] = get_args(Domain)
NOTES = {"evoked": "Emotion labels are evoked: what people felt who saw the picture, not what it shows."}
"""What is said of a data set with every result."""


def domain_of(name: str, samples: Iterable[Sample]) -> Domain:
    """The domain that the column `domain` names; "shown" without one, or where the column says something else.

    Raises `BadData` for a column that names both domains, or one of them and something else: a data set has one.
    """
    counts = Counter(s.attributes.get(COLUMN, "").strip().casefold() for s in samples if not s.problem)
    named = {domain: counts[domain] for domain in DOMAINS if counts[domain]}
    if not named:
        return "shown"
    others = [value for value in counts if value and value not in DOMAINS]
    if others:
        guess = nearest(others[0], DOMAINS)
        raise BadData(
            f"{name}: the column `domain` is {others[0]!r} in {counts[others[0]]} rows"
            + (f"; did you mean {guess!r}?" if guess else "."),
            f"It says what the labels are about: {' or '.join(DOMAINS)}. Name a column for something else differently.",
        )
    if counts[""]:
        named["shown"] = named.get("shown", 0) + counts[""]
    if len(named) > 1:
        raise BadData(
            f"{name} has samples of both domains: "
            + " and ".join(f"{count} of {domain} emotion" for domain, count in named.items())
            + " (rows whose `domain` is empty count as shown).",
            "Results never pool the two. Make a data set of each.",
        )
    return next(iter(named))
