"""The harness from Python: `harness.evaluate` with names and with objects."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from helpers.command import InProcess
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness import (
    BadOption,
    Capability,
    Generator,
    HarnessError,
    HarnessOptions,
    ImageReply,
    ImageRequest,
    Judge,
    JudgeReply,
    JudgeRequest,
    PluginError,
    RequestError,
    RunResult,
    UnknownName,
    evaluate,
    option,
)
from harness.errors import BadOutput

Make = Callable[..., Path]


class Constant(Judge):
    """Gives the same answer to everything and keeps its requests."""

    class Options(HarnessOptions):
        """The answer."""

        word: str = option("happy", "the answer")

    def __init__(self, options: HarnessOptions | None = None) -> None:
        super().__init__(options)
        self.asked: list[JudgeRequest] = []
        self.closed = 0

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            self.asked.append(request)
            yield JudgeReply(request.id, text=self.options.word)

    def close(self) -> None:
        self.closed += 1


class Rater(Constant):
    """Replies with a number, log-probabilities and text."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.RATING, Capability.LOGPROBS, Capability.CHOICE})

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            self.asked.append(request)
            scores = {
                o: 0.0 if o == request.question.options[-1] else float("-inf")
                for o in request.question.options
            }
            yield JudgeReply(request.id, scores=scores, rating=2.0, text="sad")


class Squares(Generator):
    """Generates squares of one colour."""

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> list[ImageReply]:
        return [ImageReply(r.id, Image.new("RGB", (16, 16), (r.seed % 255, 1, 2))) for r in batch]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_names(faces: Path) -> None:
    result = evaluate("coarse_emotion", "echo", data=faces, options={"accuracy": 1.0})
    assert isinstance(result, RunResult)
    assert result.metric("accuracy") == 1.0
    assert result.metric("accuracy", "coarse_emotion", emotion="sad") == 1.0
    assert (result.failed, result.faults) == (0, ())
    assert json.loads((result.path / "results.json").read_text()) == result.results.document()
    with pytest.raises(KeyError, match="no metric 'srcc'"):
        result.metric("srcc")


def test_objects(faces: Path) -> None:
    judge = Constant()
    result = evaluate("coarse_emotion", judge, data=str(faces), limit=6)
    assert result.metric("accuracy") == pytest.approx(1 / 6)
    assert len(judge.asked) == 6
    assert judge.closed == 1
    request = judge.asked[0]
    assert (request.question.kind, request.question.target, request.truth) == ("choice", "emotion", None)
    assert sorted(request.question.options) == ["angry", "happy", "neutral", "sad", "surprise", "worry"]
    assert request.images[0].image is not None
    assert request.images[0].image.size == (24, 16)


def test_objects_resume_by_their_options(faces: Path) -> None:
    first, second, other = Constant(), Constant(), Constant(Constant.Options(word="sad"))
    path = evaluate("coarse_emotion", first, data=faces).path
    assert evaluate("coarse_emotion", second, data=faces).path == path
    assert second.asked == []
    assert evaluate("coarse_emotion", other, data=faces).path != path
    assert len(other.asked) == 12


def test_objects_without_an_identity_are_new_models(faces: Path) -> None:
    class Checkpoint(Judge):
        def __init__(self, word: str) -> None:
            self.word = word  # As users write it: without super().__init__().

        def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
            return (JudgeReply(r.id, text=self.word) for r in batch)

    first = evaluate("coarse_emotion", Checkpoint("happy"), data=faces)
    second = evaluate("coarse_emotion", Checkpoint("sad"), data=faces)
    assert first.path != second.path
    assert first.metric("accuracy", emotion="happy") == 1.0
    assert second.metric("accuracy", emotion="happy") == 0.0


def test_seeds_do_not_depend_on_the_order_of_requests(faces: Path) -> None:
    whole, part, rest = Constant(), Constant(), Constant()
    evaluate("coarse_emotion", whole, data=faces, out="whole")
    evaluate("coarse_emotion", part, data=faces, out="part", limit=5)
    evaluate("coarse_emotion", rest, data=faces, out="part")
    assert (len(part.asked), len(rest.asked)) == (5, 7)
    seeds = {r.id: (r.sampling, r.question, r.messages) for r in whole.asked}
    assert {r.id: (r.sampling, r.question, r.messages) for r in part.asked + rest.asked} == seeds
    assert len({r.sampling.seed for r in whole.asked}) == 12


