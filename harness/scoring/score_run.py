"""Scores a run folder: reads every reply again and writes results.json. Needs no model and no picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.datasets.ratings import read_ratings
from harness.metrics.choice import ValenceGap
from harness.metrics.interval import Resampling
from harness.results import RunResult
from harness.scoring.family import family_warning
from harness.scoring.human import with_ceiling
from harness.scoring.panel import PANEL, RULE, agreement, panel_rows
from harness.scoring.ppi import calibrated
from harness.scoring.prompt_spread import add_spread
from harness.scoring.rows import Key, Rows, add_up, collect
from harness.scoring.score_rows import RESAMPLES, made, probable, score_rows
from harness.scoring.stored import StoredRun, StoredSample, read_stored
from harness.scoring.transfer import transfers
from harness.scoring.valence_gap import gap_test
from harness.stats.comparison import holm
from harness.store.files import write_json
from harness.store.runfolder import RESULTS, read_run
from harness.tasks.answers import rates_unlabelled, truth_of
from harness.tasks.pairing import no_pairs
from harness.tasks.spec import Answer, MetricSpec, TaskSpec


def score_folder(path: Path, *, complete: bool = True, group_by: Sequence[str] = ()) -> RunResult:
    """Recompute `results.json` from the run folder alone and write it.

    `group_by` names further columns by which figures are shown apart, or several joined by `*`.

    Raises `RunMismatch` where there is no run, and `UnknownName` for a metric that is no longer installed.
    """
    run = read_run(path)
    for table in run["request"]["tasks"].values():
        group = TaskSpec.model_validate(table).group.further(group_by)
        table["group"] = group.model_dump(mode="json")
    stored = read_stored(path)
    moved: list[dict[str, Any]] = []
    if run["request"]["role"] == "generator":
        entries = list(_generator_entries(run, stored))
    else:
        entries, moved = _judge_entries(run, stored)
    _adjust(entries)
    results = {
        "schema": 1,
        "run": _head(run, complete and not any(e["failed"] for e in entries)),
        "tasks": entries,
        "transfer": moved,
    }
    write_json(path / RESULTS, results)
    return RunResult(path, results)


def _head(run: Mapping[str, Any], complete: bool) -> dict[str, Any]:
    request = run["request"]
    return {"name": run["name"], "model": request["model"]["name"], "judges": [j["name"] for j in request.get("judges", [])],
            "created": run["created"], "versions": run["versions"], "complete": complete,
            "notes": list(run.get("left_out", []))}  # fmt: skip


def _answer(spec: TaskSpec) -> Answer:
    assert spec.answer is not None, "questions are judge tasks, which have an answer"
    return spec.answer


def _judge_entries(
    run: Mapping[str, Any], stored: StoredRun
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """An entry for each task, data set and wording; and how figures move between data sets."""
    request, judge = run["request"], run["request"]["model"]
    specs = {name: TaskSpec.model_validate(table) for name, table in request["tasks"].items()}
    asked: dict[Key, tuple[Answer, str]] = {
        (name, judge["name"], data, variant.name): (_answer(spec), run["reads"][judge["name"]][name])
        for name, spec in specs.items()
        for data in request["data"]
        for variant in spec.prompt_variants
    }
    rows = collect(stored, asked, probable(specs))
    entries = [
        _judge_entry(run, specs[name], data, variant, way, rows[name, by, data, variant])
        for (name, by, data, variant), (_, way) in asked.items()
    ]
    for entry in entries:
        with_ceiling(entry, run.get("people", {}).get(entry["data"]["name"], {}).get(entry["task"]))
    add_spread(entries)
    return entries, transfers(specs, rows, entries, request["seed"])


def _judge_entry(
    run: Mapping[str, Any], spec: TaskSpec, data: str, variant: str, way: str, rows: Rows
) -> dict[str, Any]:
    request, judge = run["request"], run["request"]["model"]
    n = run["plan"][f"{spec.name}@{data}"]
    table = score_rows(rows, spec.metrics, spec, request["seed"])
    warnings = [
        *_not_asked(spec, data, n // request["repeats"], run["plan"].get(f"@{data}", 0)),
        *run.get("notes", {}).get(data, []),
        *_oracle_warning(run, judge),
        *table["warnings"],
    ]
    return {
        "task": spec.name, "version": spec.version, "stage": spec.stage, "role": "judge",
        "data": {"name": data, "digest": request["data"][data], "n": n // request["repeats"]},
        "judge": None, "wording": variant if len(spec.prompt_variants) > 1 else None, "read": way,
        "settings": _settings(spec, judge, variant), "n": n, "answered": rows.answered,
        "unparsed": sum(rows.unparsed.values()), "failed": max(0, n - rows.answered),
        "outcomes": {"ok": rows.answered}, **table, "tests": [],
        "unparsed_reasons": rows.unparsed, **_costs([rows]), "warnings": warnings,
    }  # fmt: skip


def _costs(rows: Sequence[Rows]) -> dict[str, dict[str, float]]:
    """What the judge's answers used, and what may differ between two runs with the same answers."""
    usage: dict[str, float] = {}
    timings: dict[str, float] = {}
    for part in rows:
        add_up(usage, part.usage)
        add_up(timings, part.timings)
    return {
        "usage": {k: round(v, 6) for k, v in sorted(usage.items())},
        "timings": {k: round(v, 3) for k, v in sorted(timings.items())},
    }


