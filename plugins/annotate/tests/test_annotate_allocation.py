"""Which questions a rater gets, and in which order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from memobench_annotate.allocation import plan_trials
from memobench_annotate.config import StudyConfig
from memobench_annotate.study import Study

TASKS = ("coarse_emotion", "fine_intensity", "nuance_pairs")


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    return make_study(TASKS, faces=36, training=4)


def config(**design: object) -> StudyConfig:
    return StudyConfig.model_validate({"title": "a", "tasks": ["b"], "data": "c", "design": design})


def test_questions_are_balanced_over_raters(study: Study) -> None:
    assigned: Counter[str] = Counter()
    settings = config(answers=4, per_rater=20, openings=2)
    for rater in range(100):
        trials = plan_trials(rater, rater, study.questions, study.training, settings, assigned)
        assigned.update(t.question for t in trials if t.part == "main")
        assert max(assigned.values()) - min(assigned[name] for name in study.rated) <= 1
        if not trials:
            break
    assert set(assigned.values()) == {4}
    assert set(assigned) == set(study.rated)


def test_the_parts_of_an_order(study: Study) -> None:
    settings = config(per_rater=60, repeats=0.1, attention=0.1, openings=5, training=2)
    trials = plan_trials(1, 7, study.questions, study.training, settings, Counter())
    assert trials == plan_trials(1, 7, study.questions, study.training, settings, Counter())
    assert trials != plan_trials(1, 8, study.questions, study.training, settings, Counter())
    parts = [t.part for t in trials]
    count = parts.count("training")
    assert parts[:count] == ["training"] * count
    assert parts[count : count + 5] == ["opening"] * 5
    assert set(parts[count + 5 :]) == {"main", "repeat", "attention"}
    place = {t.question: t.position for t in trials if t.part == "main"}
    for trial in trials:
        if trial.part == "repeat":
            assert trial.position > place[trial.question]
        if trial.part == "attention":
            assert trial.expected in trial.options
    tasks = [study.questions[t.question].task for t in trials if t.part == "main"]
    assert len(list(dict.fromkeys(tasks))) == sum(a != b for a, b in zip(tasks, ["", *tasks], strict=False))
    orders = {t.options for t in trials if study.questions[t.question].task == "coarse_emotion"}
    assert len(orders) == 1, "one order of options for a rater"


def test_no_picture_follows_itself(study: Study) -> None:
    trials = plan_trials(
        1, 3, study.questions, study.training, config(per_rater=60, repeats=0, attention=0), Counter()
    )
    main = [study.questions[t.question] for t in trials if t.part == "main"]
    shown = [{p.digest for p in q.pictures} for q in main if q.kind != "pair"]
    assert not any(a & b for a, b in itertools.pairwise(shown))


def test_gold_questions_come_to_everybody(study: Study) -> None:
    first = next(q for q in study.rated.values() if q.task == "coarse_emotion")
    settings = config(answers=1, per_rater=5).model_copy(update={"gold": (first.sample_id,)})
    assigned: Counter[str] = Counter({first.id: 50})
    trials = plan_trials(1, 1, study.questions, study.training, settings, assigned)
    assert [t.question for t in trials if t.part == "gold"][:1] == [first.id]
