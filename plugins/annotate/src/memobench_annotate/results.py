"""What the answers of a study say: rows of ratings.csv, verdicts on raters, the consensus, and how far the study is."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from harness.people import Opinion, SurveyQuestion, agreement
from memobench_annotate.records import COUNTED, Row
from memobench_annotate.screening import Verdict, rules, screen
from memobench_annotate.study import Study

MOST_NEEDED, MOST_EVENTS = 20, 50
RECENT = 300.0
"""Seconds over which answers a minute are counted."""
STALE, COSTLY = 2.0, 10.0
"""The experimenter's page may show what is at most that many seconds old, and that many times what it took to compute."""
MOST_ANSWERS = 10_000
"""Answers to a picture up to which the wished width is searched."""

Key = tuple[tuple[str, ...], str, str, frozenset[str]]
"""Digests of the pictures in the order shown, kind, target and options of a question: what a judge knows of it."""
Votes = Mapping[str, Mapping[str, str]]
"""Sample id -> rater -> option."""


@dataclass(frozen=True)
class RaterLine:
    """A rater on the experimenter's page."""

    name: str
    state: str
    done: int
    total: int
    verdict: str
    reasons: list[str]


@dataclass(frozen=True)
class LiveView:
    """The experimenter's page."""

    progress: list[tuple[str, int, int]]
    """Task, answers, wished answers."""
    per_minute: float
    agreement: list[tuple[str, str]]
    """Question or task, and how far people agree."""
    raters: list[RaterLine]
    needed: list[tuple[str, str, str]]
    """Task, sample and reason: where answers help most, first."""
    more: list[tuple[str, str]]
    """Task, and how many more answers the wished width takes."""
    events: list[tuple[str, str, str, str]]
    """When, kind, rater, text; newest first."""
    rules: list[str]


@dataclass(frozen=True)
class _Facts:
    """All that is computed from the answers, once for each version of them."""

    version: tuple[int, ...]
    made: float
    cost: float
    rows: Sequence[Row]
    names: Mapping[int, str]
    verdicts: Mapping[int, Verdict]
    agreement: Mapping[str, Any]
    """Of the kept raters, by column of ratings.csv, or by `_apart` for ratings that have none."""

    @property
    def kept(self) -> Collection[int]:
        return {id_ for id_, verdict in self.verdicts.items() if not verdict.excluded}


_known: WeakKeyDictionary[Study, _Facts] = WeakKeyDictionary()
_lock = threading.Lock()


def rows(study: Study, *, kept_only: bool = True) -> list[Opinion]:
    """The rows of ratings.csv: one answer of a rater to each question about a sample, the first."""
    facts = _facts(study)
    return [
        o
        for o in _opinions(study, facts.rows, facts.names, facts.kept if kept_only else None)
        if o.question[0] != "="
    ]


def verdicts(study: Study) -> dict[int, Verdict]:
    """The verdict on each rater, by id."""
    return dict(_facts(study).verdicts)


def rejections(study: Study) -> dict[str, frozenset[str]]:
    """Question of ratings.csv, or task whose ratings it does not hold -> names of the kept raters that ITU-R BT.500 rejects."""
    return {
        key.removeprefix("= "): frozenset(found.rejected) for key, found in _facts(study).agreement.items()
    }


def every_answer(study: Study) -> list[tuple[str, Row]]:
    """The name of the rater and the answer, of all answers that are stored."""
    facts = _facts(study)
    return [(facts.names[row.rater], row) for row in facts.rows]


def consensus(study: Study, rater: str | None = None, *, screened: bool = True) -> Mapping[Key, Votes]:
    """What people chose, for a judge; questions without an answer are there, too, with no votes.

    Of all kept raters, without those that ITU-R BT.500 rejects for a rating, as `harness data people` computes it; of
    everybody unless `screened`; or of one `rater` alone, by name.
    """
    facts = _facts(study)
    found: dict[Key, dict[str, dict[str, str]]] = {}
    for question in study.rated.values():
        found.setdefault(key_of(question), {}).setdefault(question.sample_id, {})
    kept = facts.kept
    for row in facts.rows:
        name, question = facts.names[row.rater], study.questions[row.question]
        if row.part not in COUNTED or row.value not in question.options or rater not in (None, name):
            continue
        if rater is None and screened and (row.rater not in kept or _rejected(facts, question, name)):
            continue
        found[key_of(question)][question.sample_id].setdefault(name, row.value)
    return found


def key_of(question: SurveyQuestion) -> Key:
    """How a judge knows a question."""
    digests = tuple(picture.digest for picture in question.pictures)
    return digests, question.kind, question.target, frozenset(question.options)


