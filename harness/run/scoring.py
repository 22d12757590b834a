"""Scores a run folder: reads every reply again and writes results.json. Needs no model and no picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.making import make
from harness.metrics.choice import ValenceGap
from harness.metrics.interval import Resampling
from harness.metrics.score import MetricRequest, score_metrics
from harness.reading import LABELS, rates_unlabelled, truth_of
from harness.registry import registry
from harness.run.family import family_warning
from harness.run.gap import gap_test
from harness.run.panel import PANEL, RULE, agreement, panel_rows
from harness.run.result import RunResult
from harness.run.rows import Key, Rows, add_up, collect
from harness.run.stored import Stored, StoredSample, read_stored
from harness.stats.comparison import holm
from harness.store.files import write_json
from harness.store.runfolder import RESULTS, read_run
from harness.taskspec import Answer, MetricSpec, TaskSpec

DRAWS = 10_000


def score_folder(path: Path, *, complete: bool = True) -> RunResult:
    """Recompute `results.json` from the run folder alone and write it.

    Raises `RunMismatch` where there is no run, and `UnknownName` for a metric that is no longer installed.
    """
    run = read_run(path)
    stored = read_stored(path)
    entries = list(
        _generator_entries(run, stored)
        if run["request"]["role"] == "generator"
        else _judge_entries(run, stored)
    )
    _adjust(entries)
    results = {
        "schema": 1,
        "run": _head(run, complete and not any(e["failed"] for e in entries)),
        "tasks": entries,
    }
    write_json(path / RESULTS, results)
    return RunResult(path, results)


def _head(run: Mapping[str, Any], complete: bool) -> dict[str, Any]:
    request = run["request"]
    return {"name": run["name"], "model": request["model"]["name"], "judges": [j["name"] for j in request.get("judges", [])],
            "created": run["created"], "versions": run["versions"], "complete": complete}  # fmt: skip


def _answer(spec: TaskSpec) -> Answer:
    assert spec.answer is not None, "questions are judge tasks, which have an answer"
    return spec.answer


def _wordings(spec: TaskSpec) -> list[str]:
    return [w.name for w in spec.prompts if w.default]


def _judge_entries(run: Mapping[str, Any], stored: Stored) -> Iterator[dict[str, Any]]:
    request, judge = run["request"], run["request"]["model"]
    specs = {name: TaskSpec.model_validate(table) for name, table in request["tasks"].items()}
    asked: dict[Key, tuple[Answer, str]] = {
        (name, judge["name"], data, wording): (_answer(spec), run["reads"][judge["name"]][name])
        for name, spec in specs.items() for data in request["data"] for wording in _wordings(spec)}  # fmt: skip
    rows = collect(stored, asked)
    for (name, _, data, wording), (_, way) in asked.items():
        spec, found = specs[name], rows[name, judge["name"], data, wording].sorted()
        several = len(_wordings(spec)) > 1
        n = run["plan"][f"{name}@{data}"]
        unparsed = sum(found.unparsed.values())
        table = _score(found, spec.metrics, spec, request["seed"])
        yield {
            "task": name, "version": spec.version, "stage": spec.stage, "role": "judge",
            "data": {"name": data, "digest": request["data"][data], "n": n // request["repeats"]},
            "judge": None, "wording": wording if several else None, "read": way,
            "settings": _settings(spec, judge), "n": n, "answered": found.answered, "unparsed": unparsed,
            "failed": max(0, n - found.answered), "outcomes": {"ok": found.answered}, **table, "tests": [],
            "unparsed_reasons": found.unparsed, **_costs([rows[name, judge["name"], data, wording]]),
            "warnings": [*_not_asked(spec, data, n // request["repeats"] // len(_wordings(spec)), run["plan"].get(f"@{data}", 0)), *run.get("notes", {}).get(data, []), *_oracle_warning(run, judge), *table["warnings"]],
        }  # fmt: skip


def _costs(rows: Sequence[Rows]) -> dict[str, dict[str, float]]:
    """What the judge's answers used, and what may differ between two runs with the same answers."""
    usage: dict[str, float] = {}
    timings: dict[str, float] = {}
    for part in rows:
        add_up(usage, part.usage)
        add_up(timings, part.timings)
    return {"usage": {k: round(v, 6) for k, v in sorted(usage.items())},
            "timings": {k: round(v, 3) for k, v in sorted(timings.items())}}  # fmt: skip