def test_answer_modes(faces: Path) -> None:
    result = evaluate("fine_intensity", Rater(), data=faces)
    assert result.tasks[0].answer_mode == "logprobs"
    assert result.metric("mae") == pytest.approx(sum(5 - t for t in [1] * 5 + [2] * 5) / 10)
    result = evaluate("fine_intensity", Rater(), data=faces, read="rating")
    assert (result.tasks[0].answer_mode, result.metric("mae")) == ("rating", pytest.approx(0.5))
    with pytest.raises(RequestError, match="cannot answer 'fine_intensity'"):
        evaluate("fine_intensity", Rater(), data=faces, read="text")


def test_generators(tmp_path: Path) -> None:
    result = evaluate("generation", Squares(), judge=[Constant(), "echo"], limit=12, out=tmp_path / "run")
    assert [(t.task, t.judge, t.n, t.answered) for t in result.tasks] == [
        (task, judge, 12, 12) for task in ("t2i_emotion", "t2i_intensity") for judge in ("Constant", "echo")
    ]
    again = Squares()
    again.generate = None  # type: ignore[method-assign, assignment]
    assert (
        evaluate("generation", again, judge=[Constant(), "echo"], limit=12, out=tmp_path / "run").results
        == result.results
    )


def test_several_tasks_and_data_sets(make_data: Make) -> None:
    one, two = make_data(6, "one"), make_data(6, "two")
    result = evaluate(["coarse_emotion", "coarse_polarity"], "echo", data=[one, two])
    assert [(t.task, t.data.name) for t in result.tasks] == [
        ("coarse_emotion", "one"),
        ("coarse_emotion", "two"),
        ("coarse_polarity", "one"),
        ("coarse_polarity", "two"),
    ]


def test_none_is_the_default(faces: Path) -> None:
    result = evaluate("coarse_emotion", "echo", judge=None, data="faces", limit=None, options=None)  # type: ignore[arg-type]
    assert result.tasks[0].n == 12


class Paid(Squares):
    """Reports what each image cost, once in a form that cannot be added up."""

    def generate(self, batch: Sequence[ImageRequest]) -> list[ImageReply]:
        usage = {"output_tokens": 10, "cost": 0.25, "note": "text"}
        return [
            ImageReply(r.id, r2.image, extra={"usage": usage if i or len(batch) < 4 else "free"})
            for i, (r, r2) in enumerate(zip(batch, super().generate(batch), strict=True))
        ]


def test_costs_of_generating_are_added_up() -> None:
    result = evaluate("t2i_emotion", Paid(), judge=Constant(), limit=4, seed=1)
    [entry] = result.tasks
    assert entry.answered == 4
    assert entry.generation_usage == {"cost": 0.75, "output_tokens": 30}
    assert result.results.document()["tasks"][0]["drawing"] == entry.generation_usage
    free = evaluate("t2i_emotion", Squares(), judge=Constant(), limit=4, seed=1)
    assert free.tasks[0].generation_usage == {}


class Other(Constant):
    """A different judge, which answers "sad" to everything."""

    class Options(Constant.Options):
        """The answer."""

        word: str = option("sad", "the answer")


def test_several_judges_are_a_panel_too() -> None:
    third = type("Third", (Other,), {})
    result = evaluate("t2i_emotion", "portraits", judge=[Constant(), Other(), third()], limit=12, seed=1)
    entries = {entry.judge: entry for entry in result.tasks}
    assert list(entries) == ["Constant", "Other", "Third", "panel"], "each judge has an entry of its own"
    fidelity = {name: entry.metrics[0].value for name, entry in entries.items()}
    assert fidelity["panel"] == fidelity["Other"] == pytest.approx(2 / 12)
    agreed = [(a.name, a.judges) for a in entries["panel"].agreement if a.question == "coarse_emotion"]
    assert agreed[0] == ("alpha", ["Constant", "Other", "Third"])
    assert {name for name, _ in agreed[1:]} == {"kappa"}
    assert {a.judges[0] for a in entries["panel"].agreement} == {"Constant", "Other"}
    assert all(entry.agreement == [] for name, entry in entries.items() if name != "panel")
    for entry in entries.values():
        [gap] = entry.tests
        assert gap.name == "valence_gap"
        assert 0 < gap.p <= gap.p_adjusted <= 1
    alone = evaluate("t2i_emotion", "portraits", judge=Constant(), limit=12, seed=1)
    assert [entry.judge for entry in alone.tasks] == ["Constant"]


def test_failed_samples_are_counted_and_not_raised(faces: Path) -> None:
    result = evaluate("coarse_emotion", "echo", data=faces, options={"fail_every": 3})
    assert result.failed == 4
    assert evaluate("coarse_emotion", "echo", data=faces).failed == 0


