"""Objects made in Python: their displays, the numbers in their replies, arguments of any type, and whose errors are whose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness import (
    Capability,
    Generator,
    ImageReply,
    ImageRequest,
    Judge,
    JudgeReply,
    JudgeRequest,
    RequestError,
    RequestSource,
    StorageError,
    evaluate,
)
from harness.run.generate import generate
from harness.run.request import GenerateRequest
from harness.run.watch import Watch
from harness.store import RunFolder

Make = Callable[..., Path]


class Constant(Judge):
    """Gives every picture the same answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            self.asked += 1
            yield JudgeReply(request.id, text="happy")


class Squares(Generator):
    """Generates squares, and says how far it is."""

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        for request in batch:
            assert self.progress is not None
            self.progress("step 1 of 1")
            image = Image.new("RGB", (16, 16), (request.seed % 255, 1, 2))
            yield ImageReply(request.id, image, extra={"clip": np.float32(0.5), "steps": np.arange(2)})


class Broken(Watch):
    """Fails whatever it is told."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattribute__(name)
        raise BrokenPipeError(32, "Broken pipe")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_display_that_fails_stops_nothing(faces: Path) -> None:
    with pytest.warns(RuntimeWarning, match="the run goes on"):
        result = evaluate("coarse_emotion", Constant(), data=faces, watch=Broken())
    assert (result.failed, result.faults, result.results.tasks[0].answered) == (0, (), 12)


def test_a_display_that_fails_is_not_the_generators_failure(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="the run goes on"):
        result = evaluate("t2i_emotion", Squares(), judge=Constant(), limit=4, watch=Broken())
    assert (result.failed, result.faults) == (0, ())
    with pytest.warns(RuntimeWarning, match="the run goes on"):
        made = generate(GenerateRequest("echo", "emotion_600", limit=3, options={"size": 32}), Broken())
    assert (made.failed, made.outcomes) == (0, {"ok": 3})


class Numpy(Constant):
    """Replies with the numbers of numpy; `which` are the fields that it fills in."""

    which = ("scores", "rating")
    number: Callable[[float], Any] = np.float32

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.RATING, Capability.LOGPROBS, Capability.TEXT})

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        number = type(self).number
        for request in batch:
            options = request.question.options
            scores = {np.str_(o): number(-np.inf if k else -0.25) for k, o in enumerate(sorted(options))}
            yield JudgeReply(
                request.id,
                scores=scores if "scores" in self.which else None,
                rating=number(2.0) if "rating" in self.which else None,
                usage={"tokens": np.int64(7)},
                timings={"seconds": np.float16(0.5)},
                extra={"embedding": np.arange(3, dtype=np.float32), "nested": {"found": np.bool_(True)}},
            )


@pytest.mark.parametrize("number", [np.float16, np.float32, np.float64, np.array, float])
def test_numbers_of_numpy_are_understood(number: Callable[[float], Any], faces: Path) -> None:
    judge = type("Numpy", (Numpy,), {"number": staticmethod(number)})()
    result = evaluate("coarse_emotion", judge, data=faces)
    (task,) = result.results.tasks
    assert (task.answered, task.unparsed, task.failed) == (12, 0, 0)
    assert result.metric("accuracy", emotion="angry") == 1.0
    reply = records(result.path / "replies.jsonl")[0]
    assert reply["scores"]["angry"] == -0.25
    assert (reply["usage"], reply["timings"]) == ({"tokens": 7}, {"seconds": 0.5})
    assert reply["extra"] == {"embedding": [0.0, 1.0, 2.0], "nested": {"found": True}}
    rated = evaluate("fine_intensity", judge, data=faces, read="rating")
    assert (rated.results.tasks[0].unparsed, rated.failed) == (0, 0)
    assert {r["rating"] for r in records(rated.path / "replies.jsonl")} == {2.0}


@pytest.mark.parametrize("number", [np.float32, float])
def test_scores_that_are_no_numbers_are_named(number: Callable[[float], Any], faces: Path) -> None:
    class Nan(Numpy):
        def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
            for request in batch:
                yield JudgeReply(request.id, scores=dict.fromkeys(request.question.options, number("nan")))

    assert evaluate("coarse_emotion", Nan(), data=faces, out="run").failed == 12
    for failure in records(Path("run/failures.jsonl")):
        assert "the score of '" in failure["error"]["message"]
        assert "is nan" in failure["error"]["message"]


def test_extras_of_generators_may_be_arrays() -> None:
    result = evaluate("t2i_emotion", Squares(), judge=Constant(), limit=2)
    extra = [r["extra"] for r in records(result.path / "replies.jsonl") if r["role"] == "generator"]
    assert extra == [{"clip": 0.5, "steps": [0, 1]}] * 2


def test_arguments_of_any_type(faces: Path) -> None:
    judge = Constant()
    result = evaluate(
        {"coarse_emotion"}, judge, data={faces}, limit=np.int64(4), seed=None, repeats="2", out=Path("run")
    )
    assert (judge.asked, result.path) == (8, Path("run"))
    again = evaluate(
        "coarse_emotion", judge, data=str(faces), limit=4.0, seed="0", repeats=np.uint8(2), out="run"
    )
    assert (judge.asked, again.failed) == (8, 0)
    shared = evaluate("t2i_emotion", Squares(), judge={Constant(), "echo"}, limit=np.float32(2))
    assert len(shared.results.run.judges) == 2


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 2.5}, {"limit": True}, {"seed": float("nan")}, {"repeats": 10**30}, {"data": 3}, {"max_failures": "few"},
     {"allow_outside": "no"}, {"options": ["a"]}, {"out": ""}],
    ids=str,
)  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_is_asked(wrong: dict[str, Any], faces: Path) -> None:
    judge = Constant()
    with pytest.raises(RequestError) as raised:
        evaluate(**{"task": "coarse_emotion", "model": judge, "data": faces, **wrong})
    assert raised.value.hint
    assert judge.asked == 0
    assert not Path("runs").exists()


class Swallows(Constant):
    """A stream that takes every exception for its own, and then fails to close."""

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        try:
            for request in requests:
                yield JudgeReply(request.id, text="happy")
        except Exception:
            return

    def close(self) -> None:
        raise RuntimeError("it does not close")


@pytest.mark.parametrize("judge", [Constant, Swallows])
@pytest.mark.parametrize("error", [StorageError("no room", "make room"), RuntimeError("a mistake of ours")])
@pytest.mark.parametrize("method", ["add_sample", "add_reply"])
def test_our_own_errors_are_not_the_judges(
    method: str, error: Exception, judge: type[Judge], make_data: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = getattr(RunFolder, method), []

    def fail(folder: RunFolder, record: Mapping[str, Any]) -> None:
        calls.append(record)
        if len(calls) > 70:
            raise error
        original(folder, record)

    monkeypatch.setattr(RunFolder, method, fail)
    with pytest.raises(type(error), match=str(error.args[0])):
        evaluate("coarse_emotion", judge(), data=make_data(200), out="run")
    assert not records(Path("run/failures.jsonl"))


def test_our_own_errors_are_not_the_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: RunFolder, record: Mapping[str, Any]) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(RunFolder, "add_reply", fail)
    with pytest.raises(ZeroDivisionError):
        generate(GenerateRequest("echo", "emotion_600", limit=3, options={"size": 32}, out="run"), Watch())  # type: ignore[arg-type]
    assert not records(Path("run/failures.jsonl"))
