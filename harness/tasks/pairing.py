"""Draws the pairs of pictures that a task compares: alike in emotion and person, unlike in strength."""

from __future__ import annotations

import hashlib
import math
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.datasets import DataFolder, stratified
from harness.tasks.answers import LABELS
from harness.tasks.clusters import cluster_column
from harness.tasks.spec import STRONGER, Pairs, TaskSpec
from harness.types import Sample


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures and how far apart they are; `strong` has more of what is compared."""

    weak: Sample
    strong: Sample
    gap: float

    @property
    def id(self) -> str:
        """The ids of both, in an order that tells nothing."""
        return "+".join(sorted((self.weak.id, self.strong.id)))

    def orders(self, both: bool, seed: int) -> tuple[tuple[Sample, Sample], ...]:
        """The orders in which the pair is shown: both, or one that the seed chooses."""
        two = ((self.weak, self.strong), (self.strong, self.weak))
        return two if both else (two[_digest(f"{seed}:order:{self.id}")[0] % 2],)


def make_pairs(samples: Sequence[Sample], rule: Pairs, cluster: str, seed: int) -> Iterator[Pair]:
    """Pairs within groups that are alike in the rule's columns and, where the data name it, in their cluster.

    In each of `per_sample` rounds, pictures come in a seeded order, and each is paired with one before it that is
    far enough from it and has no partner yet: no picture is in two pairs of a round, and no pair is drawn twice.
    Which pairs there are depends on ids, labels and seed alone. O(n log n).
    """
    column = cluster_column(cluster, (s.attributes for s in samples))
    groups: dict[tuple[str, ...], list[tuple[float, Sample]]] = defaultdict(list)
    for sample in samples:
        value = _number(_column(sample, rule.field))
        alike = [_column(sample, name) for name in rule.within]
        if sample.problem or value is None or None in alike or sample.emotion in rule.leave_out:
            continue
        group = (*map(str, alike), sample.attributes.get(column, ""))
        groups[group].append((value, sample))
    drawn = set()
    for number in range(rule.per_sample):
        for members in groups.values():
            for pair in _matched(members, rule.smallest_gap, f"{seed}:{number}"):
                if pair.id not in drawn:
                    drawn.add(pair.id)
                    yield pair


def _matched(members: Sequence[tuple[float, Sample]], gap: float, seed: str) -> Iterator[Pair]:
    # What waits lies less than a gap apart, so that only the two ends have to be looked at.
    waiting: list[tuple[float, str, Sample]] = []
    for value, sample in sorted(members, key=lambda m: _digest(f"{seed}:{m[1].id}")):
        if waiting and value - waiting[0][0] >= gap:
            below, _, other = waiting.pop(0)
            yield Pair(other, sample, value - below)
        elif waiting and waiting[-1][0] - value >= gap:
            above, _, other = waiting.pop()
            yield Pair(sample, other, above - value)
        else:
            insort(waiting, (value, sample.id, sample))


def chosen_pairs(data: DataFolder, spec: TaskSpec, limit: int | None, seed: int) -> list[Pair]:
    """The pairs of a data set in a seeded order that takes from every emotion in proportion: a limit takes the first."""
    rule = spec.pairs
    assert rule is not None, "the task compares pictures"
    drawn = list(make_pairs(data.samples, rule, spec.cluster, seed))
    ordered = stratified(
        drawn, key=lambda p: p.id, stratum=lambda p: (p.strong.emotion, f"{p.gap:.3g}"), seed=seed
    )
    return ordered[: min(rule.most or len(ordered), limit or len(ordered))]


def no_pairs(spec: TaskSpec, data: str) -> str:
    """Says that the data have no two pictures that a task could compare."""
    assert spec.pairs is not None
    alike = "".join(f" the same {column} and" for column in spec.pairs.within)
    return (
        f"no two pictures of {data} have{alike} {spec.pairs.field} at least {spec.pairs.smallest_gap:g} apart"
    )


def as_samples(pair: Pair, spec: TaskSpec, seed: int) -> Iterator[tuple[Sample, tuple[Sample, Sample]]]:
    """What is asked about a pair: a sample for each order, with the pictures in that order.

    It has what both pictures have in common, and the columns `pair`, `gap` and `stronger`.
    """
    rule, answer = spec.pairs, spec.answer
    assert rule is not None, "the task compares pictures"
    assert answer is not None, "tasks of a judge have an answer"
    for both in pair.orders(rule.both_orders, seed):
        first, second = both
        common = {k: v for k, v in first.attributes.items() if second.attributes.get(k) == v}
        own = {"pair": pair.id, "gap": f"{pair.gap:.3g}", STRONGER: answer.options[both.index(pair.strong)]}
        emotion = first.emotion if first.emotion == second.emotion else None
        yield Sample(f"{first.id}+{second.id}@{spec.name}", None, emotion, attributes=common | own), both


def _column(sample: Sample, name: str) -> str | float | None:
    value = getattr(sample, name) if name in LABELS else sample.attributes.get(name)
    return None if value == "" else value


def _number(value: str | float | None) -> float | None:
    try:
        number = math.nan if value is None else float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
