"""The JSON Schemas match the files that are read and written."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from helpers.command import InProcess
from helpers.tasks import TASK

from harness.registry.builtins import harness_tasks
from harness.toml import read_toml

Make = Callable[..., Path]


@pytest.fixture
def schema(harness: InProcess) -> Callable[[str], jsonschema.Draft202012Validator]:
    def of(what: str) -> jsonschema.Draft202012Validator:
        document = json.loads(harness("schema", what).ok().out)
        jsonschema.Draft202012Validator.check_schema(document)
        return jsonschema.Draft202012Validator(document)

    return of


Schema = Callable[[str], jsonschema.Draft202012Validator]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--task", "comprehension", "--model", "echo", "-o", "accuracy=0.7"],
        ["--task", "coarse_emotion", "--model", "echo", "-o", "text=no idea"],
        ["--task", "comprehension", "--model", "echo", "-o", "fail_every=2"],
        ["--task", "fine_intensity", "--model", "echo", "--limit", "1", "--repeats", "2"],
        ["--task", "generation", "--model", "echo", "--judge", "echo", "--limit", "12", "-o", "size=64"],
    ],
    ids=["answered", "unparsed", "failed", "one sample", "generated"],
)
def test_results_of_runs(arguments: list[str], harness: InProcess, make_data: Make, schema: Schema) -> None:
    make_data(60)
    data = [] if "generation" in arguments else ["--data", "faces"]
    results = harness("run", *arguments, *data, "--json", "--out", "run").results
    validator = schema("result")
    validator.validate(results)
    assert results["tasks"]
    for entry in results["tasks"]:
        assert sum(m["primary"] for m in entry["metrics"]) == 1
        assert (
            entry["answered"]
            + entry["failed"]
            + sum(entry["outcomes"].get(o, 0) for o in ("blocked", "blank"))
            == entry["n"]
        )
        assert sum(entry["unparsed_reasons"].values()) == entry["unparsed"]
        for metric in entry["metrics"]:
            if metric["value"] is None:
                assert any(metric["name"] in w for w in entry["warnings"]), (
                    "a warning says why there is no value"
                )
            if metric["low"] is not None:
                assert metric["low"] <= metric["value"] <= metric["high"]
                assert metric["method"]
    unknown = copy.deepcopy(results)
    unknown["tasks"][0]["metrics"][0]["valeu"] = 1
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(unknown)


def test_files_of_runs_contain_no_nan(harness: InProcess, make_data: Make) -> None:
    make_data(6)
    limited = ("--data", "faces", "--limit", "1", "--out", "run")
    assert harness("run", "--task", "comprehension", "--model", "echo", *limited).ok()

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in a file")

    documents = {}
    for path in Path("run").glob("*.json*"):
        texts = [path.read_text()] if path.suffix == ".json" else path.read_text().split("\n")[:-1]
        documents[path.name] = [json.loads(text, parse_constant=refuse) for text in texts]
    assert {"run.json", "results.json", "replies.jsonl", "samples.jsonl"} <= documents.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [p for f in harness_tasks() for p in sorted(f.glob("*.toml"))], ids=lambda p: p.stem
)
def test_built_in_tasks_and_suites_fit_the_schema(path: Path, schema: Schema) -> None:
    assert list(schema("task").iter_errors(read_toml(path, "task file"))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('role = "judge"', 'role = "judg"'),
        ('role = "judge"', ""),
        ('name = "mine"', "name = 3"),
        ("[answer]", "[anwser]"),
    ],
)
def test_the_schema_rejects_what_the_parser_rejects(
    old: str, new: str, tmp_path: Path, schema: Schema
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TASK)
    table: dict[str, Any] = read_toml(path, "task file")
    schema("task").validate(table)
    path.write_text(TASK.replace(old, new, 1))
    assert not schema("task").is_valid(read_toml(path, "task file"))
