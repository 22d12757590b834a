"""Logs a run to MLflow: settings as parameters, metrics with the ends of their intervals, results.json as an artifact."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from harness import Exporter, ExportSource, HarnessOptions, Results, TaskResult, option

ARTIFACTS = "mlartifacts"
"""The folder of files beside the SQLite file, as MLflow names it."""


class MlflowExporter(Exporter):
    """A run of an MLflow experiment, in a SQLite file or on a tracking server."""

    output = "mlflow.db"

    class Options(HarnessOptions):
        """Where it is logged."""

        experiment: str = option("memobench", "Name of the experiment.")
        tracking_uri: str = option("", "A tracking server, instead of the SQLite file that --out names.")

    def write(self, source: ExportSource, out: Path) -> Sequence[Path]:
        # Imported late: `harness list plugins` need not wait for MLflow.
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        out = out.absolute()
        if not self.options.tracking_uri:
            out.parent.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(tracking_uri=self.options.tracking_uri or f"sqlite:///{out}")
        run = source.results.run
        tags = provenance(source.results)
        experiment = self._experiment(client, out)
        for earlier in client.search_runs([experiment], f"tags.`memobench.id` = '{tags['memobench.id']}'"):
            client.delete_run(earlier.info.run_id)  # This run was exported before.
        start = int(datetime.fromisoformat(run.created).timestamp() * 1000)
        logged = client.create_run(experiment, start_time=start, tags=tags, run_name=run.name).info.run_id
        entries = [
            *(Metric(name, value, start, 0) for name, value in metrics(source.results)),
            *(Param(name, value) for name, value in parameters(source.results)),
        ]
        for first in range(0, len(entries), 100):  # The most that a server takes at once.
            part = entries[first : first + 100]
            client.log_batch(
                logged,
                metrics=[entry for entry in part if isinstance(entry, Metric)],
                params=[entry for entry in part if isinstance(entry, Param)],
                tags=[RunTag("memobench.complete", str(run.complete).lower())],
            )
        for name in ("results.json", "run.json"):
            client.log_artifact(logged, str(source.path / name))
        client.set_terminated(logged, status="FINISHED" if run.complete else "FAILED", end_time=start)
        return [] if self.options.tracking_uri else [out, out.parent / ARTIFACTS]

    def _experiment(self, client, out: Path) -> str:
        found = client.get_experiment_by_name(self.options.experiment)
        if found is not None:
            return found.experiment_id
        # A server has a place for artifacts of its own.
        place = None if self.options.tracking_uri else (out.parent / ARTIFACTS).as_uri()
        return client.create_experiment(self.options.experiment, artifact_location=place)


def prefixes(results: Results) -> Iterator[tuple[str, TaskResult]]:
    """Each entry with what its names begin with: the data set only where a task has several."""
    sets = Counter((t.task, t.judge, t.prompt_variant) for t in results.tasks)
    for task in results.tasks:
        several = sets[task.task, task.judge, task.prompt_variant] > 1
        parts = [task.task, task.data.name if several else None, task.judge, task.prompt_variant]
        yield "/".join(allowed(part) for part in parts if part), task


def metrics(results: Results) -> Iterator[tuple[str, float]]:
    """`TASK/METRIC` with `_low`, `_high` and `_n`, and what the verdict rests on."""
    for prefix, task in prefixes(results):
        for metric in task.metrics:
            if metric.value is None or metric.group:
                continue  # Groups are in results.json.
            name = f"{prefix}/{allowed(metric.name)}"
            ends = {"": metric.value, "_low": metric.low, "_high": metric.high, "_n": metric.n}
            yield from ((name + end, float(value)) for end, value in ends.items() if value is not None)
        for baseline in task.baselines:
            if baseline.value is not None:
                yield f"{prefix}/baseline/{allowed(baseline.name)}_{allowed(baseline.metric)}", baseline.value
        yield from ((f"{prefix}/{name}", float(task[name])) for name in ("answered", "unparsed", "failed"))
        yield from ((f"{prefix}/usage/{allowed(name)}", value) for name, value in task.usage.items())


def parameters(results: Results) -> Iterator[tuple[str, str]]:
    """Settings with their source, how answers were obtained, and on which data."""
    yield "model", results.run.model
    yield "judges", ", ".join(results.run.judges)
    for prefix, task in prefixes(results):
        yield f"{prefix}/answer_mode", task.answer_mode
        yield f"{prefix}/data", f"{task.data.name} ({task.data.n}, {task.data.digest[:12]})"
        for setting in task.settings:
            yield f"{prefix}/{allowed(setting.name)}", f"{setting.value} ({setting.source})"[:6000]


def provenance(results: Results) -> dict[str, str]:
    """What was run with what; `memobench.id` is the same for the same run."""
    run = results.run
    tags = {f"memobench.version.{allowed(name)}": version for name, version in run.versions.items()}
    tags["memobench.id"] = hashlib.sha256(f"{run.name}\0{run.model}\0{run.created}".encode()).hexdigest()
    tags["memobench.created"] = run.created
    if run.release:
        tags["memobench.release"] = run.release
    if run.notes:
        tags["memobench.notes"] = "\n".join(run.notes)
    return tags


def allowed(text: str) -> str:
    """Text as MLflow allows it in names."""
    return re.sub(r"[^\w.: -]", "_", text, flags=re.ASCII)[:100]