def _not_asked(spec: TaskSpec, data: str, asked: int, samples: int) -> list[str]:
    """Says how many samples a task passes over: those left out, and those without a label among its options."""
    truth = _answer(spec).truth
    if not asked:
        return [f"no sample of {data} has the label that the task asks for: {truth.field}"]
    if asked >= samples:
        return []
    left = f"{' and '.join(truth.leave_out)} left out, or " if truth.leave_out else ""
    return [
        f"{samples - asked} of {samples} samples of {data} are not asked: {left}no {truth.field} that the task knows"
    ]


def _scale(rows: Rows) -> list[str]:
    """Warns where labels lie outside the task's scale."""
    scale = rows.answer.scale
    outside = (
        sum(not scale.low <= float(t) <= scale.high for t in rows.truths if t is not None) if scale else 0
    )
    if scale is None or not outside:
        return []
    return [
        f"{outside} labels lie outside the scale {scale.low:g} to {scale.high:g}: mae, rmse and bias compare different scales"
    ]


def _groups(rows: Rows, columns: Sequence[str]) -> list[str]:
    """Warns of columns to group by that no sample has."""
    missing = [c for c in columns if c not in LABELS and not any(s.attributes.get(c) for s in rows.samples)]
    if not missing or not rows.samples:
        return []
    return [f"no sample has the columns by which the task groups: {', '.join(missing)}"]


def _generator_entries(run: Mapping[str, Any], stored: Stored) -> Iterator[dict[str, Any]]:
    request, generator = run["request"], run["request"]["model"]["name"]
    questions = {name: TaskSpec.model_validate(table) for name, table in request["questions"].items()}
    asked: dict[Key, tuple[Answer, str]] = {
        (name, judge["name"], generator, wording): (_answer(spec), run["reads"][judge["name"]][name])
        for name, spec in questions.items() for judge in request["judges"] for wording in _wordings(spec)[:1]}  # fmt: skip
    rows = collect(stored, asked)
    for name, table in request["tasks"].items():
        spec, views = TaskSpec.model_validate(table), {}
        for judge in request["judges"]:
            mine = {q: _rows_of(name, rows[q, judge["name"], generator, _wordings(questions[q])[0]], stored)
                    for q in spec.asks}  # fmt: skip
            views[judge["name"]] = mine
            costs = _costs([rows[q, judge["name"], generator, _wordings(questions[q])[0]] for q in spec.asks])
            yield _generator_entry(run, spec, judge, mine, run["reads"][judge["name"]], stored) | costs
        views = {name: view for name, view in views.items() if name not in run["oracles"]}
        if len(views) > 1:
            yield _panel_entry(run, spec, views, stored)


def _rows_of(task: str, rows: Rows, stored: Stored) -> Rows:
    """The rows of portraits that a task asked for, and one for each that was not delivered."""
    mine = rows.select(i for i, s in enumerate(rows.samples) if task in s.tasks)
    for sample in stored.everything():
        if task in sample.tasks and _outcome(sample, stored) in ("blocked", "blank"):
            truth = truth_of(rows.answer, sample)
            if truth is not None:
                mine.add_missed(sample, truth)
    return mine.sorted()


def _outcome(sample: StoredSample, stored: Stored) -> str:
    draw = stored.draws.get(sample.id)
    return draw["outcome"] if draw else "error"


