"""Verdicts on raters, with reasons. Nobody is deleted: who is excluded is left out of ratings.csv.

Rules with known answers (attention trials, gold questions) come first, then straight lines and speed, then agreement with
the other raters, which is the strongest: it needs no known answers, and finds who answers at random.

Simulated in 100 studies of 45 honest raters, 10 who answer at random and 5 who keep to one option, with 60 answers each and 15
people to a question, half of them choices among six emotions and half intensities. Honest raters see the emotion in 55% to 90%
of the pictures, miss the common intensity by a standard deviation of 0.5 to 1.3 levels, and misread 2% of the attention trials.
With two attention trials each, 2 of 4,500 honest raters were excluded (both failed both), and all 1,500 others; without any,
1 of 4,500, and 2 of 1,000 at random were kept. With 60 intensities alone, where people agree less, it was 34 of 4,500 and 15 of
1,000; with 20 answers of both kinds 98 and 34.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from harness.people import SurveyQuestion
from memobench_annotate.allocation import is_gold
from memobench_annotate.config import StudyConfig
from memobench_annotate.permutation import Compared, kind_of
from memobench_annotate.records import COUNTED, Row

ATTENTION_FAILURES, GOLD_ERRORS = 2, 3
"""Fewer never exclude, unless the study allows none: anybody slips."""
LINE = 10
"""Answers to a task from which on a straight line is looked for."""
OTHERS_SHARE, BY_CHANCE = 0.75, 0.001
"""A straight line is one where the others chose the same less often than the first, and chance explains it less than the second."""
STILL, LIVELY = 0.15, 0.5
"""Variance of ratings below which they are a straight line (microsoft/P.910), and of the others' above which they vary."""
GOLD_LEVELS = 1.0
"""A rating is right within this distance of the truth."""
ROUNDS = 5
"""How often agreement is computed anew without those who do not agree."""
FEWEST_RATERS = 3
"""Of two who disagree, nobody can tell who is wrong."""
POWER = 4.0
"""z that is usual for as many answers, from which on agreement is tested: with less, honest raters would be excluded."""
FAR_LESS, STRICTER = 0.4, 50.0
"""Agreement below this share of what is usual excludes too, unless p is below the level by the second factor."""


@dataclass(frozen=True)
class Verdict:
    """What is thought of a rater."""

    rater_id: int
    name: str
    excluded: bool
    reasons: list[str]
    """Why they are excluded, or not tested; else remarks."""
    figures: dict[str, float | int | None]
    tested: bool = True
    """Whether there are enough answers for all rules."""

    @property
    def word(self) -> str:
        """kept, excluded or not tested"""
        return "excluded" if self.excluded else "kept" if self.tested else "not tested"


def rules(config: StudyConfig) -> list[str]:
    """Each rule in one sentence."""
    asked = config.screening
    attention = f"more than {asked.attention_failed:.0%} of the attention trials, and at least {ATTENTION_FAILURES} of them, failed"
    if asked.attention_failed == 0:
        attention = "any attention trial failed"
    gold = f"fewer than {asked.gold_accuracy:.0%} of the gold questions are right, with at least {GOLD_ERRORS} wrong"
    if asked.gold_accuracy == 1:
        gold = "any gold question is wrong"
    return [
        f"A rater is excluded if {attention}.",
        f"A rater is excluded if {gold}; a rating is right within one level of the truth.",
        f"A rater is excluded if more than {asked.straight_line:.0%} of the answers to a task (of {LINE} or more) are one option "
        f"or one place among the buttons, while the others chose the same in at most {OTHERS_SHARE:.0%} of their answers to the "
        f"same questions and chance does not explain it (p < {BY_CHANCE:g}); for ratings, also if their variance is below "
        f"{STILL:g} and that of the others' at least {LIVELY:g}.",
        f"A rater is excluded if more than {asked.too_fast:.0%} of the answers took less than {asked.fastest_ms} ms.",
        f"A rater is excluded if the answers agree with those of the other raters no more than the same answers in a random "
        f"order would (p > {asked.agreement_p:g}, one-sided, over all tasks; needs {FEWEST_RATERS} raters and {asked.fewest} "
        f"answers to questions that others answered too).",
        f"Agreement is tested only with answers enough to show it in a rater like the upper quartile (z of {POWER:g} or more); "
        f"less than {FAR_LESS:.0%} of the agreement of such a rater excludes too, unless p is at most "
        f"{asked.agreement_p / STRICTER:g}.",
        f"Except for attention trials and gold questions, raters with fewer than {asked.fewest} answers are not tested.",
        "Who is rejected by ITU-R BT.500 for a question stays in ratings.csv: scoring leaves their answers to that question out.",
    ]