def _not_asked(spec: TaskSpec, data: str, asked: int, samples: int) -> list[str]:
    """Says how many samples a task passes over: those left out, and those without a label among its options."""
    truth = _answer(spec).truth
    if spec.pairs is not None:
        return [] if asked else [no_pairs(spec, data)]
    if not asked:
        return [f"no sample of {data} has the label that the task asks for: {truth.field}"]
    if asked >= samples:
        return []
    left = f"{' and '.join(truth.leave_out)} left out, or " if truth.leave_out else ""
    return [
        f"{samples - asked} of {samples} samples of {data} are not asked: {left}no {truth.field} that the task knows"
    ]


def _generator_entries(run: Mapping[str, Any], stored: StoredRun) -> Iterator[dict[str, Any]]:
    request, generator = run["request"], run["request"]["model"]["name"]
    questions = {name: TaskSpec.model_validate(table) for name, table in request["questions"].items()}
    asked: dict[Key, tuple[Answer, str]] = {
        (name, judge["name"], generator, spec.prompt_variants[0].name): (
            _answer(spec),
            run["reads"][judge["name"]][name],
        )
        for name, spec in questions.items()
        for judge in request["judges"]
    }
    specs = {name: TaskSpec.model_validate(table) for name, table in request["tasks"].items()}
    rows = collect(stored, asked, probable(specs))
    for name, spec in specs.items():
        views = {}
        for judge in request["judges"]:
            said = {
                q: rows[q, judge["name"], generator, questions[q].prompt_variants[0].name] for q in spec.asks
            }
            mine = {q: _rows_of(name, found, stored) for q, found in said.items()}
            views[judge["name"]] = mine
            costs = _costs(list(said.values()))
            yield _generator_entry(run, spec, judge, mine, run["reads"][judge["name"]], stored) | costs
        views = {name: view for name, view in views.items() if name not in run["oracles"]}
        if len(views) > 1:
            yield _panel_entry(run, spec, views, stored)


def _rows_of(task: str, rows: Rows, stored: StoredRun) -> Rows:
    """The rows of portraits that a task asked for, and one for each that was not delivered."""
    mine = rows.select(i for i, s in enumerate(rows.samples) if task in s.tasks)
    for sample in stored.everything():
        if task in sample.tasks and _outcome(sample, stored) in ("blocked", "blank"):
            truth = truth_of(rows.answer, sample)
            if truth is not None:
                mine.add_missed(sample, truth)
    return mine.sorted()


def _outcome(sample: StoredSample, stored: StoredRun) -> str:
    draw = stored.resamples.get(sample.id)
    return draw["outcome"] if draw else "error"


def _panel_entry(
    run: Mapping[str, Any], spec: TaskSpec, views: Mapping[str, Mapping[str, Rows]], stored: StoredRun
) -> dict[str, Any]:
    """What the judges say together, and how far they agree."""
    judge = {"name": PANEL, "options": {"judges": ", ".join(views), "rule": RULE}, "identity": {}}
    together = {q: panel_rows([view[q] for view in views.values()]).sorted() for q in spec.asks}
    entry = _generator_entry(run, spec, judge, together, dict.fromkeys(spec.asks, PANEL), stored)
    how = Resampling(run["request"]["seed"], RESAMPLES)
    found = [
        agreement(q, {name: view[q] for name, view in views.items()}, together[q], spec.cluster, how)
        for q in spec.asks
    ]
    return entry | {"agreement": [figure for part in found for figure in part]}