def _panel_entry(
    run: Mapping[str, Any], spec: TaskSpec, views: Mapping[str, Mapping[str, Rows]], stored: Stored
) -> dict[str, Any]:
    """What the judges say together, and how far they agree."""
    judge = {"name": PANEL, "options": {"judges": ", ".join(views), "rule": RULE}, "identity": {}}
    together = {q: panel_rows([view[q] for view in views.values()]).sorted() for q in spec.asks}
    entry = _generator_entry(run, spec, judge, together, dict.fromkeys(spec.asks, PANEL), stored)
    how = Resampling(run["request"]["seed"], DRAWS)
    found = [agreement(q, {name: view[q] for name, view in views.items()}, together[q], spec.cluster, how)
             for q in spec.asks]  # fmt: skip
    return entry | {"agreement": [figure for part in found for figure in part]}


def _generator_entry(run: Mapping[str, Any], spec: TaskSpec, judge: Mapping[str, Any], rows: Mapping[str, Rows],
                     reads: Mapping[str, str], stored: Stored) -> dict[str, Any]:  # fmt: skip
    request = run["request"]
    n = run["plan"][f"{spec.name}@generator"]
    samples = [s for s in stored.everything() if spec.name in s.tasks]
    outcomes = Counter(_outcome(s, stored) for s in samples)
    outcomes["error"] += n - len(samples)
    faces = Counter(stored.draws[s.id].get("faces") for s in samples if _outcome(s, stored) == "ok")
    oracle = judge["name"] in run["oracles"]
    given = Counter(
        s.id
        for r in rows.values()
        for s, reason in zip(r.samples, r.reasons, strict=True)
        if reason is not None
    )
    answered = sum(_outcome(s, stored) == "ok" and given[s.id] == _expected(s, rows, oracle) for s in samples)
    missed = outcomes["blocked"] + outcomes["blank"]
    entry: dict[str, Any] = {"metrics": [], "baselines": [], "confusion": None, "warnings": [], "tests": []}
    for question in spec.asks:
        metrics = tuple(m for m in spec.metrics if m.asks == question)
        if metrics:
            part = _score(rows[question], metrics, spec, request["seed"], _valid(rows[question], stored))
            part["tests"] = _gap_tests(question, rows[question], metrics, spec, request["seed"])
            for key in ("metrics", "baselines", "warnings", "tests"):
                entry[key] += part[key]
            entry["confusion"] = entry["confusion"] or part["confusion"]
    reasons: Counter[str] = sum((Counter(r.unparsed) for r in rows.values()), Counter())
    settings = [*_settings(spec, request["model"]), *_settings(None, judge)]
    settings += [{"name": f"{q} read by", "value": reads[q], "source": "run"} for q in spec.asks]
    return {
        "task": spec.name, "version": spec.version, "stage": spec.stage, "role": "generator",
        "data": {"name": request["prompt_sets"][spec.name][0], "digest": request["prompt_sets"][spec.name][1], "n": n},
        "judge": judge["name"], "wording": None, "read": reads[spec.primary.asks], "settings": settings,
        "n": n, "answered": answered, "unparsed": sum(reasons.values()), "failed": max(0, n - answered - missed),
        "outcomes": {k: v for k, v in outcomes.items() if v},
        "faces": _faces(faces), "drawing": _drawing_costs(samples, stored), **entry, "unparsed_reasons": dict(reasons),
        "warnings": [*run.get("notes", {}).get("generator", []), *family_warning(request["model"], judge), *_cut(samples, stored), *_oracle_warning(run, judge), *dict.fromkeys(entry["warnings"])],
    }  # fmt: skip


def _gap_tests(
    question: str, rows: Rows, metrics: Sequence[MetricSpec], spec: TaskSpec, seed: int
) -> list[dict[str, Any]]:
    made = [make(registry().find("metric", m.name), m.options) for m in metrics]
    gaps = [metric for metric in made if isinstance(metric, ValenceGap)]
    return [
        test for gap in gaps for test in gap_test(question, rows, gap, spec.cluster, Resampling(seed, DRAWS))
    ]