def screen(
    rows: Sequence[Row],
    names: Mapping[int, str],
    questions: Mapping[str, SurveyQuestion],
    config: StudyConfig,
) -> dict[int, Verdict]:
    """The verdict on each rater in `names`, by id."""
    people = {id_: _Person(id_) for id_ in names}
    for row in rows:
        if row.rater in people:
            people[row.rater].add(row)
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for person in people.values():
        for row in person.counted:
            votes[row.question][row.value] += 1
    for person in people.values():
        _known_answers(person, questions, config)
        if len(person.counted) >= config.screening.fewest:
            _straight_lines(person, votes, questions, config)
            _speed(person, config)
        _repeats(person, questions)
    _agreement([*people.values()], questions, config)
    return {id_: _verdict(person, names[id_], config) for id_, person in people.items()}


@dataclass
class _Person:
    id: int
    counted: list[Row] = field(default_factory=list)
    """Answers about pictures."""
    attention: list[Row] = field(default_factory=list)
    repeats: list[Row] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    figures: dict[str, float | int | None] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        if row.part in COUNTED:
            self.counted.append(row)
        elif row.part == "attention":
            self.attention.append(row)
        elif row.part == "repeat":
            self.repeats.append(row)


def _verdict(person: _Person, name: str, config: StudyConfig) -> Verdict:
    tested = len(person.counted) >= config.screening.fewest
    reasons = person.reasons or person.remarks
    if not tested and not person.reasons:
        reasons = [f"not tested: few answers ({len(person.counted)} of {config.screening.fewest})"]
    return Verdict(person.id, name, bool(person.reasons), list(reasons), person.figures, tested)


def _known_answers(person: _Person, questions: Mapping[str, SurveyQuestion], config: StudyConfig) -> None:
    asked, limits = len(person.attention), config.screening
    failed = sum(row.value != row.expected for row in person.attention)
    person.figures |= {
        "answers": len(person.counted),
        "attention_asked": asked,
        "attention_failed": failed,
    }
    fewest = 1 if limits.attention_failed == 0 else ATTENTION_FAILURES
    if failed >= fewest and failed / asked > limits.attention_failed:
        person.reasons.append(f"failed {failed} of {asked} attention trials")
    gold = [row for row in person.counted if is_gold(questions[row.question], config)]
    right = sum(_right(row, questions[row.question]) for row in gold)
    person.figures |= {"gold_asked": len(gold), "gold_right": right}
    fewest = 1 if limits.gold_accuracy == 1 else GOLD_ERRORS
    if len(gold) - right >= fewest and right / len(gold) < limits.gold_accuracy:
        person.reasons.append(f"answered {right} of {len(gold)} gold questions right")


def _right(row: Row, question: SurveyQuestion) -> bool:
    if row.value not in question.options or question.truth is None:
        return False
    value = question.value(row.value)
    if isinstance(value, str):
        return value == question.truth
    return abs(value - float(question.truth)) <= GOLD_LEVELS


def _speed(person: _Person, config: StudyConfig) -> None:
    timed = [row.ms for row in person.counted if row.ms > 0]
    if not timed:
        return
    share = sum(ms < config.screening.fastest_ms for ms in timed) / len(timed)
    person.figures |= {"median_ms": int(median(timed)), "fast_share": share}
    if share > config.screening.too_fast:
        person.reasons.append(f"{share:.0%} of the answers took less than {config.screening.fastest_ms} ms")


def _straight_lines(
    person: _Person,
    votes: Mapping[str, Counter[str]],
    questions: Mapping[str, SurveyQuestion],
    config: StudyConfig,
) -> None:
    by_task: defaultdict[str, list[Row]] = defaultdict(list)
    for row in person.counted:
        by_task[questions[row.question].task].append(row)
    largest = 0.0
    for task, given in by_task.items():
        if len(given) < LINE:
            continue
        option, most = Counter(row.value for row in given).most_common(1)[0]
        at, there = Counter(_place(row) for row in given).most_common(1)[0]
        share = max(most, there) / len(given)
        largest = max(largest, share)
        limit = config.screening.straight_line
        same = [option] * len(given)
        placed = [row.options[at] if 0 <= at < len(row.options) else "" for row in given]
        if most / len(given) > limit and _is_line(given, same, votes):
            person.reasons.append(
                f"answered {option.lstrip('!')!r} in {share:.0%} of {task}, unlike the others"
            )
        elif at >= 0 and there / len(given) > limit and _is_line(given, placed, votes):
            person.reasons.append(f"pressed button {at + 1} in {share:.0%} of {task}, unlike the others")
        elif questions[given[0].question].kind == "rating" and _is_still(given, votes, questions):
            person.reasons.append(f"ratings of {task} hardly vary, unlike those of the others")
    person.figures["straight_share"] = largest


