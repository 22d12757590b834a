"""The aggregate file of Every Eval Ever: every metric value of a run with its confidence interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.exporting.eee_identity import Identity, model_info, without_folders
from harness.exporting.eee_metrics import metric_config
from harness.exporting.source import ExportSource
from harness.records import Interval
from harness.results import CalibratedValue, MetricValue, TaskResult
from harness.scoring.panel import PANEL
from harness.tasks.spec import TaskSpec

SCHEMA = "0.3.0"
LEVEL = 0.95
"""Of all intervals in results."""


def aggregate(source: ExportSource, identity: Identity, source_metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The document. A value that does not exist is left out: the schema demands a number."""
    run = source.results.run
    return {
        "schema_version": SCHEMA,
        "evaluation_id": identity.evaluation_id,
        "evaluation_timestamp": run.created,
        "retrieved_timestamp": identity.timestamp,
        "source_metadata": dict(source_metadata),
        "eval_library": {
            "name": "memobench",
            "version": run.versions.get("memobench", "unknown"),
            "additional_details": dict(run.versions),
        },
        "model_info": dict(identity.model_info),
        "evaluation_results": [
            entry for task in source.results.tasks for entry in _results(source, task, run.created)
        ],
    }


def evaluation_name(task: TaskResult) -> str:
    """The task, with the prompt variant and the judge where results name them."""
    return "/".join(part for part in (task.task, task.prompt_variant, task.judge) if part)


def result_id(task: TaskResult, metric: str, group: Mapping[str, str] | None = None) -> str:
    """The id by which records refer to a metric value."""
    parts = [task.task, task.data.name, task.prompt_variant, task.judge, metric]
    parts += [f"{name}={value}" for name, value in (group or {}).items()]
    return "/".join(part for part in parts if part)


def _results(source: ExportSource, task: TaskResult, created: str) -> Iterator[dict[str, Any]]:
    spec = source.record.tasks[task.task]
    shared = {
        "source_data": _source_data(task),
        "evaluation_timestamp": created,
        "generation_config": _generation_config(source, task, spec),
    }
    for metric in task.metrics:
        if metric.value is not None:
            yield {**_head(task, metric.name, metric.group), **shared, **_metric(source, task, spec, metric)}
    for corrected in task.calibrated:
        if corrected.value is not None:
            name = f"{corrected.name}, corrected by people's ratings"
            yield {**_head(task, f"{corrected.name}.corrected", {}), **shared} | {
                "metric_config": _config(source, task, spec, corrected.name, {}) | {"metric_name": name},
                "score_details": {
                    "score": corrected.value,
                    "details": _corrected_details(corrected),
                    **_uncertainty(corrected, corrected.method, corrected.labelled + corrected.unlabelled),
                },
            }


def _head(task: TaskResult, metric: str, group: Mapping[str, str]) -> dict[str, Any]:
    among = f" ({', '.join(f'{name}={value}' for name, value in group.items())})" if group else ""
    return {
        "evaluation_result_id": result_id(task, metric, group),
        "evaluation_name": evaluation_name(task) + among,
    }


def _metric(source: ExportSource, task: TaskResult, spec: TaskSpec, metric: MetricValue) -> dict[str, Any]:
    details = {
        "primary": str(metric.primary).lower(),
        "stage": task.stage,
        "rows": str(metric.n),
        "asked": str(task.n),
        "answered": str(task.answered),
        "unparsed": str(task.unparsed),
        "failed": str(task.failed),
        "answer_mode": task.answer_mode,
    }
    if metric.clusters is not None:
        details["clusters"] = str(metric.clusters)
    if not metric.group:
        details |= {
            f"baseline.{b.name}": str(b.value)
            for b in task.baselines
            if b.metric == metric.name and b.value is not None
        }
        if task.people is not None and task.people.ceiling.metric == metric.name:
            ceiling = task.people.ceiling
            details["people.one_person"] = str(ceiling.value)
            details["people.truth"] = ceiling.truth
    return {
        "metric_config": _config(source, task, spec, metric.name, metric.group, metric),
        "score_details": {
            "score": metric.value,
            "details": details,
            **_uncertainty(metric, metric.method, metric.n),
        },
    }


def _uncertainty(interval: Interval, method: str | None, n: int) -> dict[str, Any]:
    if interval.low is None or interval.high is None:
        return {}
    found: dict[str, Any] = {
        "lower": interval.low,
        "upper": interval.high,
        "confidence_level": LEVEL,
    }
    if method:
        found["method"] = method
    return {"uncertainty": {"confidence_interval": found, "num_samples": n}}


def _corrected_details(value: CalibratedValue) -> dict[str, str]:
    return {
        "question": value.question,
        "rated_by_people": str(value.labelled),
        "not_rated": str(value.unlabelled),
        "raters": str(value.raters),
        "weight_of_judge": str(value.weight),
        "judge_alone": str(value.judge_alone),
    }


def _config(
    source: ExportSource,
    task: TaskResult,
    spec: TaskSpec,
    metric: str,
    group: Mapping[str, str],
    value: MetricValue | None = None,
) -> dict[str, Any]:
    known = value or next((m for m in task.metrics if m.name == metric), None)
    config = metric_config(metric, known.direction if known else "higher", group)
    if spec.summary:
        config["evaluation_description"] = spec.summary
    if task.role == "generator":
        config["llm_scoring"] = _judges(source, task, source.asked_by(task, metric))
    return config


def _judges(source: ExportSource, task: TaskResult, question: str) -> dict[str, Any]:
    """Who judged the portraits, and what they were asked. The panel is all judges that are no oracles."""
    run = source.record
    panel = task.judge == PANEL
    judges = [j for j in run.judges if (j.name not in run.oracles if panel else j.name == task.judge)]
    sampling = run.questions[question].sampling
    found: dict[str, Any] = {
        "judges": [
            {
                "model_info": model_info(judge, run.versions),
                "temperature": sampling.temperature,
                "additional_details": {"answer_mode": run.answer_modes.get(judge.name, {}).get(question, "")}
                | ({"oracle": "shown the true answers"} if judge.name in run.oracles else {}),
            }
            for judge in judges
        ],
        "input_prompt": source.template(question),
        "additional_details": {"question": question},
    }
    answer = run.questions[question].answer
    if panel and answer is not None:
        found["aggregation_method"] = "average" if answer.kind == "rating" else "majority_vote"
    return found


def _source_data(task: TaskResult) -> dict[str, Any]:
    kind = "prompt set" if task.role == "generator" else "labelled portraits"
    return {
        "dataset_name": task.data.name,
        "source_type": "other",
        "additional_details": {"kind": kind, "digest": task.data.digest, "samples": str(task.data.n)},
    }


def _generation_config(source: ExportSource, task: TaskResult, spec: TaskSpec) -> dict[str, Any]:
    details = {f"setting.{s.name}": f"{without_folders(s.value)} ({s.source})" for s in task.settings}
    details |= {"task_version": task.version, "repeats": str(source.record.repeats)}
    details["seed"] = str(source.record.seed)
    if task.role == "generator":
        return {"additional_details": details}
    return {
        "generation_args": {
            "temperature": spec.sampling.temperature,
            "top_p": spec.sampling.top_p,
            "max_tokens": source.record.max_tokens(task.task, source.record.model.name),
            "reasoning": task.answer_mode == "reasoned",
            "prompt_template": source.template(task.task, task.prompt_variant),
        },
        "additional_details": details | {"answer_mode": task.answer_mode},
    }
