"""Personal links of raters."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from harness import BadData, UnknownName, nearest
from memobench_annotate.store import Store
from memobench_annotate.study import Study
from memobench_annotate.tokens import hashed, new_token

LONGEST_NAME = 100


def name_of(text: str | None) -> str:
    """The name of a rater; "" for what cannot be one: nothing, more than 100 characters, or signs that are not shown."""
    plain = (text or "").strip()
    return plain if 1 <= len(plain) <= LONGEST_NAME and plain.isprintable() else ""


def invite(study: Study, count: int, names: Sequence[str], again: Sequence[str]) -> list[tuple[str, str]]:
    """Name and token of each rater: `count` new ones, those with `names`, and new links for those `again`.

    Raises `UnknownName` for a name of `again`, `BadData` for one of `names` that exists, comes twice or cannot be one: nobody
    is added then.
    """
    store = study.store
    known = {rater.name: rater for rater in store.raters()}
    for name in again:
        if name not in known:
            guess = nearest(name, known)
            raise UnknownName(
                f"There is no rater {name[:LONGEST_NAME]!r}."
                + (f" Did you mean {guess!r}?" if guess else ""),
                f"Raters: {', '.join(list(known)[:20]) or 'none'}.",
            )
    for name in names:
        if not name or name_of(name) != name:
            raise BadData(
                f"{name[:LONGEST_NAME]!r} cannot be the name of a rater.",
                f"Use 1 to {LONGEST_NAME} characters that can be shown, without blanks at the ends.",
            )
        if name in known or names.count(name) > 1:
            raise BadData(f"There is a rater {name!r} already.", "Choose another name; nobody was added.")
    found = []
    for name in again:
        token = new_token()
        store.update_rater(known[name].id, token_hash=hashed(token), cookie_hash="")
        store.note("invited_again", known[name].id, "A new link was made; the device may change.")
        found.append((name, token))
    fresh = [(name, new_token()) for name in (*names, *_numbered(known, names, count))]
    first = store.count()
    store.add_raters(
        [(name, hashed(token), _seed(study, first + at)) for at, (name, token) in enumerate(fresh)]
    )
    return [*found, *fresh]


def _numbered(known: Iterable[str], names: Sequence[str], count: int) -> list[str]:
    taken = {*known, *names}
    numbered = (f"r{number:03}" for number in range(1, 10**6))
    free = (name for name in numbered if name not in taken)
    return [next(free) for _ in range(count)]


def seed_of(store: Store, study: Study) -> int:
    """The seed of the next rater's orders: it follows from that of the study, and from how many there are."""
    return _seed(study, store.count())


def _seed(study: Study, number: int) -> int:
    return random.Random(f"{study.config.design.seed}:{number}").getrandbits(31)
