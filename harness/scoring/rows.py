"""Joins the files of a run folder into rows: one for each question that should have been answered."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints, Objects
from harness.components.metric import Scores, ScoresColumn
from harness.metrics.groups import Column, column_of, column_of_numbers
from harness.results import ReadAs
from harness.scoring.costs import add_up
from harness.scoring.grades import Votes, grades_of, votes_for
from harness.scoring.stored import StoredRun, StoredSample
from harness.scoring.stored_ratings import stored_ratings
from harness.store.replies import JUDGE
from harness.tasks.answer_form import VOTES
from harness.tasks.answers import PROSE_ONLY, ParsedReply, parse_reply, rates_unlabelled, truth_of
from harness.tasks.clusters import cluster_column
from harness.tasks.spec import Answer
from harness.types import EMOTIONS


@dataclass
class Rows:
    """The answers to one question by one judge, ready to be scored. Parallel lists, one entry a row."""

    answer: Answer
    truths: list[str | float | None] = field(default_factory=list)
    predicted: array[float] = field(default_factory=lambda: array("d"))
    """Code of the option chosen, or the rating; NaN where the reply could not be parsed."""
    samples: list[StoredSample] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)
    """Why a reply could not be parsed; empty where it could, None where there is no reply."""
    repeats: list[int] = field(default_factory=list)
    usage: dict[str, float] = field(default_factory=dict)
    """Sums over the replies of what answering used (tokens, cost)."""
    timings: dict[str, float] = field(default_factory=dict)
    """Sums of what may differ between two runs with the same answers (seconds, tokens found in caches)."""
    question: str = ""
    probabilities: array[float] | None = None
    """For each row one number for each option, NaN where the reply has none; None where no metric uses them."""
    extra: list[Mapping[str, Any]] | None = None
    """What the judge noted with each reply; None where no metric uses it."""
    votes: Votes = field(default_factory=dict)
    """What people said of the samples, where the task's truth is graded by it."""
    prose: bytearray = field(default_factory=bytearray)
    """1 for each row whose answer was understood from a sentence, else 0."""

    def add(
        self,
        sample: StoredSample,
        truth: str | float | None,
        parsed: ParsedReply,
        repeat: int = 0,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one answered question."""
        value = parsed.value
        if value is None:
            code = float("nan")
        else:
            code = float(self.answer.options.index(value)) if isinstance(value, str) else float(value)
        self.samples.append(sample)
        self.truths.append(truth)
        self.predicted.append(code)
        self.reasons.append("" if value is not None else parsed.reason)
        self.prose.append(parsed.how == "prose")
        self.repeats.append(repeat)
        if self.probabilities is not None:
            given = parsed.probabilities
            if given is None:
                self.probabilities.extend([math.nan] * len(self.answer.options))
            else:
                self.probabilities.extend(given)
        if self.extra is not None:
            self.extra.append(extra or {})

    def add_missed(self, sample: StoredSample, truth: str | float) -> None:
        """Add a portrait that the generator did not deliver: it cannot show what was asked."""
        self.add(sample, truth, ParsedReply(None, ""))
        self.reasons[-1] = None

    @property
    def answered(self) -> int:
        """How many rows have a reply, parsed or not."""
        return len(self.reasons) - self.reasons.count(None)

    @property
    def unparsed(self) -> dict[str, int]:
        """Reason -> count of the replies that could not be parsed."""
        counts = Counter(r for r in self.reasons if r)
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def read_as(self) -> ReadAs:
        """How many replies declare their answer, were understood from prose, or could not be parsed."""
        prose, parsed = sum(self.prose), self.reasons.count("")
        return ReadAs(declared=parsed - prose, prose=prose, unparsed=self.answered - parsed)

    def without_prose(self) -> Rows:
        """The same rows with the answers that were understood from prose counted as unparsed."""
        prose = np.frombuffer(self.prose, np.bool_)
        predicted = np.where(prose, math.nan, np.array(self.predicted))
        reasons = [PROSE_ONLY if p else r for p, r in zip(self.prose, self.reasons, strict=True)]
        return replace(
            self,
            predicted=array("d", predicted.tobytes()),
            reasons=reasons,
            prose=bytearray(len(self.prose)),
        )

    def select(self, chosen: Iterable[int]) -> Rows:
        """The rows of these numbers, in this order."""
        chosen = list(chosen)
        return Rows(
            self.answer,
            [self.truths[i] for i in chosen],
            array("d", [self.predicted[i] for i in chosen]),
            [self.samples[i] for i in chosen],
            [self.reasons[i] for i in chosen],
            [self.repeats[i] for i in chosen],
            question=self.question,
            probabilities=None
            if self.probabilities is None
            else array("d", self._probability_table()[np.array(chosen, np.int64)].tobytes()),
            extra=None if self.extra is None else [self.extra[i] for i in chosen],
            votes=self.votes,
            prose=bytearray([self.prose[i] for i in chosen]),
        )

    def _probability_table(self) -> Floats:
        """The probabilities, shape (n, options)."""
        return np.frombuffer(self.probabilities or b"", np.float64).reshape(-1, len(self.answer.options))

    def positions(self) -> Ints:
        """At which position each row was shown each option, shape (n, options), -1 where it was not shown."""
        options = self.answer.options
        orders: dict[tuple[str, ...], int] = {}
        row = [orders.setdefault(s.shown.get(self.question, options), len(orders)) for s in self.samples]
        places = [[order.index(o) if o in order else -1 for o in options] for order in orders]
        return np.array(places, np.int64).reshape(-1, len(options))[np.array(row, np.int64)]

    def pairs(self) -> Ints:
        """Codes of the pairs that rows belong to, shape (n,): the replies to both orders share one."""
        return codes((s.attributes.get("pair"), r) for s, r in zip(self.samples, self.repeats, strict=True))

    def sorted(self) -> Rows:
        """The same rows in an order that does not depend on when they were answered."""
        order: Iterable[int] = range(len(self.samples))
        if any(self.repeats):
            order = sorted(order, key=self.repeats.__getitem__)
        ids = [sample.id for sample in self.samples]
        rows = self.select(sorted(order, key=ids.__getitem__))
        rows.usage, rows.timings = self.usage, self.timings
        return rows

    def scores(self, cluster: str, uses: frozenset[ScoresColumn] = frozenset()) -> Scores:
        """The arrays that metrics take. `cluster` names the column that is resampled ("" for the default).

        `uses` names the optional columns to fill; probabilities are there wherever they were collected.
        """
        answer = self.answer
        if answer.scored == "choice":
            code = {option: float(number) for number, option in enumerate(answer.options)}
            truth = np.array([code[str(t)] for t in self.truths])
        else:
            truth = _numbers(self.truths)
        names, emotions = self._emotions()
        column = cluster_column(cluster, (s.attributes for s in self.samples))
        alone = "pair" if answer.kind == "pair" else ""
        # Statements about one picture, and questions about one emotion of it at a time, are no independent answers.
        several = bool(answer.statement)
        units = codes(
            s.attributes.get(column)
            or s.attributes.get(alone)
            or (s.picture if several or s.question else s.id)
            for s in self.samples
        )
        asked = codes(s.attributes.get(alone) or s.id for s in self.samples)
        found = None
        if self.probabilities is not None:
            found = _floats(self._probability_table()).reshape(-1, len(answer.options))
        return Scores(
            kind=answer.scored,
            truth=_floats(truth),
            predicted=_floats(np.array(self.predicted)),
            cluster=units,
            emotion=emotions,
            options=answer.options,
            emotions=names,
            low=answer.low,
            high=answer.low + len(answer.options) - 1,
            probabilities=None if found is None or np.isnan(found).all() else found,
            positions=self.positions() if "positions" in uses else None,
            attributes=_by_key([s.attributes for s in self.samples]) if "attributes" in uses else {},
            extra=_by_key(self.extra or []) if "extra" in uses else {},
            grades=grades_of(answer, self.samples, self.votes) if "grades" in uses else None,
            cluster_column=column,
            sample=asked if len(np.unique(asked)) < len(asked) else None,
        )

    def _emotions(self) -> tuple[tuple[str, ...], Ints]:
        """The names of emotions, the six first, and the code of each row's, shape (n,), -1 where it has none."""
        others = sorted(
            {s.emotion for s in self.samples if s.emotion is not None and s.emotion not in EMOTIONS}
        )
        names = (*EMOTIONS, *others)
        code = {name: number for number, name in enumerate(names)}
        return names, np.array([-1 if s.emotion is None else code[s.emotion] for s in self.samples], np.int64)

    def column(self, name: str) -> Column:
        """A column of the samples, or a label of theirs, by which rows can be grouped."""
        if name in ("intensity", "quality"):
            return column_of_numbers(_numbers(getattr(s, name) for s in self.samples))
        if name == "emotion":
            return column_of([s.emotion for s in self.samples])
        return column_of([s.attributes.get(name) for s in self.samples])


def _floats(values: npt.NDArray[Any]) -> Floats:
    return values.astype(np.float64, copy=False).reshape(-1)


def _numbers(values: Iterable[Any]) -> Floats:
    """Shape (n,), NaN for None."""
    return np.array([math.nan if v is None else float(v) for v in values], np.float64)


def _by_key(rows: Sequence[Mapping[str, Any]]) -> dict[str, Objects]:
    """A column of objects for each key that any row has, shape (n,), None where a row lacks it."""
    columns = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        column = np.empty(len(rows), np.object_)
        column[:] = [row.get(key) for row in rows]
        columns[key] = column
    return columns


def codes(values: Iterable[Hashable]) -> Ints:
    """Whole numbers from 0 for distinct values, in order of appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(v, len(numbers)) for v in values], np.int64)


Key = tuple[str, str, str, str]
"""Question, judge, data, prompt variant."""


def collect(
    stored: StoredRun,
    asked: Mapping[Key, tuple[Answer, str]],
    used: Mapping[str, frozenset[ScoresColumn]],
    max_tokens: Callable[[str, str], int] | None = None,
) -> dict[Key, Rows]:
    """Parse every reply once; rows come sorted. `asked` maps each key to its answer and answer mode.

    `used` names, for each question, the optional columns that its metrics use. `max_tokens` gives the limit of tokens of a
    question and a judge.
    """
    limits = {key: max_tokens(*key[:2]) for key in asked} if max_tokens else {}
    rows = {
        key: Rows(
            answer,
            question=key[0],
            probabilities=array("d")
            if "probabilities" in used.get(key[0], ()) and mode in ("logprobs", "reasoned")
            else None,
            extra=[] if "extra" in used.get(key[0], ()) else None,
        )
        for key, (answer, mode) in asked.items()
    }
    graded = [
        key for key in rows if rows[key].answer.truth.grades == VOTES and "grades" in used.get(key[0], ())
    ]
    people = stored_ratings(stored.path) if graded else {}
    for key in graded:
        rows[key].votes = votes_for(rows[key].answer, people.get(key[2], {}).get("emotion"))
    seen: dict[tuple[Key, int], bytearray] = {}
    for reply, sample in stored.replies():
        key = (reply["task"], reply["by"], reply["data"], reply["wording"])
        if key not in asked:
            continue
        repeat = reply["repeat"]
        flags = seen.get((key, repeat))
        if flags is None:
            # A byte for each sample: a benchmark may have very many.
            flags = seen[key, repeat] = bytearray(stored.count)
        if flags[sample.number]:
            continue
        flags[sample.number] = 1
        stored.served.add(JUDGE, key[1], reply.get("served"))
        answer, mode = asked[key]
        truth = truth_of(answer, sample)
        if truth is not None or rates_unlabelled(answer, sample):
            mine = rows[key]
            shown = sample.shown.get(key[0], answer.options)
            parsed = parse_reply(reply, answer, shown, mode, limits.get(key))
            mine.add(sample, truth, parsed, repeat, reply.get("extra"))
            add_up(mine.usage, reply.get("usage"))
            add_up(mine.timings, reply.get("timings"))
    for key in rows:
        # One by one, so that only one of many is held twice.
        rows[key] = rows[key].sorted()
    return rows
