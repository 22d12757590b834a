"""Logs are read back by Inspect itself, and say what the results say."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.analysis import evals_df, samples_df
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from memobench_inspect.exporter import InspectLogs
from PIL import Image

from harness import (
    Capability,
    ExportSource,
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
from harness.testing.command import Shell

HOSTILE = "</script><script>alert(1)</script> \u202e\x1b[31m"
EMOTIONS = ["happy", "sad", "angry", "surprise", "worry", "neutral"]


class Mixed(Judge):
    """Right, wrong, a sentence, nothing of use, or a failure, as the id of the request decides."""

    capabilities = frozenset({Capability.TEXT, Capability.MULTI_IMAGE, Capability.ORACLE})

    def identity(self) -> Mapping[str, str]:
        return {"made": "for a test"}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            options, kind = request.question.options, int(request.id[:2], 16) % 6
            if kind == 5:
                yield JudgeReply(request.id, error=ReplyError("timeout", "no answer in time"))
                continue
            truth = request.truth if isinstance(request.truth, str) else f"{request.truth:g}"
            texts = [truth, truth, options[0], f"This person looks {options[-1]} to me.", HOSTILE]
            used = {"prompt_tokens": 300, "completion_tokens": 2, "cost": 0.001}
            yield JudgeReply(request.id, text=texts[kind], usage=used, timings={"seconds": 0.25})


class Guess(Judge):
    """Answers by chance."""

    capabilities = frozenset({Capability.TEXT})

    def identity(self) -> Mapping[str, str]:
        return {"made": "for a test"}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            options = request.question.options
            yield JudgeReply(request.id, text=options[int(request.id[:4], 16) % len(options)])


class Other(Guess):
    """A second judge, so that there is a panel."""

    def identity(self) -> Mapping[str, str]:
        return {"made": "for another test"}


class Squares(Generator):
    """Squares; some are blocked, some fail."""

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        for request in batch:
            kind = request.seed % 5
            if kind == 0:
                yield ImageReply(request.id, outcome="blocked")
            elif kind == 1:
                yield ImageReply(request.id, error=ReplyError("memory", "out of memory"))
            else:
                yield ImageReply(request.id, Image.new("RGB", (16, 16), (request.seed % 255, 1, 2)))


def portraits(folder: Path) -> Path:
    """Four people in six emotions at five strengths."""
    folder.mkdir()
    rows = []
    for number in range(60):
        image = f"{number}.png"
        Image.new("RGB", (8, 8), (number, 2, 3)).save(folder / image)
        strength = number // 6 % 5 + 1
        rows.append([image, EMOTIONS[number % 6], strength, f"p{number % 4}", "=1+1" if number else HOSTILE])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "emotion", "intensity", "subject", "note"], *rows])
    return folder


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("judged")
    return evaluate("comprehension", Mixed(), data=portraits(folder / "faces"), repeats=2, out=folder / "run")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("generated")
    return evaluate("generation", Squares(), judge=[Guess(), Other()], limit=60, out=folder / "run")


def written(result: RunResult, folder: Path, **options: Any) -> list[tuple[TaskResult, EvalLog]]:
    """Each entry of the results with its log, read back."""
    exporter = InspectLogs(InspectLogs.Options(**options))
    files = exporter.write(ExportSource.of(result.path), folder)
    assert len(set(files)) == len(files) == len(result.tasks)
    logs = [read_eval_log(str(path), resolve_attachments=True) for path in files]
    return list(zip(result.tasks, logs, strict=True))


@pytest.mark.parametrize("which", ["judged", "generated"])
def test_every_figure_is_that_of_the_results(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for task, log in written(request.getfixturevalue(which), tmp_path):
        assert log.results is not None
        found = {name: metric for score in log.results.scores for name, metric in score.metrics.items()}
        expected: dict[str, float] = {}
        for metric in task.metrics:
            if metric.value is not None and not metric.group:
                expected[metric.name] = metric.value
                if metric.low is not None and metric.high is not None:
                    expected |= {f"{metric.name}_ci_low": metric.low, f"{metric.name}_ci_high": metric.high}
                    assert found[f"{metric.name}_ci_low"].metadata == {
                        "confidence_level": 0.95,
                        "method": metric.method,
                    }
        assert {name: metric.value for name, metric in found.items()} == expected
        assert log.results.metadata is not None
        document = json.loads(json.dumps(task.model_dump(mode="json", by_alias=True)))
        assert log.results.metadata["memobench"] == document


def test_samples_of_a_judge_run(judged: RunResult, tmp_path: Path) -> None:
    for task, log in written(judged, tmp_path):
        assert log.status == "success"
        assert log.samples is not None
        assert len(log.samples) == task.n
        scores = [s.scores[task.task] for s in log.samples if s.scores]
        assert len(scores) == task.answered
        assert sum(s.error is not None for s in log.samples) == task.failed > 0
        assert {s.epoch for s in log.samples} == {1, 2}
        unread = [s for s in scores if s.answer is None]
        assert len(unread) == task.unparsed > 0
        assert all(s.explanation and s.explanation.startswith("unparsed: ") for s in unread)
        explained = {s.explanation for s in scores}
        assert "declared by the reply (text)" in explained
        assert ("understood from a sentence (text)" in explained) == bool(task.read_as and task.read_as.prose)
        if task.task != "fine_intensity":
            right = sum(s.value == "C" for s in scores)
            accuracy = next(m for m in task.metrics if m.name == "accuracy" and not m.group)
            assert right / len(scores) == pytest.approx(accuracy.value)
            assert sum(s.value == "N" for s in scores) == task.unparsed
        replied = next(s for s in log.samples if s.scores)
        assert replied.output.usage is not None
        assert (replied.output.usage.input_tokens, replied.output.usage.output_tokens) == (300, 2)
        assert replied.output.time == 0.25
        assert any(s.output.completion == HOSTILE for s in log.samples)
        assert task.usage["prompt_tokens"] == log.stats.model_usage["Mixed"].input_tokens


def test_ratings_are_numbers_and_unscored_without_one(judged: RunResult, tmp_path: Path) -> None:
    ((task, log),) = [found for found in written(judged, tmp_path) if found[0].task == "fine_intensity"]
    scores = [s.scores["fine_intensity"] for s in log.samples or [] if s.scores]
    read = [s for s in scores if s.answer is not None]
    assert all(isinstance(s.value, float) and s.value == float(s.answer or "") for s in read)
    assert all(s.value != s.value for s in scores if s.answer is None), "NaN: unscored"
    errors = [abs(s.metadata["error"]) for s in read if s.metadata]
    mae = next(m for m in task.metrics if m.name == "mae" and not m.group)
    assert sum(errors) / len(errors) == pytest.approx(mae.value)


def test_samples_of_a_generator_run(generated: RunResult, tmp_path: Path) -> None:
    outcomes = set()
    for task, log in written(generated, tmp_path):
        assert log.samples is not None
        if task.judge == "panel":
            assert not log.samples
            continue
        assert log.eval.model == "Squares"
        assert log.eval.model_roles is not None
        assert log.eval.model_roles["grader"].model == task.judge  # type: ignore[union-attr]
        for sample in log.samples:
            outcomes.add(sample.metadata.get("outcome"))
            if sample.metadata.get("outcome") == "ok":
                assert sample.scores
                about = next(iter(sample.scores.values())).metadata
                assert about is not None
                assert about["judge"] == task.judge
                assert about["judge_reply"]
                assert "picture images/" in str(sample.output.choices[0].message.content)
                assert "portrait" in str(sample.input)
            elif sample.metadata.get("outcome") == "blocked":
                assert sample.output.stop_reason == "content_filter"
                choice = (sample.scores or {}).get("coarse_emotion")
                assert choice is None or (choice.value, choice.explanation) == ("N", "undelivered: blocked")
    assert {"ok", "blocked"} <= outcomes


def test_pictures_are_embedded_on_request(judged: RunResult, tmp_path: Path) -> None:
    written(judged, tmp_path / "named")
    (found, *_) = [log for task, log in written(judged, tmp_path / "embedded", pictures="embed")]
    text = json.dumps([m.model_dump(mode="json") for m in (found.samples or [])[0].messages])
    assert "data:image/png;base64," in text
    size = [sum(p.stat().st_size for p in (tmp_path / n).iterdir()) for n in ("named", "embedded")]
    assert size[0] < size[1]


def test_data_frames_of_inspect(judged: RunResult, tmp_path: Path) -> None:
    written(judged, tmp_path)
    logs = evals_df(str(tmp_path))
    assert set(logs["task_name"]) == {task.task for task in judged.tasks}
    frame = logs.set_index("task_name")
    for task in judged.tasks:
        main = task.primary
        assert main is not None
        for end, value in (("", main.value), ("_ci_low", main.low), ("_ci_high", main.high)):
            assert frame.loc[task.task, f"score_{task.task}_{main.name}{end}"] == value
    samples = samples_df(str(tmp_path))
    assert len(samples) == sum(task.n for task in judged.tasks)
    asked = samples[samples["score_coarse_emotion"].notna()]
    (entry,) = [task for task in judged.tasks if task.task == "coarse_emotion"]
    assert len(asked) == entry.answered
    assert set(samples["metadata_subject"].dropna()) >= {"p0", "p1", "p2", "p3"}


def test_exporting_again_replaces_the_logs(judged: RunResult, tmp_path: Path) -> None:
    written(judged, tmp_path)
    written(judged, tmp_path)
    assert len(list_eval_logs(str(tmp_path))) == len(judged.tasks)


@pytest.mark.e2e
def test_the_command(judged: RunResult, tmp_path: Path) -> None:
    done = Shell(tmp_path)("export", judged.path, "--format", "inspect", "--out", "logs").ok()
    listed = done.out.split()
    assert len(listed) == len(judged.tasks)
    assert all((tmp_path / name).is_file() for name in listed)
    Shell(tmp_path)("export", judged.path, "--format", "inspect", "-o", "pictures=all").fails(2, "embed")
