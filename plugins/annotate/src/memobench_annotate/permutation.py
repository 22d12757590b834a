"""How far each rater agrees with the others, and whether chance explains it: arrays of answers, and exact permutation moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.people import SurveyQuestion
from memobench_annotate.records import Row

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


ENOUGH = 5
"""Answers of a rater to a task from which on their agreement says how well people agree about it."""


class Agreement(NamedTuple):
    """Of each rater with the others, as z: normal with variance 1, and mean 0 if answers do not depend on the pictures."""

    z: Floats
    """Over all tasks, shape (raters,); NaN: unknown."""
    usual: Floats
    """What a rater with as many answers to each task has who agrees as well as the upper quartile, shape (raters,)."""
    n: Ints
    """Answers to questions that others answered too, shape (raters,)."""
    tasks: Floats
    """z of each task alone, shape (raters, tasks)."""


def kind_of(question: SurveyQuestion) -> tuple[str, frozenset[str]]:
    """Questions of one kind have answers that can be exchanged."""
    return question.task, frozenset(question.options)


class Compared:
    """The answers of all raters as arrays, and their agreement with the others by exact permutation moments.

    Of a rater's answers to one task with the same options, all orders over the questions are equally probable if they do not
    depend on the pictures. Mean and variance over all orders are known (Hoeffding 1951), so that nothing is drawn.
    """

    def __init__(self, given: Sequence[Sequence[Row]], questions: Mapping[str, SurveyQuestion]) -> None:
        """`given`: the answers of each rater, one to a question."""
        listed = list(questions.values())
        code = {question.id: at for at, question in enumerate(listed)}
        self.tasks = list(dict.fromkeys(question.task for question in listed))
        kinds = {kind: at for at, kind in enumerate(dict.fromkeys(map(kind_of, listed)))}
        self._kind = np.array([kinds[kind_of(question)] for question in listed], np.int64)
        self._task = np.array([self.tasks.index(question.task) for question in listed], np.int64)
        self._rating = np.array([question.kind == "rating" for question in listed], bool)
        self._width = max((len(question.options) for question in listed), default=1)
        places = [{option: at for at, option in enumerate(question.options)} for question in listed]
        cells = [
            (at, code[row.question], places[code[row.question]][row.value])
            for at, rows in enumerate(given)
            for row in rows
            if row.value in places[code[row.question]]
        ]
        table = np.array(cells, np.int64).reshape(-1, 3)
        self._rater, self._question, self._value = table.T
        self._raters = len(given)

    def against(self, reference: Mask) -> Agreement:
        """Agreement of each rater with the `reference` raters, shape (raters,), other than that rater."""
        inside = reference[self._rater]
        size = len(self._kind) * self._width
        cell = self._question * self._width + self._value
        votes = np.bincount(cell[inside], minlength=size).reshape(-1, self._width)
        others = votes[self._question].astype(np.float64)
        others[np.arange(len(cell)), self._value] -= inside
        known = np.flatnonzero(others.sum(axis=1) > 0)
        rater, question = self._rater[known], self._question[known]
        task = rater * len(self.tasks) + self._task[question]
        group = rater * (int(self._kind.max(initial=0)) + 1) + self._kind[question]
        group = np.unique(group, return_inverse=True)[1].reshape(-1).astype(np.int64)
        moved, variance = _moments(group, self._value[known], others[known], self._rating[question])
        shape = (self._raters, len(self.tasks))
        size = self._raters * len(self.tasks)
        total, spread = (np.bincount(task, part, size).reshape(shape) for part in (moved, variance))
        n = np.bincount(task, minlength=size).reshape(shape)
        varied = spread > 1e-12
        z = np.where(varied, total / np.sqrt(np.where(varied, spread, 1.0)), np.nan)
        # Stouffer's sum over tasks, weighted by the number of answers.
        weight = np.sqrt(n * varied)
        length = np.sqrt((weight**2).sum(axis=1))
        length = np.where(length > 0, length, np.nan)
        strength = np.where(n >= ENOUGH, z / np.sqrt(np.maximum(n, 1)), np.nan)
        strength = np.array([_upper_quartile(column[reference]) for column in strength.T])
        usual = (weight**2 * strength).sum(axis=1) / length
        return Agreement((weight * np.nan_to_num(z)).sum(axis=1) / length, usual, n.sum(axis=1), z)


def _upper_quartile(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, 0.75)) if len(known) else 0.0


def _moments(group: Ints, value: Ints, others: Floats, rating: Mask) -> tuple[Floats, Floats]:
    """What each answer adds to the agreement, less what it adds on average over all orders, and to the variance."""
    moved, variance = np.zeros(len(group)), np.zeros(len(group))
    for chosen, measure in ((~rating, _choices), (rating, _ratings)):
        if chosen.any():
            codes = np.unique(group[chosen], return_inverse=True)[1].reshape(-1).astype(np.int64)
            moved[chosen], variance[chosen] = measure(codes, value[chosen], others[chosen])
    return moved, variance


def _choices(group: Ints, value: Ints, others: Floats) -> tuple[Floats, Floats]:
    """Agreement with the plurality of the others; where options tie, they share it."""
    top = others == others.max(axis=1, keepdims=True)
    credit = top / top.sum(axis=1, keepdims=True)
    n = np.bincount(group).astype(np.float64)
    width = credit.shape[1]
    own = np.bincount(group * width + value, minlength=len(n) * width).reshape(-1, width) / n[:, None]
    by_option = np.stack([np.bincount(group, column) for column in credit.T], axis=1) / n[:, None]
    by_question = (own[group] * credit).sum(axis=1)
    mean = (own * by_option).sum(axis=1)
    away = credit - by_question[:, None] - by_option[group] + mean[group, None]
    freedom = np.maximum(n - 1, 1)[group]
    # An order of n answers: sum over answers and questions of (centred credit)^2 / (n - 1).
    spread = n[group] * (own[group] * away**2).sum(axis=1) / freedom
    return credit[np.arange(len(value)), value] - mean[group], spread


def _ratings(group: Ints, value: Ints, others: Floats) -> tuple[Floats, Floats]:
    """Spearman's correlation with the mean of the others."""
    mean = np.round(others @ np.arange(others.shape[1]) / others.sum(axis=1), 9)
    n = np.bincount(group).astype(np.float64)
    x, y = (_centred_ranks(group, column, n) for column in (value.astype(np.float64), mean))
    total = np.bincount(group, x**2) * np.bincount(group, y**2)
    size = np.sqrt(np.where(total > 0, total, 1.0))
    # The covariance has variance Sxx Syy / (n - 1): scaled, so that tasks with different numbers of levels count alike.
    return x * y / size[group], ((total > 1e-9) / np.maximum(n - 1, 1) / n)[group]


def _centred_ranks(group: Ints, value: Floats, n: Floats) -> Floats:
    order = np.lexsort((value, group))
    fresh = np.ones(len(order), bool)
    fresh[1:] = (np.diff(group[order]) != 0) | (np.diff(value[order]) != 0)
    run = np.cumsum(fresh) - 1
    place = np.bincount(run, np.arange(len(order))) / np.bincount(run)
    ranks: Any = np.empty(len(order))
    ranks[order] = place[run]
    centred: Floats = ranks - (np.bincount(group, ranks) / n)[group]
    return centred
