"""Which models the servers of a run say they served: two of one participant are a mixture, which is no result of either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.results import Served

MOST_RECORDS = 1000
"""Different records of one participant that are counted apart; one that differs for each reply must not fill the memory."""
LISTED = 20
"""Records of one participant that results list, the most frequent first."""
Items = tuple[tuple[str, str], ...]
Participant = tuple[str, str]
"""Role and name: a generator and a judge may have the same name."""


class ServedCounts:
    """Counts the replies of each participant by what its server says it served. Equal records are held once."""

    def __init__(self) -> None:
        self._counts: dict[Participant, Counter[Items]] = {}
        self._others: Counter[Participant] = Counter()

    def add(self, role: str, name: str, served: Any) -> None:
        """Count one reply. `served` is the reply's record: a mapping of texts, or None, which is not counted."""
        if not served or not isinstance(served, Mapping):
            return
        participant = role, name
        counts = self._counts.get(participant)
        if counts is None:
            counts = self._counts[participant] = Counter()
        items = tuple(served.items())  # The run stores keys in their order.
        if items in counts or len(counts) < MOST_RECORDS:
            counts[items] += 1
        else:
            self._others[participant] += 1

    def listed(self) -> list[Served]:
        """What results hold: of each participant the most frequent records, and the rest as one without a record."""
        found = []
        for participant, counts in self._counts.items():
            ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            found += [
                Served(participant=participant[1], served=dict(items), replies=n)
                for items, n in ranked[:LISTED]
            ]
            rest = sum(n for _, n in ranked[LISTED:]) + self._others[participant]
            if rest:
                found.append(Served(participant=participant[1], served={}, replies=rest))
        return found

    def mixtures(self) -> dict[Participant, str]:
        """Participant -> a warning, for those whose replies come from two or more different models."""
        warnings = {}
        for participant, counts in self._counts.items():
            groups = _different(counts)
            if len(groups) > 1:
                warnings[participant] = _warning(groups)
        return warnings


def _different(counts: Mapping[Items, int]) -> list[tuple[dict[str, str], int]]:
    """Records that differ with their replies, the most frequent first.

    One that only says less than another, because a list of models could not be had for a while, is counted to that one.
    """
    groups: list[tuple[Mapping[str, str], set[tuple[str, str]], list[int]]] = []
    for items, n in sorted(counts.items(), key=lambda pair: (-len(pair[0]), -pair[1], pair[0])):
        found = next((counted for _, larger, counted in groups if larger.issuperset(items)), None)
        if found is None:
            groups.append((dict(items), set(items), [n]))
        else:
            found.append(n)
    ranked = [(dict(record), sum(counted)) for record, _, counted in groups]
    return sorted(ranked, key=lambda pair: -pair[1])


def _warning(groups: Sequence[tuple[Mapping[str, str], int]]) -> str:
    keys = dict.fromkeys(key for record, _ in groups for key in record)
    differ = [key for key in keys if len({record.get(key) for record, _ in groups}) > 1]
    named = [f"{n} {'reply' if n == 1 else 'replies'} from {_name(record, differ)}" for record, n in groups]
    more = f" and {len(named) - 4} more" if len(named) > 4 else ""
    of = "two releases" if len(groups) == 2 else f"{len(groups)} releases"
    return f"{', '.join(named[:4])}{more}: replies of {of} are mixed; ask anew: `harness run --fresh`"


def _name(record: Mapping[str, str], differ: Sequence[str]) -> str:
    """A record by its model, and by what else tells it from the others."""
    model = record.get("model", "")
    own = [f"{key} {record.get(key, 'not stated')}" for key in differ if key != "model"]
    if model and "model" in differ:
        return model
    return f"{model} ({', '.join(own[:3])})" if model else ", ".join(own[:3])
