"""What a server says it served, stored with each reply; replies of two releases are a mixture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.command import InProcess
from helpers.results import lines
from PIL import Image

from harness import Generator, ImageReply, ImageRequest, Judge, JudgeReply, JudgeRequest, evaluate
from harness.scoring.served import LISTED, MOST_RECORDS, ServedCounts
from harness.store.files import read_lines

OLD, NEW = {"model": "m", "root": "/a"}, {"model": "m", "root": "/b"}


class Server(Judge):
    """Its replies say in turn what `served` lists."""

    batch_size = 1

    def __init__(self, *served: Any) -> None:
        super().__init__()
        self.served, self.count = served, 0

    def identity(self) -> dict[str, str]:
        return {"version": "1"}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            served = self.served[self.count % len(self.served)]
            self.count += 1
            yield JudgeReply(request.id, text="happy", served=served)


class Painter(Generator):
    """The same for pictures."""

    def __init__(self, *served: Any) -> None:
        super().__init__()
        self.served, self.count = served, 0

    def identity(self) -> dict[str, str]:
        return {"version": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        for request in batch:
            self.count += 1
            image = Image.new("RGB", (16, 16), (self.count, 9, 9))
            yield ImageReply(request.id, image, served=self.served[self.count % len(self.served)])


def judged(faces: Path, *served: Any, out: str = "run") -> Any:
    return evaluate("coarse_emotion", Server(*served), data=faces, out=faces.parent / out)


def test_the_record_is_stored_in_the_order_of_its_keys_and_counted(faces: Path) -> None:
    results = judged(faces, {"root": "/a", "model": "m"}, OLD).results
    assert results.run.complete
    assert [(s.participant, s.served, s.replies) for s in results.run.served] == [("Server", OLD, 12)]
    stored = lines(faces.parent / "run" / "replies.jsonl")
    assert [list(reply["served"].items()) for reply in stored] == [list(OLD.items())] * 12
    assert not any("mixed" in warning for task in results.tasks for warning in task.warnings)


def test_nothing_is_stored_where_nothing_is_said(faces: Path) -> None:
    results = judged(faces, None, {}).results
    assert results.run.served == []
    assert not any("served" in reply for reply in lines(faces.parent / "run" / "replies.jsonl"))


def test_replies_of_two_releases_are_a_mixture(faces: Path, harness: InProcess) -> None:
    result = judged(faces, OLD, OLD, NEW)
    assert not result.results.run.complete
    (task,) = result.tasks
    assert task.failed == 0
    assert (
        task.warnings[0]
        == "8 replies from m (root /a), 4 replies from m (root /b): replies of two releases are mixed; "
        "ask anew: `harness run --fresh`"
    )
    assert [s.replies for s in result.results.run.served] == [8, 4]
    for command in (("score", "run"), ("show", "run")):
        done = harness(*command)
        assert done.code == 3
        assert "replies of two releases are mixed" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("served", "named"),
    [
        ([{"model": "x-1"}, {"model": "x-2"}], "6 replies from x-1, 6 replies from x-2: replies of two"),
        ([{"model": "a"}, {"model": "b"}, {"model": "c"}], "from c: replies of 3 releases are mixed"),
        ([{"weights": "1"}, {"weights": "2"}], "6 replies from weights 1, 6 replies from weights 2:"),
        ([{"model": "a", "root": "1"}, {"model": "a", "rev": "1"}], "rev not stated"),
    ],
)
def test_mixtures_are_named(served: list[Any], named: str, faces: Path) -> None:
    result = judged(faces, *served)
    assert not result.results.run.complete
    assert named in result.tasks[0].warnings[0]


@pytest.mark.parametrize("served", [[OLD, None], [OLD, {"model": "m"}], [None, {"model": "m"}, OLD]])
def test_replies_that_say_less_are_no_mixture(served: list[Any], faces: Path) -> None:
    results = judged(faces, *served).results
    assert results.run.complete
    assert not any("mixed" in w for w in results.tasks[0].warnings)


@pytest.mark.parametrize(
    ("served", "wrong"),
    [
        ("m", "served is str"),
        ({"model": 3}, "served holds int"),
        ({3: "m"}, "served holds int"),
        ({"model": "x" * 201}, "more than 200 characters"),
        ({str(n): "x" for n in range(11)}, "11 entries"),
    ],
)
def test_records_of_another_form_are_invalid_replies(served: Any, wrong: str, faces: Path) -> None:
    results = judged(faces, OLD, served).results
    assert (results.tasks[0].answered, results.tasks[0].failed) == (6, 6)
    failures = lines(faces.parent / "run" / "failures.jsonl")
    assert {f["error"]["kind"] for f in failures} == {"invalid_reply"}
    assert all(wrong in f["error"]["message"] for f in failures)
    pictures = evaluate(
        "t2i_emotion", Painter(OLD, served), judge="echo", limit=6, out=faces.parent / "generated"
    )
    assert pictures.tasks[0].failed == 3


def test_mixed_generators_and_judges_concern_their_own_tasks(tmp_path: Path) -> None:
    generated = evaluate(
        "t2i_emotion", Painter(OLD, NEW), judge=["echo", Server(OLD)], limit=6, out=tmp_path / "a"
    ).results
    assert not generated.run.complete
    assert {(s.participant, s.replies) for s in generated.run.served} == {
        ("Painter", 3),
        ("Server", 11),
    }  # neutral has no intensity
    assert all("3 replies from m (root /a)" in task.warnings[0] for task in generated.tasks)
    judged = evaluate(
        "t2i_emotion", Painter(OLD), judge=["echo", Server(OLD, NEW)], limit=6, out=tmp_path / "b"
    ).results
    mixed = {task.judge: any("mixed" in w for w in task.warnings) for task in judged.tasks}
    assert mixed == {"echo": False, "Server": True}


def test_only_replies_that_are_scored_count(faces: Path, harness: InProcess) -> None:
    """Replies to a picture that was replaced are of no result."""
    judged(faces, OLD)
    path = faces.parent / "run" / "replies.jsonl"
    stored = list(read_lines(path))
    path.write_text("".join(json.dumps({**r, "served": NEW, "picture": "0"} if n == 0 else r) + "\n"
                            for n, r in enumerate(stored)))  # fmt: skip
    results = harness("score", "run", "--json").results
    assert [(s["served"], s["replies"]) for s in results["run"]["served"]] == [(OLD, 11)]


def test_records_that_always_differ_are_bounded() -> None:
    counts = ServedCounts()
    for number in range(3 * MOST_RECORDS):
        counts.add("judge", "m", {"fingerprint": str(number)})
    counts.add("generator", "m", {"fingerprint": "x"})
    listed = counts.listed()
    assert sum(entry.replies for entry in listed) == 3 * MOST_RECORDS + 1
    assert len(listed) == LISTED + 2
    assert listed[LISTED].served == {}
    assert list(counts.mixtures()) == [("judge", "m")]
    assert len(counts.mixtures()["judge", "m"]) < 400