def live(study: Study, now: float | None = None) -> LiveView:
    """What the experimenter sees. What takes long is computed at most every two seconds."""
    facts = _facts(study, stale=True)
    now = time.time() if now is None else now
    given = _values(study, facts)
    answers = Counter(study.questions[row.question].task for row in facts.rows if row.part in COUNTED)
    asked = Counter(question.task for question in study.rated.values())
    people, counts = study.store.raters(), study.store.counts()
    names = {person.id: person.name for person in people}
    return LiveView(
        progress=[(task, answers[task], n * study.config.design.answers) for task, n in asked.items()],
        per_minute=sum(now - RECENT < row.answered <= now for row in facts.rows) * 60 / RECENT,
        agreement=[*_agreement_texts(study, facts, given)],
        raters=[
            _line(person.name, person.state, counts.get(person.id, (0, 0)), facts.verdicts.get(person.id))
            for person in people
        ],
        needed=_needed(study, given),
        more=[(task, _more(study, given, task, width)) for task, width in study.config.widths.items()],
        events=[
            (_local(event.time), event.kind, names.get(event.rater or 0, ""), event.text)
            for event in study.store.events()[: -MOST_EVENTS - 1 : -1]
        ],
        rules=rules(study.config),
    )


def _facts(study: Study, *, stale: bool = False) -> _Facts:
    """What the answers say now, or, if it may be `stale`, a moment ago."""
    with _lock:
        before, now = _known.get(study), time.monotonic()
        if before is not None and stale and now - before.made < min(STALE, COSTLY * before.cost):
            return before
        version = (*study.store.version(), len(people := study.store.raters()))
        if before is not None and before.version == version:
            return before
        names = {person.id: person.name for person in people}
        # Somebody may join, and answer, between the two queries.
        stored = [row for row in study.store.rows() if row.rater in names]
        found = screen(stored, names, study.questions, study.config)
        kept = {id_ for id_, verdict in found.items() if not verdict.excluded}
        agreed = agreement(_opinions(study, stored, names, kept), study.samples)
        for id_ in kept:
            off = [
                f"rejected by ITU-R BT.500 for {_title(q)}"
                for q, f in agreed.items()
                if names[id_] in f.rejected
            ]
            found[id_] = replace(found[id_], reasons=[*found[id_].reasons, *off])
        facts = _Facts(version, time.monotonic(), time.monotonic() - now, stored, names, found, agreed)
        _known[study] = facts
        return facts


def _opinions(
    study: Study, given: Sequence[Row], names: Mapping[int, str], kept: Collection[int] | None
) -> Iterator[Opinion]:
    """Answers as rows of ratings.csv; ratings without a column there have one of their own."""
    seen = set()
    for row in given:
        question = study.questions[row.question]
        column = question.column or (_apart(question) if question.kind == "rating" else "")
        if row.part not in COUNTED or not column or row.value not in question.options:
            continue
        # Tasks may ask the same of a sample: which answer counts must not depend on its value.
        cell = (question.sample_id, row.rater, column)
        if cell not in seen and (kept is None or row.rater in kept):
            seen.add(cell)
            yield Opinion(question.sample_id, names[row.rater], column, question.value(row.value))


def _apart(question: SurveyQuestion) -> str:
    return f"= {question.task}".casefold()


def _title(column: str) -> str:
    return column.removeprefix("= ")


def _rejected(facts: _Facts, question: SurveyQuestion, name: str) -> bool:
    found = facts.agreement.get(question.column or _apart(question)) if question.kind == "rating" else None
    return found is not None and name in found.rejected


def _values(study: Study, facts: _Facts) -> dict[str, list[int]]:
    """Question id -> indices of the options that the kept raters chose."""
    found: dict[str, list[int]] = {id_: [] for id_ in study.rated}
    kept = facts.kept
    for row in facts.rows:
        options = study.questions[row.question].options
        if row.part in COUNTED and row.rater in kept and row.value in options:
            found[row.question].append(options.index(row.value))
    return found


