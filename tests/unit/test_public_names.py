"""The public names: adding one is a decision, removing one breaks plugins and users."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import harness

NAMES = [
    "BadData", "BadOption", "BadTask", "Capability", "Comparison", "Component", "DataSet", "Detector", "EMOTIONS", "Estimate", "Executor", "ExitCode", "ExportSource", "Exporter", "Face",
    "GateReport", "Generator", "HarnessError", "HarnessOptions", "HypothesisTest", "ImageReply", "ImageRequest", "Judge", "JudgeReply", "JudgeRequest",
    "Leaderboard", "Listed", "Message", "Metric", "MetricValue", "MissingPackage", "Part", "Picture", "PluginError", "Question", "ReplyError", "Reporter",
    "RequestError", "RequestSource", "Results", "RunResult", "Sample", "SampleRow", "Sampling", "Scale", "Scores", "StorageError", "TaskResult", "UnknownName",
    "AsyncGenerator", "AsyncJudge", "RemoteError", "RemoteOptions",
    "__version__", "compare", "evaluate", "gate", "hookimpl", "lazy", "leaderboard", "load", "nearest", "option",
]  # fmt: skip

FIELDS = {
    "JudgeRequest": ["id", "sample_id", "images", "messages", "question", "sampling", "truth"],
    "JudgeReply": [
        "id",
        "text",
        "scores",
        "rating",
        "finish_reason",
        "refusal",
        "usage",
        "timings",
        "extra",
        "error",
        "served",
    ],
    "ImageRequest": [
        "id",
        "prompt",
        "negative_prompt",
        "emotion",
        "intensity",
        "index",
        "seed",
        "size",
        "attributes",
    ],
    "ImageReply": ["id", "image", "outcome", "extra", "error", "served"],
    "ReplyError": ["kind", "message", "retryable", "hint"],
    "Question": ["kind", "options", "labels", "scale", "answer_mode", "target"],
    "Sampling": ["temperature", "max_tokens", "top_p", "seed"],
    "Picture": ["digest", "image", "data", "media_type"],
    "Message": ["role", "parts"],
    "Part": ["text", "image"],
    "Scale": ["levels", "low"],
    "Face": ["left", "top", "width", "height", "score"],
    "Sample": ["id", "path", "emotion", "intensity", "quality", "attributes", "problem"],
    "Component": ["name", "load", "summary", "defaults", "aliases", "facts", "trained_on"],
}
"""Records that pass between the core and plugins. Order matters: plugins may pass fields by position."""


def test_the_public_names() -> None:
    assert sorted(harness.__all__) == sorted(NAMES)
    assert dir(harness) == harness.__all__


@pytest.mark.parametrize("name", NAMES)
def test_public_names_can_be_imported_and_are_documented(name: str) -> None:
    value = getattr(harness, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), f"{name} has no docstring"
        assert value.__module__.startswith("harness.")


@pytest.mark.parametrize(("name", "fields"), FIELDS.items(), ids=FIELDS.keys())
def test_fields_of_records(name: str, fields: list[str]) -> None:
    assert list(getattr(harness, name).__dataclass_fields__) == fields


def test_capabilities_and_emotions() -> None:
    assert [c.value for c in harness.Capability] == [
        "text",
        "choice",
        "rating",
        "logprobs",
        "multi_image",
        "oracle",
    ]
    assert harness.EMOTIONS == ("happy", "sad", "angry", "surprise", "worry", "neutral")


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(harness.__file__).read_text(encoding="utf-8"))
    (block,) = [n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    seen = {
        a.asname: f"{n.module}.{a.name}" for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names
    }
    assert set(seen) == set(NAMES) - {"__version__"}
    for name, path in seen.items():
        home, _, attribute = path.rpartition(".")
        assert getattr(importlib.import_module(home), attribute) is getattr(harness, name)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Juge'"):
        _ = harness.Juge  # type: ignore[attr-defined]
    assert not hasattr(harness, "torch")


def test_version_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([.-]?\w+)*", harness.__version__)


def test_read_is_the_earlier_name_of_answer_mode() -> None:
    question = harness.Question("choice", ("happy", "sad"), answer_mode="logprobs")
    assert question.read == question.answer_mode == "logprobs"