def _adjust(entries: Sequence[dict[str, Any]]) -> None:
    """Holm's correction over every test of the run: it may claim them all."""
    tests = [test for entry in entries for test in entry["tests"]]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test["p_adjusted"] = p


def _drawing_costs(samples: Sequence[StoredSample], stored: Stored) -> dict[str, float]:
    """Sums of what the generator says that drawing a task's portraits used."""
    usage: dict[str, float] = {}
    for sample in samples:
        told = (stored.draws.get(sample.id, {}).get("extra") or {}).get("usage")
        add_up(usage, told if isinstance(told, Mapping) else None)
    return {k: round(v, 6) for k, v in sorted(usage.items())}


def _cut(samples: Sequence[StoredSample], stored: Stored) -> list[str]:
    """Warns of prompts that a generator's text encoder did not read to the end."""
    cut = [s.id for s in samples if (stored.draws.get(s.id, {}).get("extra") or {}).get("prompt_tokens_cut")]
    if not cut:
        return []
    return [
        f"{len(cut)} of {len(samples)} prompts are longer than a text encoder reads and were cut there, such as that of {cut[0]}"
    ]


def _expected(sample: StoredSample, rows: Mapping[str, Rows], oracle: bool) -> int:
    """How many of a task's questions a drawn portrait is asked."""
    return sum(truth_of(r.answer, sample) is not None or (not oracle and rates_unlabelled(r.answer, sample))
               for r in rows.values())  # fmt: skip


def _valid(rows: Rows, stored: Stored) -> list[bool] | None:
    """Which rows are of portraits that were drawn and show one face; None where all or none are."""
    draws = [stored.draws.get(s.id, {}) for s in rows.samples]
    valid = [d.get("outcome") == "ok" and d.get("faces") == 1 for d in draws]
    return valid if any(valid) and not all(valid) else None


def _faces(counts: Mapping[int | None, int]) -> dict[str, int]:
    """How many portraits show no face, one, or several; empty where no detector looked."""
    known = {k: v for k, v in counts.items() if k is not None}
    several = sum(v for k, v in known.items() if k > 1)
    return {"none": known.get(0, 0), "one": known.get(1, 0), "several": several} if known else {}


def _score(
    rows: Rows, metrics: tuple[MetricSpec, ...], spec: TaskSpec, seed: int, valid: list[bool] | None = None
) -> dict[str, Any]:
    scores = rows.scores(spec.cluster)
    groups = rows.groups(spec.group.by)
    if valid is not None:
        groups.append(({"portraits": "valid"}, _mask(valid)))
    requests = [
        MetricRequest(m.name, make(registry().find("metric", m.name), m.options), m.primary) for m in metrics
    ]
    table = score_metrics(scores, requests, groups, seed=seed, draws=DRAWS)
    warnings = [*table.warnings, *_scale(rows), *_groups(rows, spec.group.by)]
    return {
        "metrics": table.metrics,
        "baselines": table.baselines,
        "confusion": table.confusion,
        "warnings": warnings,
    }


def _mask(values: list[bool]) -> Any:
    import numpy as np

    return np.array(values)


def _settings(spec: TaskSpec | None, contender: Mapping[str, Any]) -> list[dict[str, str]]:
    """The task's settings, and the contender's options and identity, which determine answers too."""
    settings = [s.model_dump() for s in spec.settings] if spec else []
    for source in ("options", "identity"):
        settings += [{"name": f"{contender['name']}.{k}", "value": v if isinstance(v, str) else _plain(v), "source": source}
                     for k, v in contender[source].items() if v is not None]  # fmt: skip
    return settings


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} -> {v}" for k, v in value.items())
    return str(value)


def _oracle_warning(run: Mapping[str, Any], judge: Mapping[str, Any]) -> list[str]:
    if judge["name"] not in run.get("oracles", []):
        return []
    return [
        f"{judge['name']} is shown the true answers (an oracle): a stand-in for trying things out, never ranked."
    ]