RAISED = [
    ({"model": "ecco"}, UnknownName),
    ({"task": "coarse_emoton"}, UnknownName),
    ({"options": {"acuracy": 1}}, BadOption),
    ({"options": {"accuracy": 3}}, BadOption),
    ({"limit": 0}, RequestError),
    ({"model": 3}, RequestError),
    ({"model": Squares()}, RequestError),
    ({"judge": "echo"}, RequestError),
    ({"out": "/proc/memobench/x"}, BadOutput),
]


@pytest.mark.parametrize(("change", "error"), RAISED, ids=range(len(RAISED)))
def test_what_is_raised(change: dict[str, object], error: type[HarnessError], faces: Path) -> None:
    request: dict[str, object] = {"task": "coarse_emotion", "model": "echo", "data": faces, **change}
    with pytest.raises(error) as raised:
        evaluate(**request)  # type: ignore[arg-type]
    assert raised.value.hint, "it says how to fix it"


class Broken(Constant):
    """Cannot be opened."""

    def open(self) -> None:
        raise RuntimeError("no weights")


def test_the_folder_is_free_again_after_an_error(faces: Path) -> None:
    with pytest.raises(PluginError, match="no weights"):
        evaluate("coarse_emotion", Broken(), data=faces, out="run")

    class Stopped(Broken):
        """Interrupted by the user during the run."""

        def open(self) -> None: ...

        def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
            yield JudgeReply(batch[0].id, text="sad")
            raise KeyboardInterrupt

    Stopped.__name__ = "Broken"
    with pytest.raises(KeyboardInterrupt):
        evaluate("coarse_emotion", Stopped(), data=faces, out="run")
    assert (Path("run") / "replies.jsonl").read_text().count("\n") == 1
    Constant.__name__, kept = "Broken", Constant.__name__
    try:
        assert evaluate("coarse_emotion", Constant(), data=faces, out="run").failed == 0
    finally:
        Constant.__name__ = kept


def test_python_and_the_command_share_run_folders(faces: Path, harness: InProcess) -> None:
    result = evaluate("coarse_emotion", "echo", data="faces")
    done = harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--json").ok()
    assert "12 already stored" in done.err
    assert done.results == result.results.document()
    assert str(result.path) in done.err


@pytest.mark.e2e
def test_nothing_is_printed(faces: Path) -> None:
    code = "import harness; harness.evaluate('coarse_emotion', 'echo', data='faces')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Listening(Constant):
    """Keeps its requests."""


def test_labels_reach_no_judge_by_names_or_metadata(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt("prompt", "a happy person")
    for name in ("happy/1.png", "sad/2.png"):
        (tmp_path / "d" / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8), "red").save(tmp_path / "d" / name, pnginfo=info)
    judge = Listening()
    result = evaluate("coarse_emotion", judge, data=tmp_path / "d", out=tmp_path / "run")
    assert result.metric("accuracy") == 0.5
    for request in judge.asked:
        image = request.images[0].image
        assert image is not None
        assert image.info == {}
        assert not hasattr(image, "text")
        assert "happy" not in request.sample_id
        assert "sad" not in request.sample_id
    kept = [
        json.loads(line)["sample_id"] for line in (result.path / "replies.jsonl").read_text().splitlines()
    ]
    assert sorted(kept) == ["happy/1", "sad/2"]


def test_bytes_for_a_judge_contain_no_prompt(tmp_path: Path) -> None:
    class Bytes(Listening):
        takes = "bytes"

    info = PngInfo()
    info.add_itxt("prompt", "a happy person")
    (tmp_path / "d" / "happy").mkdir(parents=True)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "d" / "happy" / "1.png", pnginfo=info)
    judge = Bytes()
    evaluate("coarse_emotion", judge, data=tmp_path / "d", out=tmp_path / "run")
    data = judge.asked[0].images[0].data
    assert data is not None
    assert b"happy" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_a_picture_that_was_missing_once_needs_no_new_request(faces: Path) -> None:
    picture = sorted(faces.rglob("*.png"))[0]
    data, run = picture.read_bytes(), "run"
    assert evaluate("coarse_emotion", Constant(), data=faces, out=run).failed == 0
    picture.unlink()
    assert evaluate("coarse_emotion", Constant(), data=faces, out=run).failed == 1
    picture.write_bytes(data)
    judge = Constant()
    assert evaluate("coarse_emotion", judge, data=faces, out=run).failed == 0
    assert judge.asked == []


def test_labels_outside_the_scale_are_reported(faces: Path) -> None:
    with (faces / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["intensity"] = row["intensity"] and str(10 * float(row["intensity"]))
    with (faces / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    warnings = " ".join(evaluate("fine_intensity", Rater(), data=faces).tasks[0].warnings)
    assert "outside the scale 1 to 5" in warnings
    assert "are not asked: neutral omitted" in warnings
