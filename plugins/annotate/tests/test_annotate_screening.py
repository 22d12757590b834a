"""Screening of raters: who answers without looking is found, and who looks is not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from memobench_annotate.config import StudyConfig
from memobench_annotate.permutation import Compared
from memobench_annotate.records import CANNOT_TELL, Row
from memobench_annotate.screening import Verdict, rules, screen
from scipy.stats import rankdata

from harness import EMOTIONS
from harness.people import SurveyPicture, SurveyQuestion

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
HONEST, RANDOM, LINES = 45, 10, 5


def config(gold: Sequence[str] = (), **screening: Any) -> StudyConfig:
    return StudyConfig.model_validate(
        {"title": "t", "tasks": ["coarse_emotion"], "data": "d", "gold": gold, "screening": screening}
    )


def question(kind: str, number: int, truth: str | float | None = None) -> SurveyQuestion:
    picture = SurveyPicture(f"{number}.png", f"{number:064x}")
    rating = kind == "rating"
    return SurveyQuestion(
        id=f"{kind}{number}",
        task="fine_intensity" if rating else "coarse_emotion",
        sample_id=f"s{number}",
        pictures=(picture,),
        kind="rating" if rating else "choice",
        options=LEVELS if rating else EMOTIONS,
        labels="none",
        low=1.0,
        target="intensity" if rating else "emotion",
        shuffle=not rating,
        text="?",
        column="intensity" if rating else "emotion",
        truth=truth,
        emotion=None,
    )


def asked(kinds: Sequence[str], count: int, truth: str | float | None = None) -> dict[str, SurveyQuestion]:
    return {q.id: q for number in range(count) for kind in kinds for q in [question(kind, number, truth)]}


class Simulated:
    """60 raters, 60 answers each, 15 to a question."""

    def __init__(
        self, seed: int, kinds: Sequence[str] = ("choice", "rating"), n: int = 60, attention: int = 2
    ) -> None:
        self.rng = np.random.default_rng(seed)
        raters = HONEST + RANDOM + LINES
        count = raters * n // 15 // len(kinds)
        self.questions, self.rows = asked(kinds, count), list[Row]()
        self.emotion = self.rng.integers(0, 6, count)
        self.like = (self.emotion + self.rng.integers(1, 6, count)) % 6
        self.easy, self.strength = self.rng.normal(0, 0.12, count), self.rng.normal(3, 1, count)
        for rater in range(raters):
            self._rater(rater, n, attention)

    def _rater(self, rater: int, n: int, attention: int) -> None:
        rng, ids = self.rng, list(self.questions)
        answer = (
            self._honest() if rater < HONEST else self._random() if rater < HONEST + RANDOM else self._line()
        )
        mine = [self.questions[ids[at]] for at in rng.permutation(len(ids))[:n]]
        order = tuple(str(o) for o in rng.permutation(EMOTIONS))
        trials = (
            [("main", q) for q in mine]
            + [("repeat", q) for q in mine[:4]]
            + [("attention", q) for q in mine[-attention:]]
        )
        for at, (part, q) in enumerate(trials[: n + 4 + attention]):
            expected = q.options[rng.integers(len(q.options))] if part == "attention" else None
            reads = expected is not None and rater < HONEST
            value = expected if expected is not None and reads else q.options[answer(q)]
            options = order if q.kind == "choice" else q.options
            self.rows.append(Row(rater, at, part, q.id, options, expected, value, 1500, 0.0, 1))  # type: ignore[arg-type]

    def _honest(self) -> Callable[[SurveyQuestion], int]:
        rng = self.rng
        skill, noise, bias, scale = (
            rng.uniform(0.55, 0.9),
            rng.uniform(0.5, 1.3),
            rng.normal(0, 0.4),
            rng.uniform(0.7, 1.1),
        )

        def answer(q: SurveyQuestion) -> int:
            at = int(q.sample_id[1:])
            if q.kind == "rating":
                seen = 3 + bias + scale * (self.strength[at] - 3) + rng.normal(0, noise)
                return int(np.clip(round(seen), 1, 5)) - 1
            if rng.random() < np.clip(skill + self.easy[at], 0.15, 0.97):
                return int(self.emotion[at])
            return int(self.like[at]) if rng.random() < 0.5 else int(rng.integers(6))

        return answer

    def _random(self) -> Callable[[SurveyQuestion], int]:
        often = {5: self.rng.dirichlet(np.ones(5)), 6: self.rng.dirichlet(np.ones(6))}
        even = self.rng.random() < 0.6
        return lambda q: int(self.rng.choice(len(q.options), p=None if even else often[len(q.options)]))

    def _line(self) -> Callable[[SurveyQuestion], int]:
        favourite = {5: int(self.rng.integers(5)), 6: int(self.rng.integers(6))}
        return lambda q: (
            favourite[len(q.options)] if self.rng.random() > 0.03 else int(self.rng.integers(len(q.options)))
        )

    def verdicts(self) -> dict[int, Verdict]:
        names = {rater: f"r{rater}" for rater in range(HONEST + RANDOM + LINES)}
        return screen(self.rows, names, self.questions, config())


@pytest.mark.parametrize("seed", [9101, 9102, 9103, 9104])
def test_random_and_straight_raters_are_found_and_honest_ones_kept(seed: int) -> None:
    found = Simulated(seed).verdicts()
    assert {id_ for id_, verdict in found.items() if verdict.excluded} == set(
        range(HONEST, HONEST + RANDOM + LINES)
    )
    assert all(verdict.reasons for verdict in found.values() if verdict.excluded)
    lines = [" ".join(found[id_].reasons) for id_ in range(HONEST + RANDOM, HONEST + RANDOM + LINES)]
    assert all("unlike the others" in reason for reason in lines)


def test_few_answers_without_other_checks_exclude_almost_nobody_who_is_honest() -> None:
    """20 intensities say too little of a person: agreement is then not tested."""
    found = Simulated(9201, ("rating",), n=20, attention=0).verdicts()
    assert not any(found[id_].excluded for id_ in range(HONEST))
    assert "not tested" in found[0].reasons[0]


def rated(
    rater: int, questions: Mapping[str, SurveyQuestion], values: Sequence[str], **fields: Any
) -> list[Row]:
    return [
        replace(Row(rater, at, "main", q.id, q.options, None, value, 1500, 0.0, 1), **fields)
        for at, (q, value) in enumerate(zip(questions.values(), values, strict=False))
    ]


def crowd(questions: Mapping[str, SurveyQuestion], raters: int = 6) -> list[Row]:
    """People 1, 2, ... who agree in four of five answers."""
    rng = np.random.default_rng(3)
    rows = []
    for rater in range(1, raters + 1):
        right = [q.options[at % len(q.options)] for at, q in enumerate(questions.values())]
        rows += rated(
            rater, questions, [v if rng.random() < 0.8 else str(rng.choice(EMOTIONS)) for v in right]
        )
    return rows


def verdict_of(
    rows: Sequence[Row], questions: Mapping[str, SurveyQuestion], settings: StudyConfig | None = None
) -> Verdict:
    names = {row.rater: f"r{row.rater}" for row in rows} | {0: "zero"}
    return screen(rows, names, questions, settings or config())[0]


EMOTION = asked(["choice"], 60)
RIGHT = [EMOTIONS[at % 6] for at in range(60)]


def test_a_rater_who_agrees_is_kept_with_all_figures() -> None:
    mine = rated(0, EMOTION, RIGHT)
    repeats = [replace(row, part="repeat", position=100 + row.position) for row in mine[:4]]
    found = verdict_of([*crowd(EMOTION), *mine, *repeats], EMOTION)
    assert (found.word, found.reasons) == ("kept", [])
    assert found.figures["answers"] == found.figures["compared"] == 60
    assert (found.figures["repeats_equal"], found.figures["repeats_asked"]) == (4, 4)
    assert found.figures["repeats_p"] == pytest.approx(6**-4)
    assert found.figures["median_ms"] == 1500
    p = found.figures["p"]
    assert p is not None
    assert p < 1e-9


@pytest.mark.parametrize(
    ("failed", "of", "limit", "excluded"),
    [(1, 2, 0.25, False), (2, 4, 0.25, True), (2, 8, 0.25, False), (1, 9, 0, True), (0, 9, 0, False)],
)
def test_attention_trials(failed: int, of: int, limit: float, *, excluded: bool) -> None:
    """They count with few answers too; a single slip does not, unless the study allows none."""
    rows = [
        Row(
            0, at, "attention", f"choice{at}", EMOTIONS, "sad", "happy" if at < failed else "sad", 900, 0.0, 1
        )
        for at in range(of)
    ]
    found = verdict_of(rows, EMOTION, config(attention_failed=limit))
    assert found.excluded is excluded
    assert found.reasons == (
        [f"failed {failed} of {of} attention trials"] if excluded else ["not tested: few answers (0 of 20)"]
    )


@pytest.mark.parametrize(("wrong", "excluded"), [(2, False), (3, True)])
def test_gold_questions(wrong: int, *, excluded: bool) -> None:
    questions = asked(["choice"], 5, truth="sad")
    values = ["happy"] * wrong + ["sad"] * (5 - wrong)
    found = verdict_of(
        rated(0, questions, values, part="gold"), questions, config([f"s{n}" for n in range(5)])
    )
    assert found.excluded is excluded
    assert (found.figures["gold_right"], found.figures["gold_asked"]) == (5 - wrong, 5)
    assert excluded is ("answered 2 of 5 gold questions right" in found.reasons)


def test_a_gold_rating_is_right_within_one_level_and_no_answer_is_wrong() -> None:
    questions = asked(["rating"], 4, truth=3.2)
    values = ["moderate", "strong", "very strong", CANNOT_TELL]
    found = verdict_of(rated(0, questions, values), questions, config([f"s{n}" for n in range(4)]))
    assert (found.figures["gold_right"], found.figures["gold_asked"]) == (2, 4)


def test_a_straight_line_is_no_fault_where_everybody_gives_the_same_answer() -> None:
    same = [row for rater in range(1, 6) for row in rated(rater, EMOTION, ["happy"] * 59 + ["sad"])]
    assert not verdict_of([*same, *rated(0, EMOTION, ["happy"] * 60)], EMOTION).excluded


def test_pressing_one_button_is_a_straight_line_whatever_it_says() -> None:
    rng = np.random.default_rng(1)
    orders = [tuple(str(o) for o in rng.permutation(EMOTIONS)) for _ in range(60)]
    rows = [
        replace(row, options=order, value=order[2])
        for row, order in zip(rated(0, EMOTION, RIGHT), orders, strict=True)
    ]
    found = verdict_of([*crowd(EMOTION), *rows], EMOTION)
    assert found.reasons[0] == "pressed button 3 in 100% of coarse_emotion, unlike the others"


def test_never_being_able_to_tell_is_a_straight_line() -> None:
    found = verdict_of([*crowd(EMOTION), *rated(0, EMOTION, [CANNOT_TELL] * 60)], EMOTION)
    assert found.reasons == ["answered 'cannot_tell' in 100% of coarse_emotion, unlike the others"]


def test_ratings_that_hardly_vary_are_a_straight_line() -> None:
    questions = asked(["rating"], 40)
    others = [LEVELS[at % 5] for at in range(40)]
    rows = [row for rater in range(1, 6) for row in rated(rater, questions, others)]
    mine = ["moderate"] * 35 + ["strong"] * 5
    found = verdict_of([*rows, *rated(0, questions, mine)], questions)
    assert "ratings of fine_intensity hardly vary, unlike those of the others" in found.reasons


@pytest.mark.parametrize(("fast", "excluded"), [(15, False), (16, True)])
def test_implausibly_fast_answers(fast: int, *, excluded: bool) -> None:
    mine = [replace(row, ms=300 if row.position < fast else 900) for row in rated(0, EMOTION, RIGHT)]
    found = verdict_of([*crowd(EMOTION), *mine], EMOTION)
    assert found.excluded is excluded
    unknown = [replace(row, ms=0) for row in mine]
    assert not verdict_of([*crowd(EMOTION), *unknown], EMOTION).excluded


def test_answers_in_a_random_order_do_not_agree() -> None:
    rng = np.random.default_rng(5)
    found = verdict_of(
        [*crowd(EMOTION), *rated(0, EMOTION, [str(v) for v in rng.permutation(RIGHT)])], EMOTION
    )
    assert found.excluded
    assert found.reasons[0].startswith("answers agree with the others no more than chance (p = ")
    assert found.reasons[0].endswith(", 60 answers)")


def test_nobody_can_tell_which_of_two_raters_is_wrong() -> None:
    found = verdict_of([*crowd(EMOTION, 1), *rated(0, EMOTION, RIGHT[::-1])], EMOTION)
    assert not found.excluded
    assert "not tested" in found.reasons[0]


def test_few_answers_are_not_tested() -> None:
    found = verdict_of([*crowd(EMOTION), *rated(0, EMOTION, ["happy"] * 19)], EMOTION)
    assert (found.word, found.reasons) == ("not tested", ["not tested: few answers (19 of 20)"])
    assert verdict_of([], {}).word == "not tested"


@pytest.mark.parametrize("kind", ["choice", "rating"])
def test_the_moments_are_those_of_all_orders(kind: str) -> None:
    """Against all 720 orders of six answers."""
    rng = np.random.default_rng(11)
    questions = asked([kind], 6)
    options = next(iter(questions.values())).options
    people = [[options[i] for i in rng.integers(0, 4, 6)] for _ in range(6)]
    given = [rated(at, questions, values) for at, values in enumerate(people)]
    z = Compared(given, questions).against(np.ones(6, bool)).z[0]
    codes = np.array([[options.index(v) for v in values] for values in people])
    votes = np.stack([(codes[1:] == option).sum(axis=0) for option in range(len(options))], axis=1)

    def agreement(own: np.ndarray[Any, Any]) -> float:
        if kind == "rating":
            return float(np.corrcoef(rankdata(own), rankdata(np.round(codes[1:].mean(axis=0), 9)))[0, 1])
        top = votes == votes.max(axis=1, keepdims=True)
        return float((top / top.sum(axis=1, keepdims=True))[np.arange(6), own].sum())

    every = np.array([agreement(np.array(order)) for order in itertools.permutations(codes[0])])
    assert z == pytest.approx((agreement(codes[0]) - every.mean()) / every.std(), abs=1e-9)


def test_options_that_were_not_offered_are_no_chance_level() -> None:
    """Of two options each, a random rater is right half the time: that is no agreement."""
    rng = np.random.default_rng(2)
    pairs = [("worry", "sad"), ("surprise", "happy"), ("angry", "neutral")]
    questions = {k: replace(q, options=pairs[at % 3], column="") for at, (k, q) in enumerate(EMOTION.items())}
    truth = [q.options[rng.integers(2)] for q in questions.values()]
    rows = [row for rater in range(1, 7) for row in rated(rater, questions, truth)]
    mine = [q.options[rng.integers(2)] for q in questions.values()]
    assert verdict_of([*rows, *rated(0, questions, mine)], questions).excluded


def test_each_rule_is_one_sentence_with_its_threshold() -> None:
    listed = rules(config(attention_failed=0.3, fastest_ms=123, fewest=31))
    assert all(
        rule.startswith(("A rater", "Agreement", "Except", "Who")) and rule.endswith(".") for rule in listed
    )
    for threshold in ("30%", "50%", "90%", "123 ms", "0.05", "31 answers"):
        assert any(threshold in rule for rule in listed), threshold
    assert "any attention trial failed" in rules(config(attention_failed=0))[0]
