"""A run with a gate: compared with a baseline while replies arrive, and stopped once the verdict is clear."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.comparing.loaded import Entry, EntryKey, LoadedRun, Unit, load_run
from harness.errors import RequestError, RunMismatch
from harness.exporting.run_result import RunResult
from harness.gating.config import GateConfig, load_config
from harness.gating.gate import check_requests, gate_loaded
from harness.gating.records import GateReport
from harness.gating.replay import baseline_name, stored_sizes
from harness.gating.sequential import SequentialGate, why_not
from harness.run.plan import Plan
from harness.run.schedule import judge_jobs
from harness.run.session import execute
from harness.run.stopping import Stopping
from harness.run.watch import Watch
from harness.scoring.rows import Rows
from harness.scoring.run_record import RunRecord, answer_of
from harness.store import RunFolder
from harness.store.files import write_json
from harness.store.find import find_run
from harness.store.replies import JUDGE_KEYS, judge_replies
from harness.store.runfolder import read_run
from harness.tasks.answers import parse_reply, truth_of
from harness.tasks.prompts import shown_options

GATE = "gate.json"
"""The report of the gate, in the run folder."""


@dataclass(frozen=True)
class GatedRun:
    """A run and what the gate says of it."""

    result: RunResult
    report: GateReport


def execute_plan(plan: Plan, watch: Watch) -> RunResult:
    """Run a plan, with the gate that its request names, if any."""
    return execute(plan, watch) if plan.request.gate is None else execute_gated(plan, watch).result


def execute_gated(plan: Plan, watch: Watch) -> GatedRun:
    """Run a plan that names a gate, in sequential mode where that helps; the report is stored as `gate.json`.

    Raises `RequestError` before anything is asked where the request and the baseline are not comparable.
    """
    assert plan.request.gate is not None
    path = find_run(plan.request.gate)
    if path.resolve() == plan.folder.resolve():
        raise RequestError(
            "The run and the baseline are the same folder.",
            "Choose a different --out, or a different --gate.",
        )
    baseline, config = load_run(path), load_config(None, path)
    check_requests(_planned_run(plan), baseline, config)
    reason = why_not(baseline, config)
    stopping = None
    if reason:
        watch.note(f"the gate cannot stop this run early, and looks at the end: {reason}")
    else:
        stopping = GateStopping(plan, baseline, config)
        if any(config.groups_of(key.task) for key in baseline.entries):
            watch.note("groups are watched: only a regression stops this run early")
    result = execute(plan, watch, stopping)
    report = gate_loaded(load_run(result.path), baseline, config)
    write_json(result.path / GATE, report.document())
    return GatedRun(result, report)


def _planned_run(plan: Plan) -> LoadedRun:
    """The run that a plan will make, without answers: what it asks can be compared with what a baseline asked."""
    record = RunRecord.parse(
        json.loads(
            json.dumps(
                {
                    "name": "this run",
                    "created": "",
                    "versions": {},
                    "request": plan.describe(),
                    "plan": {},
                    "reads": {judge: dict(modes) for judge, modes in plan.answer_modes.items()},
                }
            )
        )
    )
    entries = {entry.key: entry for entry in _planned_entries(record)}
    return LoadedRun(plan.folder, record, complete=True, entries=entries)


def _planned_entries(record: RunRecord) -> Iterator[Entry]:
    for name, spec in record.tasks.items():
        question = spec.primary.asks or name
        rows = Rows(answer_of(record.questions[question]), question=question)
        if record.role == "judge":
            several = len(spec.prompt_variants) > 1
            keys = [
                EntryKey(name, data, "", variant.name if several else "")
                for data in record.data
                for variant in spec.prompt_variants
            ]
        else:
            keys = [EntryKey(name, record.prompt_sets[name][0], judge.name) for judge in record.judges]
        for key in keys:
            yield Entry(key, spec, spec.primary, question, rows, {}, {}, 0, 0)


class GateStopping(Stopping):
    """Tells a sequential gate of every reply, and stops the run once its verdict is clear."""

    settled = True
    advice = ""

    def __init__(self, plan: Plan, baseline: LoadedRun, config: GateConfig) -> None:
        self._plan, self._baseline = plan, baseline
        names = {digest: name for name, digest in baseline.record.data.items()}
        self._names = {data.name: names.get(data.digest, data.name) for data in plan.data}
        self._planned = {(job.data, job.sample.id, q) for job in judge_jobs(plan) for q in job.questions}
        units = ((key, unit) for data, id_, q in self._planned for key, unit in self._units(data, id_, q))
        self.gate = SequentialGate(baseline, config, units, plan.request.seed)
        self.order = lambda data, id_: self.gate.place(self._names[data], id_)
        self._asked: set[tuple[str, str, str, str, int]] = set()
        """Data set, sample, question, prompt variant and repeat of what was answered or failed."""
        if not plan.request.fresh:
            self._resume()

    def _resume(self) -> None:
        """Take the replies that the folder of this request holds already."""
        path = self._plan.folder
        try:
            same = read_run(path)["request"] == json.loads(json.dumps(self._plan.describe()))
        except RunMismatch:
            return
        for reply in judge_replies(path, JUDGE_KEYS) if same else ():
            self.stored(reply)

    def _key(self, question: str, data: str, variant: str) -> EntryKey:
        several = len(self._plan.questions[question].prompt_variants) > 1
        return EntryKey(question, self._names[data], "", variant if several else "")

    def _units(self, data: str, sample: str, question: str) -> Iterator[tuple[EntryKey, Unit]]:
        for variant in self._plan.questions[question].prompt_variants:
            for repeat in range(self._plan.request.repeats):
                yield self._key(question, data, variant.name), (sample, repeat)

    def stored(self, record: Mapping[str, Any]) -> None:
        """Take a reply: right or wrong where the baseline has the same picture."""
        data, sample, question = record["data"], record["sample_id"], record["task"]
        if (data, sample, question) not in self._planned:
            return
        self._asked.add((data, sample, question, record["wording"], record["repeat"]))
        key, unit = self._key(question, data, record["wording"]), (sample, record["repeat"])
        entry = self._baseline.entries.get(key)
        if entry is None or unit not in entry.places:
            return
        stored = entry.rows.samples[entry.places[unit]]
        if hash(record["picture"]) != stored.picture:
            self.gate.settle(key, unit, None)
            return
        answer = answer_of(self._plan.questions[question])
        truth = truth_of(answer, stored)
        shown = shown_options(answer, sample, self._plan.request.seed, truth if answer.contrast else None)
        parsed = parse_reply(record, answer, shown, self._plan.answer_modes[record["by"]][question])
        self.gate.settle(key, unit, parsed.value == truth)

    def failed(self, record: Mapping[str, Any]) -> None:
        """Take a failure: the cluster of the sample is looked at without it."""
        data, sample, question = record.get("data"), record["sample_id"], record["task"]
        if data is None or (data, sample, question) not in self._planned:
            return
        for key, unit in self._units(data, sample, question):
            if "repeat" not in record or (
                unit[1] == record["repeat"] and key == self._key(question, data, record["wording"])
            ):
                self._asked.add((data, sample, question, record.get("wording", ""), unit[1]))
                self.gate.settle(key, unit, None)

    def reason(self) -> str | None:
        """That the verdict is clear."""
        verdict = self.gate.verdict
        return None if verdict is None else f"the verdict of the gate is clear: {verdict}"

    def ended(self, folder: RunFolder) -> None:
        """Record in `run.json` what was asked: results are those of these samples."""
        asked = {(data, sample) for data, sample, *_ in self._asked}
        planned = {(data, sample) for data, sample, _ in self._planned}
        stopped = self.gate.verdict is not None and asked < planned
        changes: dict[str, Any] = {
            "sequential": {
                **baseline_name(self._baseline),
                "clusters": self.gate.clusters,
                "planned": len(planned),
                "stopped": stopped,
                "entries": stored_sizes(self.gate),
            }
        }
        if stopped:
            counts = Counter(f"{question}@{data}" for data, _, question, variant, _ in self._asked)
            variants = {q: len(spec.prompt_variants) for q, spec in self._plan.questions.items()}
            note = (
                f"stopped by the gate after {len(asked)} of {len(planned)} samples: values at an early stop "
                "exaggerate differences"
            )
            changes |= {
                "plan": {
                    **dict.fromkeys(folder.run["plan"], 0),
                    **{name: n // variants[name.partition("@")[0]] for name, n in counts.items()},
                    **{f"@{d.name}": sum(data == d.name for data, _ in asked) for d in self._plan.data},
                },
                "selected": {
                    d.name: sorted(s for data, s in asked if data == d.name) for d in self._plan.data
                },
                "left_out": [*folder.run["left_out"], note],
            }
        folder.update(changes)