def _agreement_texts(
    study: Study, facts: _Facts, given: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, str]]:
    for column, found in facts.agreement.items():
        alpha, ceiling = found.alpha, found.ceiling
        known = (
            [f"alpha {alpha:.2f} ({found.alpha_level})"] if alpha is not None and math.isfinite(alpha) else []
        )
        if ceiling.value is not None and math.isfinite(ceiling.value):
            known.append(
                f"ceiling ({ceiling.metric} of one person) {ceiling.value:.2f}{_between(ceiling.low, ceiling.high)}"
            )
        known.append(f"{found.answers} answers of {found.raters} raters to {found.samples} pictures")
        yield _title(column), "; ".join(known)
    equal: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for id_, chosen in given.items():
        question = study.questions[id_]
        if not question.column and question.kind != "rating":
            pairs[question.task] += len(chosen) * (len(chosen) - 1) // 2
            equal[question.task] += sum(n * (n - 1) // 2 for n in Counter(chosen).values())
    for task, n in pairs.items():
        if n:
            yield (
                task,
                f"two raters give the same answer in {equal[task] / n:.0%} of {n} pairs of answers to one question",
            )


def _between(low: float | None, high: float | None) -> str:
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f" [{low:.2f}, {high:.2f}]" if known else ""


def _line(name: str, state: str, counts: tuple[int, int], verdict: Verdict | None) -> RaterLine:
    word, reasons = ("not tested", []) if verdict is None else (verdict.word, verdict.reasons)
    return RaterLine(name, state, counts[1], counts[0], word, list(reasons))


def _needed(study: Study, given: Mapping[str, Sequence[int]]) -> list[tuple[str, str, str]]:
    """Questions with too few answers of kept raters, or with a wider interval than wished: the most uncertain first."""
    wished, widths = study.config.design.answers, study.config.widths
    found = []
    for at, (id_, chosen) in enumerate(given.items()):
        question, n = study.questions[id_], len(chosen)
        rating = question.kind == "rating"
        if rating:
            uncertain = _standard_error(chosen)
            wide = question.task in widths and n > 1 and 2 * _quantile(n) * uncertain > widths[question.task]
        else:
            uncertain, wide = _entropy(chosen), False
        if n < wished or wide:
            # Between tasks, uncertainty is compared as a share of the largest that there can be.
            levels = max(len(question.options), 2)
            share = uncertain / (levels - 1 if rating else math.log2(levels))
            reason = f"{n} of {wished} answers"
            if n > 1:
                reason += f", standard error {uncertain:.2f}" if rating else f", entropy {uncertain:.2f} bits"
            found.append((n, -share, at, (question.task, question.sample_id, reason)))
    return [entry for *_, entry in sorted(found)[:MOST_NEEDED]]


def _standard_error(values: Sequence[int]) -> float:
    n = len(values)
    if n < 2:
        return math.inf
    mean = sum(values) / n
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)


def _entropy(values: Sequence[int]) -> float:
    """Of the votes, in bits."""
    n = len(values)
    return math.log2(n) - sum(c * math.log2(c) for c in Counter(values).values()) / n if n else math.inf


def _quantile(n: Any) -> Any:
    """The half-width of the 95% t interval of a mean of n answers, in standard errors."""
    from scipy.special import stdtrit

    return stdtrit(n - 1, 0.975)


def _more(study: Study, given: Mapping[str, Sequence[int]], task: str, wished: float) -> str:
    """How many more answers make the mean width of the 95% t intervals of pictures' means at most the wished one.

    With the standard deviation of the answers to one picture, pooled over pictures, and next answers always to the pictures
    that have the fewest.
    """
    chosen = [
        values
        for id_, values in given.items()
        if (q := study.questions[id_]).task == task and q.kind == "rating"
    ]
    if not chosen:
        return "this task is not in the study, or is no rating"
    n = np.array([len(values) for values in chosen])
    freedom = int(np.maximum(n - 1, 0).sum())
    if freedom < 2:
        return "not known yet: it takes several answers to a picture"
    deviation = math.sqrt(sum(float(np.var(values)) * len(values) for values in chosen if values) / freedom)

    def width(least: int) -> float:
        size = np.maximum(n, least)
        return float((2 * _quantile(size) * deviation / np.sqrt(size)).mean())

    how = f"standard deviation {deviation:.2f} of the answers to one picture, pooled over {int((n > 1).sum())} pictures"
    if int(n.min()) > 1 and width(2) <= wished:
        return (
            f"enough: the mean width of the 95% intervals is {width(2):.2f}, and {wished:g} is wished ({how})"
        )
    low, high = 2, MOST_ANSWERS
    if width(high) > wished:
        return f"more than {MOST_ANSWERS} answers to each picture: {wished:g} is hardly possible ({how})"
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if width(middle) <= wished else (middle + 1, high)
    now = f" is {width(2):.2f} now;" if int(n.min()) > 1 else ":"
    return (
        f"about {int(np.maximum(low - n, 0).sum())} more answers, {low} in all to each picture; the mean width of the 95% "
        f"intervals{now} {wished:g} is wished ({how})"
    )


def _local(when: float) -> str:
    return datetime.fromtimestamp(when).astimezone().isoformat(" ", "seconds")
