"""The human ceiling: people and a judge against one truth, on the same samples, over raters and samples."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats.ceiling import choice_ceiling, rating_ceiling
from harness.stats.raters import collect_ratings

quick = settings(max_examples=40, deadline=None, derandomize=True)
NAN = float("nan")
rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.0])),
    min_size=1,
    max_size=20,
    unique_by=lambda row: row[:2],
)


def collected(found, samples=5):
    sample, rater, value = (np.array(column) for column in zip(*found, strict=True))
    return collect_ratings(sample, rater, value, samples)


def table(values):
    """A complete table of shape (raters, samples)."""
    rater, sample = (codes.ravel() for codes in np.mgrid[: values.shape[0], : values.shape[1]])
    return collect_ratings(sample, rater, values.ravel().astype(float))


@quick
@given(rows, st.lists(st.sampled_from([0.0, 1.0, 2.0, NAN]), min_size=5, max_size=5))
def test_choices_match_a_naive_implementation(found, judge):
    people, its = {}, {}
    for rater in range(4):
        scores = []
        for sample in sorted({s for s, r, _ in found if r == rater}):
            others = Counter(v for s, r, v in found if s == sample and r != rater)
            if others:
                top = [v for v, votes in others.items() if votes == max(others.values())]
                own = next(v for s, r, v in found if (s, r) == (sample, rater))
                scores.append([(answer in top) / len(top) for answer in (own, judge[sample])])
        if scores:
            people[rater], its[rater] = np.mean(scores, axis=0)
    ceiling = choice_ceiling(collected(found), 3, np.array([judge]))
    known = {r: v for r, v in enumerate(ceiling.raters) if np.isfinite(v)}
    assert known == pytest.approx(people)
    if not people:
        assert (math.isnan(ceiling.people.value), ceiling.judge) == (True, None)
        return
    assert ceiling.people.value == pytest.approx(np.mean(list(people.values())))
    assert ceiling.judge.value == pytest.approx(np.mean(list(its.values())))
    assert ceiling.difference.value == pytest.approx(ceiling.judge.value - ceiling.people.value)


def test_a_tie_counts_for_a_person_as_for_a_judge_who_gives_the_same_answers():
    """Two of four answers tie on every sample: a judge that answers as one of the people does scores what they score."""
    values = np.array([[0, 1], [0, 1], [1, 2], [1, 2], [0, 1]])
    ceiling = choice_ceiling(table(values), 3, np.array([[0.0, 1.0]]))
    # Without rater 0, 1 or 4 two answers tie; without 2 or 3 the answer of the judge leads.
    assert ceiling.raters.tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0, 0.5])
    assert ceiling.judge.value == pytest.approx((3 * 0.5 + 2 * 1.0) / 5)


def test_ratings_correlate_each_rater_and_the_judge_with_the_mean_of_the_others():
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(3, 1, 40) + rng.normal(0, 0.6, (5, 40)), 1)
    judge = rng.normal(3, 1, (2, 40))
    ceiling = rating_ceiling(table(values), judge)
    people, its = [], []
    for rater in range(5):
        others = np.round(np.delete(values, rater, axis=0).mean(axis=0), 9)
        people.append(stats.spearmanr(values[rater], others)[0])
        its.append(np.mean([stats.spearmanr(repeat, others)[0] for repeat in judge]))
    assert ceiling.raters == pytest.approx(people, abs=1e-9)
    assert ceiling.people.value == pytest.approx(np.mean(people), abs=1e-9)
    assert ceiling.judge.value == pytest.approx(np.mean(its), abs=1e-9)
    assert ceiling.people.low < ceiling.people.value < ceiling.people.high <= 1


def test_a_judge_with_constant_ratings_leaves_people_their_ceiling():
    values = np.random.default_rng(1).normal(0, 0.5, (6, 30)) + np.arange(30) / 10
    alone, ceiling = rating_ceiling(table(values)), rating_ceiling(table(values), np.full((1, 30), 3.0))
    assert (ceiling.judge, ceiling.difference) == (None, None)
    assert ceiling.people == alone.people


def test_with_few_raters_the_interval_is_about_them_alone():
    rng = np.random.default_rng(2)
    values = (rng.random((6, 200)) < np.linspace(0.55, 0.95, 6)[:, None]) * 1.0
    few, many = choice_ceiling(table(values[1:5]), 2), choice_ceiling(table(values), 2)
    assert (few.over_raters, many.over_raters) == (False, True)
    assert few.people.high - few.people.low < 0.5 * (many.people.high - many.people.low)


def test_intervals_resample_clusters_of_samples():
    rng = np.random.default_rng(3)
    hard = np.repeat(rng.random(20), 10)
    values = (rng.random((8, 200)) < 1 - 0.5 * hard) * 1.0
    alone = choice_ceiling(table(values), 2)
    joined = choice_ceiling(table(values), 2, cluster=np.repeat(np.arange(20), 10))
    assert (alone.clusters, joined.clusters) == (200, 20)
    assert joined.people.high - joined.people.low > alone.people.high - alone.people.low


@pytest.mark.parametrize("values", [np.zeros((6, 1)), np.zeros((1, 6)), np.zeros((5, 12)), np.zeros((2, 2))])
def test_degenerate_answers_have_no_interval_of_zero_width(values):
    for found in (
        choice_ceiling(table(values), 2, np.zeros((1, values.shape[1]))),
        rating_ceiling(table(values), np.zeros((1, values.shape[1]))),
    ):
        for part in (found.people, found.judge, found.difference):
            assert part is None or part.low != part.high


def test_raters_who_share_no_samples_have_no_ceiling():
    apart = [(sample, sample, 1.0) for sample in range(5)]
    assert math.isnan(choice_ceiling(collected(apart), 3).people.value)
    # The sixth rated with everybody, the others with nobody else: without the sixth there is nothing left.
    star = [row for s in range(5) for row in ((s, s, 1.0), (s, 5, float(s % 2)))]
    found = choice_ceiling(collected(star), 3)
    assert np.isfinite(found.people.value)
    assert math.isnan(found.people.low)


def simulated(rng, raters, samples, size):
    """Choices: raters differ in skill, samples in difficulty, which clusters of samples share; and a judge."""
    cluster = np.repeat(np.arange(samples // size), size)
    easy = 0.7 * (rng.normal(size=samples // size)[cluster] + rng.normal(size=samples))
    lure = rng.integers(1, 6, samples)

    def answers(skill):
        right = rng.random((len(skill), samples)) < 1 / (1 + np.exp(-(skill[:, None] + easy)))
        lured = rng.random(right.shape) < 0.6
        return np.where(right, 0, np.where(lured, lure, rng.integers(1, 6, right.shape)))

    return table(answers(1.2 + 0.4 * rng.normal(size=raters))), answers(np.ones(1)) * 1.0, cluster


@pytest.mark.slow
def test_intervals_cover_other_raters_and_samples():
    """Generous bounds here; `benchmarks/bench_coverage.py` measures 1,000 simulations of several shapes."""
    rng = np.random.default_rng(4)
    found = [choice_ceiling(a, 6, judge, cluster) for a, judge, cluster in (simulated(rng, 8, 100, 5) for _ in range(250))]  # fmt: skip
    for part in ("people", "judge", "difference"):
        parts = [getattr(ceiling, part) for ceiling in found]
        truth = np.mean([p.value for p in parts])
        covered = np.mean([p.low <= truth <= p.high for p in parts])
        assert 0.92 <= covered <= 0.99, (part, covered)


def test_leaving_groups_of_raters_out_gives_about_the_same_interval_as_one_by_one(monkeypatch):
    answers, judge, cluster = simulated(np.random.default_rng(5), 40, 60, 1)
    one = choice_ceiling(answers, 6, judge, cluster).people
    monkeypatch.setattr("harness.stats.ceiling.GROUPS", 20)
    grouped = choice_ceiling(answers, 6, judge, cluster).people
    assert grouped.high - grouped.low == pytest.approx(one.high - one.low, rel=0.25)


def test_which_rater_has_which_code_does_not_matter():
    values = np.random.default_rng(6).integers(0, 3, (6, 30))
    ceilings = [
        choice_ceiling(table(values[list(order)]), 3).people
        for order in ((0, 1, 2, 3, 4, 5), (5, 3, 1, 0, 2, 4))
    ]
    assert [(p.value, p.low, p.high) for p in ceilings[:1]] == [
        pytest.approx((p.value, p.low, p.high)) for p in ceilings[1:]
    ]
    assert all(a == b for a, b in combinations([round(p.value, 12) for p in ceilings], 2))
