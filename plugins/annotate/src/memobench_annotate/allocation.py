"""Which questions a rater gets, and in which order.

Questions are balanced over raters: each rater gets those that the fewest others have, ties broken by the seed. Tasks come one
after the other, in an order of the rater's own. The parts of a session follow ITU-R BT.500-15: training, discarded opening
trials, then the questions, with hidden repeats and trials that check attention between them.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from harness.people import SurveyQuestion
from memobench_annotate.config import StudyConfig
from memobench_annotate.records import Part, Trial

APART = 8
"""Trials between a question and its repeat, at least, where there are as many."""


def plan_trials(
    rater: int,
    seed: int,
    questions: Mapping[str, SurveyQuestion],
    training: Collection[str],
    config: StudyConfig,
    assigned: Counter[str],
) -> list[Trial]:
    """All trials of a rater, in order; none where every question has its raters already.

    `training` are the ids of questions that are set aside for it; `assigned` says how many raters each question has.
    """
    rng = random.Random(seed)
    chosen = _choose(rng, {k: q for k, q in questions.items() if k not in training}, config, assigned)
    if not chosen:
        return []
    shown = _Options(rng)
    tasks = list(dict.fromkeys(q.task for q in chosen))
    rng.shuffle(tasks)
    trials: list[tuple[Part, SurveyQuestion, str | None]] = []
    aside = _by_task(rng, [q for q in questions.values() if q.id in training])
    for task in tasks:
        trials += [("training", q, _right(q)) for q in _training(rng, aside[task], config)]
    used = {question.id for _, question, _ in trials} | {question.id for question in chosen}
    spare = _by_task(rng, [q for q in questions.values() if q.id not in used])
    first = [q for q in chosen if q.task == tasks[0]]
    openings = (spare[tasks[0]] + rng.sample(first, len(first)))[: config.design.openings]
    trials += [("opening", q, None) for q in openings]
    for task in tasks:
        trials += _block(rng, [q for q in chosen if q.task == task], config)
    return [
        Trial(rater, position, part, question.id, shown(question), expected)
        for position, (part, question, expected) in enumerate(trials)
    ]


def _choose(
    rng: random.Random, questions: Mapping[str, SurveyQuestion], config: StudyConfig, assigned: Counter[str]
) -> list[SurveyQuestion]:
    """The questions of a rater: those that the fewest have, all gold ones among them as far as they fit."""
    open_ = [q for q in questions.values() if assigned[q.id] < config.design.answers]
    rng.shuffle(open_)
    open_.sort(key=lambda q: assigned[q.id])
    most = config.design.per_rater
    gold = [q for q in questions.values() if is_gold(q, config)]
    # Gold questions check everybody: they do not wait for their turn.
    gold = rng.sample(gold, min(len(gold), max(1, most // 10))) if open_ else []
    mine = {q.id: q for q in [*gold, *open_]}
    return list(mine.values())[:most]


def is_gold(question: SurveyQuestion, config: StudyConfig) -> bool:
    """Whether the answer to a question is known beyond doubt."""
    return question.truth is not None and question.sample_id in config.gold


def _right(question: SurveyQuestion) -> str:
    """The option that is right, of a question with a truth."""
    if question.kind == "rating":
        at = round(float(question.truth or question.low) - question.low)
        return question.options[min(max(at, 0), len(question.options) - 1)]
    return str(question.truth)


def _by_task(
    rng: random.Random, questions: Iterable[SurveyQuestion]
) -> defaultdict[str, list[SurveyQuestion]]:
    """Task -> its questions, in an order of the rater's own."""
    found: defaultdict[str, list[SurveyQuestion]] = defaultdict(list)
    for question in questions:
        found[question.task].append(question)
    for listed in found.values():
        rng.shuffle(listed)
    return found


def _training(
    rng: random.Random, questions: Sequence[SurveyQuestion], config: StudyConfig
) -> list[SurveyQuestion]:
    """Questions with a known answer, each answer once before any comes twice."""
    known = [q for q in questions if q.truth is not None and _right(q) in q.options]
    turns = Counter[str]()
    ranked = []
    for question in known:
        ranked.append((turns[_right(question)], question))
        turns[_right(question)] += 1
    ranked.sort(key=lambda turn: turn[0])
    picked = [question for _, question in ranked[: config.design.training]]
    return rng.sample(picked, len(picked))


def _block(
    rng: random.Random, questions: Sequence[SurveyQuestion], config: StudyConfig
) -> list[tuple[Part, SurveyQuestion, str | None]]:
    """The questions of one task in a random order, with repeats and attention trials between them."""
    order = _apart(rng, questions)
    block: list[tuple[Part, SurveyQuestion, str | None]] = [
        ("gold" if is_gold(q, config) else "main", q, None) for q in order
    ]
    repeats = _share(rng, len(order), config.design.repeats)
    for question in rng.sample(order, repeats):
        at = next(i for i, trial in enumerate(block) if trial[1] is question)
        place = rng.randint(min(at + APART, len(block)), len(block))
        block.insert(place, ("repeat", question, None))
    for question in rng.choices(order, k=_share(rng, len(block), config.design.attention)):
        block.insert(rng.randint(1, len(block)), ("attention", question, rng.choice(question.options)))
    return block


def _share(rng: random.Random, count: int, share: float) -> int:
    """A share of a count as a whole number that is right on average."""
    whole, rest = divmod(count * share, 1)
    return min(count, int(whole) + (rng.random() < rest))


def _apart(rng: random.Random, questions: Sequence[SurveyQuestion]) -> list[SurveyQuestion]:
    """A random order in which no picture follows itself, as far as that is possible."""
    left = rng.sample(list(questions), len(questions))
    order: list[SurveyQuestion] = []
    while left:
        before = {p.digest for p in order[-1].pictures} if order else set()
        at = next((i for i, q in enumerate(left) if not before & {p.digest for p in q.pictures}), 0)
        order.append(left.pop(at))
    return order


class _Options:
    """The options in the order shown: permuted for each rater, and the same in all their trials."""

    def __init__(self, rng: random.Random) -> None:
        self._seed = rng.random()

    def __call__(self, question: SurveyQuestion) -> tuple[str, ...]:
        if not question.shuffle:
            return question.options
        ranked = sorted(question.options, key=lambda option: random.Random(f"{self._seed}:{option}").random())
        return tuple(ranked)
