"""Personal links of raters."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from harness import UnknownName, nearest
from memobench_annotate.store import Store
from memobench_annotate.study import Study
from memobench_annotate.tokens import hashed, new_token


def invite(study: Study, count: int, names: Sequence[str], again: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and token of each rater: `count` new ones, those with `names`, and new links for those `again`.

    Raises `UnknownName` for a name of `again`, `BadData` for one of `names` that exists.
    """
    store = study.store
    known = {rater.name: rater for rater in store.raters()}
    for name in again:
        if name not in known:
            guess = nearest(name, known)
            raise UnknownName(
                f"There is no rater {name!r}." + (f" Did you mean {guess!r}?" if guess else ""),
                f"Raters: {', '.join(list(known)[:20]) or 'none'}.",
            )
    for name in again:
        token = new_token()
        store.update_rater(known[name].id, token_hash=hashed(token), cookie_hash="")
        store.note("invited_again", known[name].id, "A new link was made; the device may change.")
        yield name, token
    fresh = [*names, *_numbered(known, names, count)]
    for name in fresh:
        token = new_token()
        store.add_rater(name, hashed(token), seed_of(store, study))
        yield name, token


def _numbered(known: Iterable[str], names: Sequence[str], count: int) -> list[str]:
    taken = {*known, *names}
    numbered = (f"r{number:03}" for number in range(1, 10**6))
    free = (name for name in numbered if name not in taken)
    return [next(free) for _ in range(count)]


def seed_of(store: Store, study: Study) -> int:
    """The seed of the next rater's orders: it follows from that of the study, and from how many there are."""
    return random.Random(f"{study.config.design.seed}:{len(store.raters())}").getrandbits(31)