def _place(row: Row) -> int:
    return row.options.index(row.value) if row.value in row.options else -1


def _is_line(given: Sequence[Row], line: Sequence[str], votes: Mapping[str, Counter[str]]) -> bool:
    """Whether the others follow the line so much less that neither the questions nor chance explain it."""
    from scipy.special import bdtrc

    own = others = 0
    shares = []
    for row, option in zip(given, line, strict=True):
        total = votes[row.question].total() - 1
        if total:
            follows = row.value == option
            own, others = own + follows, others + 1
            shares.append((votes[row.question][option] - follows) / total)
    if not others:
        return False
    usual = sum(shares) / others
    return usual <= OTHERS_SHARE and float(bdtrc(own - 1, others, usual)) < BY_CHANCE


def _is_still(
    given: Sequence[Row], votes: Mapping[str, Counter[str]], questions: Mapping[str, SurveyQuestion]
) -> bool:
    """Whether the ratings hardly vary, and those of the others do."""
    places = {option: at for at, option in enumerate(questions[given[0].question].options)}
    own = [places[row.value] for row in given if row.value in places]
    if len(own) < LINE or float(np.var(own)) >= STILL:
        return False
    rest = [votes[row.question] - Counter([row.value]) for row in given]
    others = [places[value] for left in rest for value in left.elements() if value in places]
    return len(others) >= LINE and float(np.var(others)) >= LIVELY


def _repeats(person: _Person, questions: Mapping[str, SurveyQuestion]) -> None:
    """How many hidden repeats were answered as before, and the chance of that many if the order of answers was random."""
    before = {row.question: row.value for row in person.counted}
    often: defaultdict[tuple[str, frozenset[str]], Counter[str]] = defaultdict(Counter)
    for row in person.counted:
        often[kind_of(questions[row.question])][row.value] += 1
    equal, chances = 0, []
    for row in person.repeats:
        if row.question in before:
            equal += row.value == before[row.question]
            own = often[kind_of(questions[row.question])]
            chances.append(own[row.value] / own.total())
    tail = np.ones(1)
    for chance in chances:
        tail = np.convolve(tail, [1 - chance, chance])
    person.figures |= {
        "repeats_asked": len(chances),
        "repeats_equal": equal,
        "repeats_p": min(1.0, float(tail[equal:].sum())) if chances else None,
    }


def _agreement(
    people: Sequence[_Person], questions: Mapping[str, SurveyQuestion], config: StudyConfig
) -> None:
    """Exclude those of whom no agreement with the others can be seen."""
    from scipy.special import ndtr, ndtri

    limits = config.screening
    compared = Compared([person.counted for person in people], questions)
    trusted = np.array([not person.reasons for person in people], bool)
    least, most = (-float(ndtri(p)) for p in (limits.agreement_p, limits.agreement_p / STRICTER))
    reference = trusted
    for _ in range(ROUNDS):
        found = compared.against(reference)
        tested = (found.n >= limits.fewest) & (found.usual >= POWER) & (reference.sum() >= FEWEST_RATERS)
        failing = trusted & tested & (found.z < np.clip(FAR_LESS * found.usual, least, most))
        agreeing = trusted & ~failing
        if (agreeing == reference).all() or agreeing.sum() < FEWEST_RATERS:
            break
        reference = agreeing
    for at, person in enumerate(people):
        p = float(ndtr(-found.z[at])) if math.isfinite(found.z[at]) else None
        person.figures |= {"p": p, "compared": int(found.n[at])}
        for task, z in zip(compared.tasks, found.tasks[at], strict=True):
            if math.isfinite(z):
                person.figures[f"p {task}"] = float(ndtr(-z))
        if failing[at]:
            more = "no" if p is None or p > limits.agreement_p else "hardly"
            person.reasons.append(
                f"answers agree with the others {more} more than chance (p = {p:.2g}, {found.n[at]} answers)"
            )
        elif not tested[at] or p is None:
            person.remarks.append(
                "agreement with the others is not tested: too few answers can be compared to tell"
            )
