"""The rows of a run agree with its results, count for count, and say how each answer was read."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import people as people_data
from helpers.results import lines
from PIL import Image

from harness import (
    Capability,
    Generator,
    ImageReply,
    ImageRequest,
    Judge,
    JudgeReply,
    JudgeRequest,
    ReplyError,
    RunResult,
    TaskResult,
    evaluate,
)
from harness.exporting.samples import UNASKED, SampleRow, iter_samples
from harness.scoring.panel import PANEL
from harness.scoring.score_run import score_folder

Make = Callable[..., Path]


class Mixed(Judge):
    """Says what is true, something else, a sentence, nothing of use, or fails, as the id of the request decides."""

    capabilities = frozenset({Capability.TEXT, Capability.MULTI_IMAGE, Capability.ORACLE})

    def identity(self) -> Mapping[str, str]:
        return {"version": type(self).__name__}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            options, kind = request.question.options, int(request.id[:2], 16) % 7
            if kind == 6:
                yield JudgeReply(request.id, error=ReplyError("timeout", "no answer in time"))
                continue
            truth = request.truth if isinstance(request.truth, str) else f"{request.truth:g}"
            texts = [
                truth,
                truth,
                options[0],
                f"This person looks {options[-1]} to me.",
                "I cannot tell.",
                "",
            ]
            yield JudgeReply(request.id, text=texts[kind], usage={"prompt_tokens": 3, "completion_tokens": 2})


class Blind(Mixed):
    """The same without the truth: an ordinary judge."""

    capabilities = frozenset({Capability.TEXT})

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            options, kind = request.question.options, int(request.id[:2], 16)
            if kind % 9 == 0:
                yield JudgeReply(request.id, error=ReplyError("timeout", "no answer in time"))
            else:
                yield JudgeReply(request.id, text=options[kind % len(options)] if kind % 5 else "no idea")


class Other(Blind):
    """A second judge."""


class Scores(Blind):
    """Gives a log-probability to each option."""

    capabilities = frozenset({Capability.LOGPROBS})

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            scores = {
                o: -float(int(request.id[:4], 16) * (k + 1) % 5)
                for k, o in enumerate(request.question.options)
            }
            yield JudgeReply(request.id, scores=scores)


class Portraits(Generator):
    """Generates squares; some are blocked, some are blank, some fail."""

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        for request in batch:
            kind = request.seed % 7
            if kind == 0:
                yield ImageReply(request.id, outcome="blocked")
            elif kind == 1:
                yield ImageReply(request.id, Image.new("RGB", (16, 16), (0, 0, 0)))
            elif kind == 2:
                yield ImageReply(request.id, error=ReplyError("memory", "out of memory"))
            else:
                yield ImageReply(request.id, Image.new("RGB", (16, 16), (request.seed % 255, 1, 2)))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(task: TaskResult, rows: Sequence[SampleRow]) -> list[SampleRow]:
    """The rows that an entry of the results is about."""
    key = (task.task, task.data.name, task.judge or "", task.prompt_variant or "")
    found = [r for r in rows if (r.task, r.data, r.judge, r.prompt_variant) == key]
    # A portrait that was not generated is every judge's.
    return found + [r for r in rows if task.judge and not r.judge and r.task == task.task]


def agree(result: RunResult, rows: Sequence[SampleRow]) -> Counter[str]:
    """Compare what rows and results say of each entry. Returns how many rows there are in each state."""
    entries = [t for t in result.tasks if t.judge != PANEL]
    for task in entries:
        mine = rows_of(task, rows)
        states = Counter(r.state for r in mine)
        failed = {(r.sample, r.repeat) for r in mine if r.state == "failed"}
        assert len(failed) == task.failed, task.task
        assert states["unparsed"] == task.unparsed
        assert Counter(r.reason for r in mine if r.state == "unparsed") == task.unparsed_reasons
        assert task.read_as is not None
        read = Counter(r.read_as for r in mine)
        assert [read[k] for k in ("declared", "prose", "unparsed")] == list(
            task.read_as.model_dump().values()
        )
        undelivered = {r.sample for r in mine if r.state == "undelivered"}
        assert len(undelivered) == task.outcomes.get("blocked", 0) + task.outcomes.get("blank", 0)
        for metric in task.metrics:
            if not metric.group and metric.name == "accuracy":
                scored = [r for r in mine if r.state != "failed"]
                assert states["right"] / len(scored) == pytest.approx(metric.value)
                assert len(scored) == metric.n
            if not metric.group and metric.name == "mae":
                errors = [abs(r.error) for r in mine if r.error is not None]
                assert sum(errors) / len(errors) == pytest.approx(metric.value)
    keys = [(r.task, r.question, r.data, r.judge, r.prompt_variant, r.sample, r.repeat) for r in rows]
    assert len(set(keys)) == len(keys), "one row a question"
    assert sum(len(rows_of(t, rows)) for t in entries) >= len(rows), "every row belongs to an entry"
    return Counter(r.state for r in rows)


def test_a_judge_run_with_all_kinds_of_task(tmp_path: Path) -> None:
    people = people_data.make_people(tmp_path / "people")
    result = evaluate("comprehension", Mixed(), data=people)
    rows = list(iter_samples(result.path))
    states = agree(result, rows)
    assert min(states[s] for s in ("right", "wrong", "unparsed", "failed")) > 0
    assert {r.order for r in rows if r.task == "nuance_pairs"} == {"stronger first", "stronger second"}
    assert {r.order for r in rows if r.task != "nuance_pairs"} == {""}
    pairs = [r for r in rows if r.task == "nuance_pairs"]
    assert all(r.picture and r.second_picture and r.picture != r.second_picture for r in pairs)
    assert all((people / r.picture).is_file() for r in rows)
    assert {r.failure for r in rows if r.state == "failed"} == {("timeout", "no answer in time")}
    said = next(r for r in rows if r.how == "prose")
    assert said.reply.startswith("This person looks")
    assert all(set(r.shown) >= {r.answer} for r in rows if isinstance(r.answer, str))
    assert {r.usage.get("prompt_tokens") for r in rows if r.state != "failed"} == {3}


@pytest.mark.parametrize("limit", [None, 4])
def test_repeats_prompt_variants_data_sets_and_limits(make_data: Make, limit: int | None) -> None:
    one, two = make_data(12, "one"), make_data(6, "two", offset=50)
    options: dict[str, Any] = {"data": [one, two], "repeats": 2, "prompt_variants": "all", "out": "run"}
    evaluate("coarse_emotion", Mixed(), **options)
    # A folder that holds more than was asked for last has rows of the last request alone.
    result = evaluate("coarse_emotion", Mixed(), limit=limit, **options)
    rows = list(iter_samples(result.path))
    agree(result, rows)
    variants = {r.prompt_variant for r in rows}
    assert len(variants) > 1
    assert Counter(r.data for r in rows) == {
        "one": 2 * len(variants) * (limit or 12),
        "two": 2 * len(variants) * (limit or 6),
    }
    assert {r.repeat for r in rows} == {0, 1}


def test_strict_rows_are_those_of_a_strict_score(tmp_path: Path) -> None:
    result = evaluate("comprehension", Mixed(), data=people_data.make_people(tmp_path / "people"))
    plain = agree(result, list(iter_samples(result.path)))
    strict = RunResult(result.path, score_folder(result.path, strict=True))
    rows = list(iter_samples(result.path, strict=True))
    assert agree(strict, rows)["unparsed"] > plain["unparsed"]
    assert not any(r.how == "prose" for r in rows)


def test_generator_runs_with_two_judges_and_portraits_that_were_not_delivered() -> None:
    result = evaluate("t2i_emotion", Portraits(), judge=[Blind(), Other()], limit=60, max_failures=100)
    rows = list(iter_samples(result.path))
    states = agree(result, rows)
    assert min(states[s] for s in ("right", "wrong", "unparsed", "failed", "undelivered")) > 0
    assert Counter(r.outcome for r in rows if not r.judge) == {"error": result.tasks[0].outcomes["error"]}
    assert {r.reason for r in rows if r.state == "undelivered"} == {"blocked", "blank"}
    assert {r.judge for r in rows} == {"Blind", "Other", ""}
    delivered = [r for r in rows if r.outcome == "ok"]
    assert all((result.path / r.picture).is_file() for r in delivered)
    assert all(r.picture == "" for r in rows if r.outcome != "ok")


def test_a_portrait_that_two_tasks_want_has_the_rows_of_both() -> None:
    result = evaluate("generation", Portraits(), judge=Blind(), limit=40, max_failures=100)
    rows = list(iter_samples(result.path))
    tasks = {t.task for t in result.tasks}
    # Which task wanted a portrait that failed is not stored.
    failed = [r for r in rows if not r.task]
    assert {r.outcome for r in failed} == {"error"}
    for task in result.tasks:
        mine = rows_of(task, rows)
        assert sum(r.state == "unparsed" for r in mine) == task.unparsed
        undelivered = {r.sample for r in mine if r.state == "undelivered"}
        assert len(undelivered) == task.outcomes["blocked"] + task.outcomes["blank"]
    wanted = Counter(r.sample for r in rows if r.question)
    assert {r.task for r in rows if r.task} == tasks
    assert max(wanted.values()) >= 1


def test_scores_are_the_probabilities_of_the_options_shown(faces: Path) -> None:
    result = evaluate(["coarse_emotion", "nuance_confusable"], Scores(), data=faces)
    rows = list(iter_samples(result.path))
    agree(result, rows)
    for row in rows:
        assert row.scores is not None
        assert tuple(row.scores) == row.shown
        assert sum(row.scores.values()) == pytest.approx(1)
        if row.answer is not None:
            assert row.scores[str(row.answer)] == max(row.scores.values())


def test_pictures_that_cannot_be_read_and_rows_that_are_wrong_are_failures(make_data: Make) -> None:
    folder = make_data(12, extra=[{"image": "faces/none.png", "id": "gone", "emotion": "happy"}])
    (folder / "faces/00003.png").write_bytes(b"broken")
    result = evaluate(["coarse_emotion", "fine_intensity"], Blind(), data=folder, repeats=2)
    rows = list(iter_samples(result.path))
    agree(result, rows)
    broken = [r for r in rows if r.sample in ("gone", "s00003")]
    assert all(r.state == "failed" and r.failure for r in broken)
    assert {r.reason for r in broken} == {r.failure[0] for r in broken if r.failure}


def test_an_interrupted_run_has_the_questions_that_it_reached(faces: Path) -> None:
    result = evaluate("coarse_emotion", Scores(), data=faces, out="run")
    replies = result.path / "replies.jsonl"
    stored = lines(replies)
    replies.write_text("".join(line + "\n" for line in replies.read_text().splitlines()[:7]))
    rows = list(iter_samples(result.path))
    assert [r.sample for r in rows[:7]] == [line["sample_id"] for line in stored[:7]], "as stored"
    assert Counter((r.state == "failed", r.reason if r.state == "failed" else "") for r in rows) == {
        (False, ""): 7,
        (True, UNASKED): 5,
    }


def test_rows_are_streamed(faces: Path) -> None:
    result = evaluate("coarse_emotion", Scores(), data=faces, out="run")
    rows = iter_samples(result.path)
    next(rows)
    shutil.rmtree(result.path)
    assert len(list(rows)) == 11, "an open file is read on"