def _generator_entry(
    run: Mapping[str, Any],
    spec: TaskSpec,
    judge: Mapping[str, Any],
    rows: Mapping[str, Rows],
    reads: Mapping[str, str],
    stored: StoredRun,
) -> dict[str, Any]:
    request = run["request"]
    n = run["plan"][f"{spec.name}@generator"]
    samples = [s for s in stored.everything() if spec.name in s.tasks]
    outcomes = Counter(_outcome(s, stored) for s in samples)
    outcomes["error"] += n - len(samples)
    faces = Counter(stored.resamples[s.id].get("faces") for s in samples if _outcome(s, stored) == "ok")
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
            part = score_rows(rows[question], metrics, spec, request["seed"], _valid(rows[question], stored))
            part["tests"] = _gap_tests(question, rows[question], metrics, spec, request["seed"])
            for key in ("metrics", "baselines", "warnings", "tests"):
                entry[key] += part[key]
            entry["confusion"] = entry["confusion"] or part["confusion"]
    people = read_ratings(stored.path)
    corrected = [value for q in spec.asks for value in calibrated(q, rows[q], spec.cluster, people)]
    reasons: Counter[str] = sum((Counter(r.unparsed) for r in rows.values()), Counter())
    settings = [*_settings(spec, request["model"]), *_settings(None, judge)]
    settings += [{"name": f"{q} read by", "value": reads[q], "source": "run"} for q in spec.asks]
    return {
        "task": spec.name, "version": spec.version, "stage": spec.stage, "role": "generator",
        "data": {"name": request["prompt_sets"][spec.name][0], "digest": request["prompt_sets"][spec.name][1], "n": n},
        "judge": judge["name"], "wording": None, "read": reads[spec.primary.asks], "settings": settings,
        "n": n, "answered": answered, "unparsed": sum(reasons.values()), "failed": max(0, n - answered - missed),
        "outcomes": {k: v for k, v in outcomes.items() if v},
        "faces": _faces(faces), "drawing": _drawing_costs(samples, stored), **entry, "calibrated": corrected, "unparsed_reasons": dict(reasons),
        "warnings": [*run.get("notes", {}).get("generator", []), *family_warning(request["model"], judge), *_cut(samples, stored), *_oracle_warning(run, judge), *dict.fromkeys(entry["warnings"])],
    }  # fmt: skip


def _gap_tests(
    question: str, rows: Rows, metrics: Sequence[MetricSpec], spec: TaskSpec, seed: int
) -> list[dict[str, Any]]:
    gaps = [metric for metric in map(made, metrics) if isinstance(metric, ValenceGap)]
    return [
        test
        for gap in gaps
        for test in gap_test(question, rows, gap, spec.cluster, Resampling(seed, RESAMPLES))
    ]


def _adjust(entries: Sequence[dict[str, Any]]) -> None:
    """Holm's correction over every test of the run: it may claim them all."""
    tests = [test for entry in entries for test in entry["tests"]]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test["p_adjusted"] = p


def _drawing_costs(samples: Sequence[StoredSample], stored: StoredRun) -> dict[str, float]:
    """Sums of what the generator says that drawing a task's portraits used."""
    usage: dict[str, float] = {}
    for sample in samples:
        told = (stored.resamples.get(sample.id, {}).get("extra") or {}).get("usage")
        add_up(usage, told if isinstance(told, Mapping) else None)
    return {k: round(v, 6) for k, v in sorted(usage.items())}


def _cut(samples: Sequence[StoredSample], stored: StoredRun) -> list[str]:
    """Warns of prompts that a generator's text encoder did not read to the end."""
    cut = [
        s.id for s in samples if (stored.resamples.get(s.id, {}).get("extra") or {}).get("prompt_tokens_cut")
    ]
    if not cut:
        return []
    return [
        f"{len(cut)} of {len(samples)} prompts are longer than a text encoder reads and were cut there, such as that of {cut[0]}"
    ]


def _expected(sample: StoredSample, rows: Mapping[str, Rows], oracle: bool) -> int:
    """How many of a task's questions a drawn portrait is asked."""
    return sum(
        truth_of(r.answer, sample) is not None or (not oracle and rates_unlabelled(r.answer, sample))
        for r in rows.values()
    )


def _valid(rows: Rows, stored: StoredRun) -> list[bool] | None:
    """Which rows are of portraits that were drawn and show one face; None where all or none are."""
    resamples = [stored.resamples.get(s.id, {}) for s in rows.samples]
    valid = [d.get("outcome") == "ok" and d.get("faces") == 1 for d in resamples]
    return valid if any(valid) and not all(valid) else None


def _faces(counts: Mapping[int | None, int]) -> dict[str, int]:
    """How many portraits show no face, one, or several; empty where no detector looked."""
    known = {k: v for k, v in counts.items() if k is not None}
    several = sum(v for k, v in known.items() if k > 1)
    return {"none": known.get(0, 0), "one": known.get(1, 0), "several": several} if known else {}


def _settings(
    spec: TaskSpec | None, participant: Mapping[str, Any], variant: str = ""
) -> list[dict[str, str]]:
    """The task's settings, and the contender's options and identity, which determine answers too."""
    settings = [s.model_dump() for s in spec.settings] if spec else []
    for setting in settings:
        if variant and setting["name"] == "wording":
            setting["value"] = variant
    for source in ("options", "identity"):
        settings += [
            {
                "name": f"{participant['name']}.{k}",
                "value": v if isinstance(v, str) else _plain(v),
                "source": source,
            }
            for k, v in participant[source].items()
            if v is not None
        ]
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
