"""Exports for Every Eval Ever fit its schemas, agree with the results, and are the same when made again."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from helpers import exports
from jsonschema import Draft7Validator

from harness import RunResult
from harness.errors import BadOption, RequestError
from harness.exporting.eee_identity import Identity, component, model_info, without_folders
from harness.exporting.eee_instances import METHODS
from harness.exporting.every_eval_ever import EveryEvalEver
from harness.exporting.source import ExportSource
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.scoring.run_record import ParticipantRecord

SCHEMAS = Path(__file__).parents[1] / "helpers" / "every_eval_ever"
NAME = re.compile(
    r"data/memobench/[^/]+/[^/]+/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
Export = tuple[dict[str, Any], list[dict[str, Any]]]


def schema(name: str) -> Draft7Validator:
    document = json.loads((SCHEMAS / name).read_bytes())
    Draft7Validator.check_schema(document)
    return Draft7Validator(document)


def exported(result: RunResult, folder: Path, **options: Any) -> Export:
    """The aggregate and the records, read as strict JSON and checked against the schemas."""
    exporter = make(registry().find("exporter", "every-eval-ever"), options)
    files = exporter.write(ExportSource.of(result.path), folder)
    aggregate = json.loads(files[0].read_bytes(), parse_constant=pytest.fail)
    errors = [e.message for e in schema("eval.schema.json").iter_errors(aggregate)]
    assert not errors
    lines = files[1].read_text(encoding="utf-8").splitlines() if len(files) > 1 else []
    records = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    instance = schema("instance_level_eval.schema.json")
    for record in records:
        assert not [e.message for e in instance.iter_errors(record)]
    return aggregate, records


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, RunResult]:
    """A judge run and a generator run."""
    folder = tmp_path_factory.mktemp("runs")
    return exports.judge_run(folder), exports.generator_run(folder)


def test_the_schemas_are_those_that_were_published() -> None:
    source = json.loads((SCHEMAS / "SOURCE.json").read_bytes())
    assert "MIT" in (SCHEMAS / "LICENSE").read_text()
    for name, digest in source["files"].items():
        assert hashlib.sha256((SCHEMAS / name).read_bytes()).hexdigest() == digest
        assert json.loads((SCHEMAS / name).read_bytes())["version"] == "0.3.0"


@pytest.mark.slow
def test_the_schemas_refuse_what_they_should(runs: tuple[RunResult, RunResult], tmp_path: Path) -> None:
    aggregate, records = exported(runs[0], tmp_path)
    del aggregate["evaluation_results"][0]["metric_config"]["lower_is_better"]
    records[0]["evaluation"]["score"] = None
    assert list(schema("eval.schema.json").iter_errors(aggregate))
    assert list(schema("instance_level_eval.schema.json").iter_errors(records[0]))


@pytest.mark.parametrize("which", [0, 1], ids=["judge", "generator"])
def test_every_figure_is_that_of_the_results(
    runs: tuple[RunResult, RunResult], which: int, tmp_path: Path
) -> None:
    result = runs[which]
    aggregate, records = exported(result, tmp_path)
    found = {e["evaluation_result_id"]: e for e in aggregate["evaluation_results"]}
    assert len(found) == len(aggregate["evaluation_results"]), "ids are unique"
    values = 0
    for task in result.tasks:
        for metric in task.metrics:
            parts = [task.task, task.data.name, task.prompt_variant, task.judge, metric.name]
            parts += [f"{name}={value}" for name, value in metric.group.items()]
            id_ = "/".join(p for p in parts if p)
            if metric.value is None:
                assert id_ not in found
                continue
            values += 1
            entry = found[id_]
            assert entry["score_details"]["score"] == metric.value
            assert entry["metric_config"]["lower_is_better"] is (metric.direction == "lower")
            assert entry["metric_config"].get("metric_parameters", {}) == metric.group
            uncertainty = entry["score_details"].get("uncertainty")
            if metric.low is None:
                assert uncertainty is None
            else:
                assert uncertainty == {
                    "confidence_interval": {
                        "lower": metric.low,
                        "upper": metric.high,
                        "confidence_level": 0.95,
                        "method": metric.method,
                    },
                    "num_samples": metric.n,
                }
            assert entry["score_details"]["details"]["unparsed"] == str(task.unparsed)
            for baseline in task.baselines:
                if baseline.metric == metric.name and not metric.group:
                    assert entry["score_details"]["details"][f"baseline.{baseline.name}"] == str(
                        baseline.value
                    )
            limits = [entry["metric_config"].get(k) for k in ("min_score", "max_score")]
            low, high = (float(str(limit)) for limit in limits)
            assert low <= metric.value <= high
    assert values == len(found) > 20
    assert aggregate["detailed_evaluation_results"]["total_rows"] == len(records)


@pytest.mark.parametrize("which", [0, 1], ids=["judge", "generator"])
def test_scores_of_records_average_to_the_value_that_they_refer_to(
    runs: tuple[RunResult, RunResult], which: int, tmp_path: Path
) -> None:
    aggregate, records = exported(runs[which], tmp_path)
    scores = defaultdict(list)
    for record in records:
        if "evaluation_result_id" in record:
            scores[record["evaluation_result_id"]].append(record["evaluation"]["score"])
    found = {e["evaluation_result_id"]: e["score_details"] for e in aggregate["evaluation_results"]}
    assert len(scores) >= 5
    for id_, mine in scores.items():
        assert sum(mine) / len(mine) == pytest.approx(found[id_]["score"]), id_
        assert len(mine) == int(found[id_]["details"]["rows"])


def test_records_of_a_judge_run_say_what_was_asked_and_how_it_was_read(
    runs: tuple[RunResult, RunResult], tmp_path: Path
) -> None:
    _, records = exported(runs[0], tmp_path)
    states = defaultdict(list)
    for record in records:
        states[record["metadata"]["state"]].append(record)
    assert set(states) == {"right", "wrong", "unparsed", "failed"}
    for record in states["right"]:
        assert record["evaluation"]["is_correct"] is True
        assert record["error"] is None
    for record in states["unparsed"]:
        assert record["answer_attribution"][0]["extracted_value"] == ""
        assert record["error"].startswith("unparsed: ")
    for record in states["failed"]:
        assert record["error"] == "failed: timeout: no answer in time"
        assert "evaluation_result_id" not in record
        assert record["output"] == {"raw": []}
    assert any(r["output"]["raw"] == [exports.HOSTILE] for r in states["unparsed"])
    some = states["right"][0]
    assert some["token_usage"] == {"input_tokens": 300, "output_tokens": 2, "total_tokens": 302}
    assert some["performance"] == {"latency_ms": 250}
    assert "<image>" in some["input"]["raw"]
    assert some["metadata"]["sha256"] in some["input"]["raw"]
    hashed = json.dumps(
        {"raw": some["input"]["raw"], "reference": some["input"]["reference"]},
        sort_keys=True,
        separators=(",", ":"),
    )
    assert some["sample_hash"] == hashlib.sha256(hashed.encode()).hexdigest()
    methods = {r["answer_attribution"][0]["extraction_method"] for r in records}
    assert {"text, declared", "text, prose"} <= methods
    pairs = [r for r in records if r["metadata"]["task"] == "nuance_pairs"]
    assert {r["metadata"]["order"] for r in pairs} == {"stronger first", "stronger second"}
    assert all(r["metadata"]["second_picture"] for r in pairs)


def test_ratings_without_an_answer_score_the_largest_error(
    runs: tuple[RunResult, RunResult], tmp_path: Path
) -> None:
    _, records = exported(runs[0], tmp_path)
    unread = [
        r
        for r in records
        if r["metadata"]["task"] == "fine_intensity" and r["metadata"]["state"] in ("unparsed", "failed")
    ]
    assert unread
    for record in unread:
        truth = float(record["input"]["reference"][0])
        assert record["evaluation"] == {"score": max(truth - 1, 5 - truth), "is_correct": False}
        assert "evaluation_result_id" not in record


def test_judges_are_named_where_a_generator_is_evaluated(
    runs: tuple[RunResult, RunResult], tmp_path: Path
) -> None:
    aggregate, records = exported(runs[1], tmp_path)
    by_judge = defaultdict(list)
    for entry in aggregate["evaluation_results"]:
        scoring = entry["metric_config"]["llm_scoring"]
        by_judge[entry["evaluation_result_id"].split("/")[2]].append(scoring)
        assert "Answer" in scoring["input_prompt"]
    assert all(len(s["judges"]) == 1 for s in by_judge["Other"])
    panel = by_judge["panel"]
    assert all([j["model_info"]["name"] for j in s["judges"]] == ["Guess", "Other", "Third"] for s in panel)
    assert {s["aggregation_method"] for s in panel} == {"majority_vote", "average"}
    assert {r["metadata"]["state"] for r in records} >= {"right", "wrong", "failed", "undelivered"}
    made = next(r for r in records if r["metadata"]["state"] == "right")
    assert made["output"]["raw"] == [f"{made['metadata']['picture']} sha256:{made['metadata']['sha256']}"]
    assert made["answer_attribution"][0]["source"] == f"judge {made['metadata']['judge']}"
    assert METHODS["logprobs"] in made["answer_attribution"][0]["extraction_method"]
    assert "portrait" in made["input"]["raw"]
    assert "<image>" in made["metadata"]["judge_prompt"]


@pytest.mark.slow
def test_exporting_again_replaces_the_same_files(runs: tuple[RunResult, RunResult], tmp_path: Path) -> None:
    exported(runs[0], tmp_path)
    before = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.json*")}
    exported(runs[0], tmp_path)
    assert before == {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.json*")}
    assert sorted(NAME.sub("ID", name) for name in before) == ["ID.json", "ID_samples.jsonl"]
    exported(runs[1], tmp_path)
    assert len(list(tmp_path.rglob("*.json"))) == 2, "another run has files of its own"
    aggregate, _ = exported(runs[0], tmp_path, samples=False)
    assert "detailed_evaluation_results" not in aggregate
    assert len(list(tmp_path.rglob("*_samples.jsonl"))) == 1


def test_who_evaluated_is_said_or_left_unspecified(runs: tuple[RunResult, RunResult], tmp_path: Path) -> None:
    aggregate, _ = exported(runs[0], tmp_path)
    assert aggregate["source_metadata"]["source_organization_name"] == "unspecified"
    assert aggregate["source_metadata"]["evaluator_relationship"] == "other"
    assert aggregate["model_info"]["additional_details"]["deployment_type"] == "unknown"
    aggregate, records = exported(
        runs[0],
        tmp_path,
        organization="A lab",
        relationship="third_party",
        model_id="someone/Mixed-7B",
        weights="open_weights",
    )
    assert aggregate["source_metadata"]["source_organization_name"] == "A lab"
    assert aggregate["model_info"]["id"] == "someone/Mixed-7B" == records[0]["model_id"]
    assert (tmp_path / "data" / "memobench" / "someone" / "Mixed-7B").is_dir()
    with pytest.raises(BadOption, match="third_party"):
        exported(runs[0], tmp_path, relationship="third-party")
    with pytest.raises(BadOption, match="DEVELOPER/MODEL"):
        exported(runs[0], tmp_path, model_id="someone/")


@pytest.mark.parametrize(
    ("text", "safe"),
    [("a b/c", "a-b-c"), ("..", "unspecified"), ("CON", "CON_"), ("data", "data_"), ("x:1.5", "x-1.5")],
)
def test_components_of_paths_are_portable(text: str, safe: str) -> None:
    assert component(text) == safe


def test_a_run_without_results_is_refused(runs: tuple[RunResult, RunResult], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "run.json").write_bytes((runs[0].path / "run.json").read_bytes())
    with pytest.raises(RequestError, match="no results yet"):
        ExportSource.of(copy)
    (copy / "results.json").write_text("{")
    with pytest.raises(RequestError, match=r"cannot be read.*harness score"):
        ExportSource.of(copy)


def test_options_are_documented() -> None:
    assert all(info.description for info in EveryEvalEver.Options.model_fields.values())


@pytest.mark.parametrize(
    ("name", "plugin", "ref", "expected"),
    [
        ("vllm:llava-hf/llava-1.5-7b-hf", "memobench-plugin-vllm", None, "llava-hf/llava-1.5-7b-hf"),
        ("llava", "memobench-plugin-vllm", "llava-hf/llava-1.5-7b-hf@main", "llava-hf/llava-1.5-7b-hf-main"),
        ("openai:gpt-x", "memobench-plugin-openai", None, "unspecified/gpt-x"),
        ("vllm:/home/someone/models/mine", "memobench-plugin-vllm", None, "unspecified/mine"),
        ("vllm:./mine", "memobench-plugin-vllm", None, "unspecified/mine"),
        ("fer", "memobench-plugin-fer", None, "memobench-plugin-fer/fer"),
        ("Mixed", "python", None, "unspecified/Mixed"),
    ],
)
def test_models_are_named_by_their_reference(name: str, plugin: str, ref: str | None, expected: str) -> None:
    participant = ParticipantRecord(name, {"ref": ref, "batch": 4}, {"revision": "abc"}, plugin)
    versions = {"python": "3.11", "vllm": "0.32"}
    info = model_info(participant, versions)
    assert info["id"] == expected
    assert info["additional_details"]["deployment_type"] == "unknown"
    assert info["additional_details"]["identity.revision"] == "abc"
    engine = {"name": "vllm", "version": "0.32"} if plugin.endswith("vllm") else None
    assert info.get("inference_engine") == engine
    assert model_info(participant, versions, developer="A lab")["id"] == f"A-lab/{expected.partition('/')[2]}"
    assert model_info(participant, versions, model_id="a/b/c")["id"] == "a/b/c"
    folder = Identity.of(model_info(participant, versions, model_id="a/b/c"), "2026-01-01T00:00:00+00:00")
    assert (folder.developer, folder.model, folder.timestamp) == ("a", "b_c", "1767225600")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("vllm:/home/someone/models/mine", "vllm:mine"),
        ("/srv/data/x.csv", "x.csv"),
        ("~/models/mine", "mine"),
        ("C:\\Users\\me\\mine", "mine"),
        ("a: /one/two, b: 3/4", "a: two, b: 3/4"),
        ("https://host/v1/chat", "https://host/v1/chat"),
        ("llava-hf/llava-1.5-7b-hf", "llava-hf/llava-1.5-7b-hf"),
        ("1/2 and/or", "1/2 and/or"),
    ],
)
def test_folders_of_whoever_ran_it_are_not_exported(text: str, shown: str) -> None:
    assert without_folders(text) == shown
