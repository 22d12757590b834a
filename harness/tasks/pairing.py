"""Selects pairs of pictures to compare: same emotion and person, different intensity."""

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
    """Two pictures and the difference `gap` between their values; `strong` has the larger value."""

    weak: Sample
    strong: Sample
    gap: float

    @property
    def id(self) -> str:
        """Both ids, sorted so that the order does not reveal which is stronger."""
        return "+".join(sorted((self.weak.id, self.strong.id)))

    def orders(self, both: bool, seed: int) -> tuple[tuple[Sample, Sample], ...]:
        """The orders in which the pair is shown: both, or one chosen by the seed."""
        two = ((self.weak, self.strong), (self.strong, self.weak))
        return two if both else (two[_digest(f"{seed}:order:{self.id}")[0] % 2],)


def make_pairs(samples: Sequence[Sample], rule: Pairs, cluster: str, seed: int) -> Iterator[Pair]:
    """Pairs within groups that share the rule's columns and, if the data have one, the cluster.

    In each of `per_sample` rounds, pictures are visited in a seeded order. Each is paired with an earlier picture
    that differs enough and has no partner yet, so no picture is in two pairs of a round, and no pair is returned
    twice. The pairs depend only on ids, labels and seed. O(n log n).
    """
    column = cluster_column(cluster, (s.attributes for s in samples))
    groups: dict[tuple[str, ...], list[tuple[float, Sample]]] = defaultdict(list)
    for sample in samples:
        value = _number(_column(sample, rule.field))
        shared = [_column(sample, name) for name in rule.within]
        if sample.problem or value is None or None in shared or sample.emotion in rule.leave_out:
            continue
        group = (*map(str, shared), sample.attributes.get(column, ""))
        groups[group].append((value, sample))
    seen = set()
    for round_number in range(rule.per_sample):
        for members in groups.values():
            for pair in _matched(members, rule.smallest_gap, f"{seed}:{round_number}"):
                if pair.id not in seen:
                    seen.add(pair.id)
                    yield pair


def _matched(members: Sequence[tuple[float, Sample]], gap: float, seed: str) -> Iterator[Pair]:
    # Unpaired pictures differ by less than the gap, so only the two ends need checking.
    unpaired: list[tuple[float, str, Sample]] = []
    for value, sample in sorted(members, key=lambda m: _digest(f"{seed}:{m[1].id}")):
        if unpaired and value - unpaired[0][0] >= gap:
            lower, _, other = unpaired.pop(0)
            yield Pair(other, sample, value - lower)
        elif unpaired and unpaired[-1][0] - value >= gap:
            upper, _, other = unpaired.pop()
            yield Pair(sample, other, upper - value)
        else:
            insort(unpaired, (value, sample.id, sample))


def select_pairs(data: DataFolder, spec: TaskSpec, limit: int | None, seed: int) -> list[Pair]:
    """The pairs of a data set in a seeded order, stratified by emotion and gap; `limit` keeps the first ones."""
    rule = spec.pairs
    assert rule is not None, "the task compares pictures"
    pairs = list(make_pairs(data.samples, rule, spec.cluster, seed))
    ordered = stratified(
        pairs, key=lambda p: p.id, stratum=lambda p: (p.strong.emotion, f"{p.gap:.3g}"), seed=seed
    )
    return ordered[: min(rule.most or len(ordered), limit or len(ordered))]


def no_pairs(spec: TaskSpec, data: str) -> str:
    """The message for data without any pair that the task could compare."""
    assert spec.pairs is not None
    shared = "".join(f" the same {column} and" for column in spec.pairs.within)
    return f"no two pictures of {data} have{shared} {spec.pairs.field} at least {spec.pairs.smallest_gap:g} apart"


def as_samples(pair: Pair, spec: TaskSpec, seed: int) -> Iterator[tuple[Sample, tuple[Sample, Sample]]]:
    """One sample per order of a pair, with the two pictures in that order.

    It has the attributes that both pictures share, and the columns `pair`, `gap` and `stronger`.
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
