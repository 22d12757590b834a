"""The judge `people:STUDY`."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from memobench_annotate.exporting import export
from memobench_annotate.people import People
from memobench_annotate.records import CANNOT_TELL, Rater, Trial
from memobench_annotate.results import rows
from memobench_annotate.study import Study

from harness import (
    BadData,
    BadOption,
    Capability,
    HarnessError,
    JudgeReply,
    JudgeRequest,
    Picture,
    Question,
    Scale,
    evaluate,
)
from harness.people import SurveyQuestion
from harness.testing.command import Shell

Make = Callable[..., Study]
Rate = Callable[..., list[Rater]]
TASKS = ("coarse_emotion", "fine_intensity")
pytestmark = pytest.mark.usefixtures("own_folders")


def person(seed: int) -> Callable[[Trial, SurveyQuestion], str]:
    rng = np.random.default_rng(seed)

    def answer(trial: Trial, question: SurveyQuestion) -> str:
        if trial.expected is not None:
            return trial.expected
        if question.kind == "rating":
            return question.options[
                int(np.clip(round(2 * float(question.truth or 2) - 2 + rng.normal(0, 0.7)), 0, 4))
            ]
        return str(question.truth) if rng.random() < 0.6 else str(rng.choice(question.options))

    return answer


@pytest.fixture
def study(make_study: Make, rate: Rate) -> Study:
    """Nine people and one who answers at random."""
    rng = np.random.default_rng(99)
    study = make_study(TASKS, per_rater=44)
    rate(study, {f"p{n}": person(n) for n in range(9)} | {"bot": lambda trial, q: str(rng.choice(q.options))})
    return study


def people(study: Study, **options: Any) -> People:
    return People(People.Options(ref=str(study.folder), **options))


def request_of(question: SurveyQuestion, mode: Any, **changes: Any) -> JudgeRequest:
    scale = Scale(question.options, question.low) if question.kind == "rating" else None
    asked = Question(question.kind, question.options, None, scale, mode, question.target)
    request = JudgeRequest(
        "r1", question.sample_id, tuple(Picture(p.digest, data=b"") for p in question.pictures), (), asked
    )
    return replace(request, **changes)


def ask(judge: People, request: JudgeRequest) -> JudgeReply:
    (reply,) = judge.judge([request])
    return reply


def test_a_run_equals_a_computation_by_hand(study: Study, tmp_path: Path) -> None:
    """End to end: the command, whose accuracy and mean ratings are those of the kept raters, with their ceiling beside it."""
    export(study)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for opinion in rows(study):
        if opinion.question == "emotion":
            counts[opinion.sample][str(opinion.value)] += 1
    labels = {q.sample_id: str(q.truth) for q in study.rated.values() if q.kind == "choice"}
    assert not [v for v in counts.values() if list(v.values()).count(max(v.values())) > 1], (
        "a tie would be for the seed"
    )
    right = {sample: counts[sample].most_common(1)[0][0] == label for sample, label in labels.items()}
    done = Shell(tmp_path)(
        *(
            "run",
            "--task",
            ",".join(TASKS),
            "--model",
            "people:study",
            "--data",
            "study/data",
            "--out",
            "run",
            "--json",
        )
    ).ok()
    coarse, fine = done.results["tasks"]
    assert (coarse["n"], coarse["answered"], coarse["read"], coarse["failed"]) == (24, 24, "logprobs", 0)
    (accuracy,) = (m for m in coarse["metrics"] if m["name"] == "accuracy" and not m["group"])
    assert accuracy["value"] == pytest.approx(sum(right.values()) / 24, abs=1e-12)
    assert coarse["people"]["raters"] == 9
    assert coarse["people"]["ceiling"]["value"] is not None
    assert fine["people"]["ceiling"]["judge"] is not None
    assert fine["answered"] == 20
    # Another answer makes it another judge: the run folder is not mixed.
    first = next(rater for rater in study.store.raters() if rater.name == "p0")
    study.store.withdraw(first.id)
    with pytest.raises(HarnessError, match="run"):
        evaluate(
            "coarse_emotion",
            people(study),
            data=str(study.folder / "data"),
            out=tmp_path / "run",
            progress=False,
        )


def test_the_answers_of_a_run_are_means_and_pluralities(study: Study, tmp_path: Path) -> None:
    result = evaluate(
        list(TASKS), people(study), data=str(study.folder / "data"), out=tmp_path / "run", progress=False
    )
    assert result.results.run.complete
    values: dict[str, list[float]] = defaultdict(list)
    from memobench_annotate.results import rejections

    off = rejections(study)["intensity"]
    for opinion in rows(study):
        if opinion.question == "intensity" and opinion.rater not in off:
            values[opinion.sample].append(float(opinion.value))
    judge = people(study)
    for question in study.rated.values():
        if question.kind == "rating":
            mean = np.mean(values[question.sample_id])
            assert ask(judge, request_of(question, "rating")).rating == pytest.approx(mean, abs=1e-9)
            scores = ask(judge, request_of(question, "logprobs")).scores
            assert scores is not None
            weights = np.exp([scores[o] for o in question.options])
            assert weights @ np.arange(1, 6) / weights.sum() == pytest.approx(mean, abs=1e-9)


def test_a_tie_is_decided_by_the_seed_and_never_by_the_order(make_study: Make, rate: Rate) -> None:
    study = make_study(("coarse_emotion",), per_rater=24)
    rate(study, {name: lambda trial, q, n=n: q.options[n] for n, name in enumerate("abc")})
    judge, winners = people(study, screened=False), Counter[str]()
    for question in study.rated.values():
        request = request_of(question, "choice")
        backwards = replace(
            request, question=replace(request.question, options=request.question.options[::-1])
        )
        best = ask(judge, request).text
        assert best == ask(judge, backwards).text
        assert best in question.options[:3]
        winners[str(best)] += 1
        scores = ask(
            judge, replace(request, question=replace(request.question, answer_mode="logprobs"))
        ).scores
        assert scores is not None
        assert max(scores, key=lambda o: scores[o]) == best
        assert list(scores.values()).count(max(scores.values())) == 1
        assert math.exp(scores[question.options[0]]) == pytest.approx(1 / 3, abs=1e-8)
        assert math.exp(scores[question.options[5]]) == pytest.approx(1e-12)
    assert len(winners) == 3
    other = people(study, screened=False, seed=5)
    chosen = [ask(j, request_of(q, "text")).text for j in (judge, other) for q in study.rated.values()]
    assert chosen[:24] != chosen[24:]


def test_one_rater_alone(study: Study) -> None:
    judge = people(study, rater="p3")
    assert Capability.LOGPROBS not in judge.capabilities
    assert Capability.LOGPROBS in people(study).capabilities
    own = {(o.sample, o.question): o.value for o in rows(study) if o.rater == "p3"}
    assert own
    for question in study.rated.values():
        rating = question.kind == "rating"
        reply = ask(judge, request_of(question, "rating" if rating else "choice"))
        assert (reply.rating if rating else reply.text) == own[question.sample_id, question.target]
    with pytest.raises(BadOption, match="no rater 'P33'") as caught:
        people(study, rater="P33").identity()
    assert "Did you mean 'p3'?" in caught.value.hint


def test_excluded_raters_count_only_if_asked(study: Study) -> None:
    question = next(q for q in study.rated.values() if q.kind == "choice")
    assert ask(people(study), request_of(question, "choice")).extra == {"people": 9}
    assert ask(people(study, screened=False), request_of(question, "choice")).extra == {"people": 10}


def test_what_people_were_not_asked_is_no_answer(make_study: Make, rate: Rate) -> None:
    study = make_study(("coarse_emotion",), per_rater=24)
    rate(study, {"a": lambda trial, q: CANNOT_TELL})
    question = next(iter(study.rated.values()))
    judge, request = people(study, screened=False), request_of(question, "choice")
    nobody = ask(judge, request).error
    assert nobody is not None
    assert (nobody.kind, nobody.retryable) == ("no_answers", True)
    asked = request.question
    for changed in (
        replace(request, images=(Picture("0" * 64),)),
        replace(request, images=request.images * 2),
        replace(request, question=replace(asked, target="quality")),
        replace(request, question=replace(asked, options=asked.options[1:])),
    ):
        error = ask(judge, changed).error
        assert error is not None
        assert (error.kind, error.retryable) == ("not_asked", True)
        assert str(study.folder / "data") in error.hint
    assert judge.cannot_answer(asked) == ""
    assert "did not ask" in judge.cannot_answer(replace(asked, target="quality"))


def test_identical_pictures_of_two_samples_have_their_own_answers(tmp_path: Path, rate: Rate) -> None:
    from memobench_annotate.building import build

    from harness.testing import face_picture

    image = face_picture(1, 48).image
    assert image is not None
    (tmp_path / "twins").mkdir()
    for name in ("a", "b"):
        image.save(tmp_path / "twins" / f"{name}.png")
    (tmp_path / "twins" / "manifest.csv").write_text("id,image,emotion\na,a.png,happy\nb,b.png,sad\n")
    build(tmp_path / "study", str(tmp_path / "twins"), ["coarse_emotion"], training=0)
    study = Study.open(tmp_path / "study")
    rate(study, {name: lambda trial, q: str(q.truth) for name in "xyz"})
    judge = people(study)
    for question in study.rated.values():
        assert ask(judge, request_of(question, "choice")).text == question.truth
    elsewhere = ask(judge, request_of(question, "choice", sample_id="a copy"))
    assert elsewhere.extra == {"people": 6}


def test_pairs_are_known_in_the_order_shown(make_study: Make, rate: Rate) -> None:
    study = make_study(("nuance_pairs",), per_rater=60)
    rate(study, {name: lambda trial, q: str(q.truth) for name in "xyz"})
    judge = people(study)
    assert study.rated
    for question in study.rated.values():
        assert ask(judge, request_of(question, "choice")).text == question.truth


def test_the_identity_is_what_people_said(study: Study, rate: Rate) -> None:
    before = people(study).identity()
    assert people(study).identity() == before
    judge = people(study)
    judge.open()
    first = study.store.raters()[0]
    study.store.note("rate_limited", None, "no answer")
    assert people(study).identity() == before
    study.store.withdraw(first.id)
    assert people(study).identity() != before
    assert judge.identity() == before, "it stays what it is while it lives"
    assert people(study, rater="p3").identity() != people(study).identity()
    judge.close()


def test_a_server_that_writes_is_not_disturbed(study: Study) -> None:
    """Another connection is in the middle of a write."""
    import sqlite3

    writer = sqlite3.connect(study.folder / "answers.db", isolation_level=None)
    writer.execute("begin immediate")
    writer.execute("update answer set changes = changes + 1")
    assert people(study).identity()["answers"]
    writer.execute("rollback")
    writer.close()


@pytest.mark.parametrize("path", ["", "nowhere", "file", "empty", "broken", "\0"])
def test_what_is_no_study_is_refused(path: str, study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    study.store.close()
    study.folder.rename(tmp_path / "broken")
    for left in ("answers.db-wal", "answers.db-shm"):
        (tmp_path / "broken" / left).unlink(missing_ok=True)
    (tmp_path / "broken" / "answers.db").write_bytes(b"no database" * 100)
    judge = People(People.Options(ref=path and str(tmp_path / path)))
    with pytest.raises(HarnessError) as caught:
        judge.identity()
    assert caught.value.message
    assert caught.value.hint


def test_the_command_refuses_what_is_no_study_and_lists_without_opening(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("run", "--task", "coarse_emotion", "--model", "people:nowhere").refuses(2, "nowhere is not a study")
    assert "rater" in shell("show", "people").ok().out
    code = "import sys, memobench_annotate.people; print(json.dumps([*sys.modules]))"
    listed = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], capture_output=True, text=True, check=True
    )
    assert not {"sqlite3", "numpy", "starlette", "jinja2"} & set(json.loads(listed.stdout))


def test_people_reads_no_prompt_and_takes_files() -> None:
    assert (People.takes, People.reads_prompt) == ("bytes", False)
    with pytest.raises(BadData):
        People(People.Options(ref="nowhere")).open()
