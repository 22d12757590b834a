"""Runs read for a comparison: their rows by what they have in common, not by which model answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from harness.comparing.records import ComparedRun
from harness.components.metric import ScoresColumn
from harness.errors import RequestError, RunMismatch
from harness.scoring.generator_tasks import rows_of_task
from harness.scoring.panel import PANEL, answers_together, panel_rows
from harness.scoring.rows import Key, Rows, collect
from harness.scoring.run_record import RunRecord, answer_of
from harness.scoring.score_rows import make_metric
from harness.scoring.stored import StoredRun, StoredSample, read_stored
from harness.store.replies import GENERATOR
from harness.store.runfolder import GENERATE_ONLY, intact, read_run
from harness.store.scored import scored_results
from harness.tasks.answers import truth_of
from harness.tasks.spec import Answer, MetricSpec, TaskSpec


class EntryKey(NamedTuple):
    """What a value is about, apart from the model under test. The parts that a run does not have are empty."""

    task: str
    data: str
    """Judge tasks: the data set. Generator tasks: the prompt set."""
    judge: str = ""
    variant: str = ""


Unit = tuple[str, int]
"""A sample and its repeat; or a prompt, and which of its portraits."""


@dataclass(frozen=True)
class Entry:
    """One task of a run, on one data set, with one judge and prompt variant."""

    key: EntryKey
    spec: TaskSpec
    metric: MetricSpec
    """The primary one."""
    question: str
    """The judge task whose answers the metric scores."""
    rows: Rows
    places: Mapping[Unit, int]
    """Where in `rows` each answered unit is."""
    asked: Mapping[Unit, StoredSample]
    """Judge tasks: every unit that was asked, failed ones included. Generator tasks: those that have rows."""
    failed: int
    planned: int


@dataclass(frozen=True)
class LoadedRun:
    """A run with its entries."""

    path: Path
    record: RunRecord
    complete: bool
    """Every question has an answer, and one release gave all of them."""
    entries: Mapping[EntryKey, Entry] = field(repr=False)
    mixed: bool = False
    """Its replies come from two releases, by what servers said they served."""

    def info(self) -> ComparedRun:
        """What a comparison shows of it."""
        return ComparedRun(
            name=self.record.name,
            path=str(self.path),
            model=self.record.model.name,
            release=self.record.release,
            created=self.record.created,
            complete=self.complete,
        )


def load_run(path: Path) -> LoadedRun:
    """Read the primary metrics' rows of a run or baseline. Raises `RunMismatch` where it is damaged, `RequestError`
    where it holds no answers."""
    document = read_run(path)
    if document["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{str(path)!r} holds portraits but no answers: there is nothing to compare.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
        )
    with intact(path):
        run = RunRecord.parse(document)
        stored = read_stored(path, run.selected)
        found = _generator_entries(run, stored) if run.role == "generator" else _judge_entries(run, stored)
        entries = {entry.key: entry for entry in found}
        if run.role == "generator":
            for sample in stored.everything():
                stored.served.add(GENERATOR, run.model.name, stored.images.get(sample.id, {}).get("served"))
        # Read from the replies: results are edited by hand more easily.
        mixed = bool(stored.served.mixtures())
    return LoadedRun(path, run, _complete(path, entries, mixed), entries, mixed)


def _complete(path: Path, entries: Mapping[EntryKey, Entry], mixed: bool) -> bool:
    """Whether every question has an answer, as the run itself recorded it where it was scored."""
    if mixed or any(entry.failed for entry in entries.values()):
        return False
    try:
        return scored_results(path).run.complete
    except (OSError, RunMismatch):
        return True


def _columns_used(specs: Mapping[str, TaskSpec]) -> dict[str, frozenset[ScoresColumn]]:
    """Question -> the optional columns that its primary metric uses."""
    used: dict[str, frozenset[ScoresColumn]] = {}
    for name, spec in specs.items():
        question = spec.primary.asks or name
        used[question] = used.get(question, frozenset()) | make_metric(spec.primary).uses
    return used


def _judge_entries(run: RunRecord, stored: StoredRun) -> Iterator[Entry]:
    model = run.model.name
    asked: dict[Key, tuple[Answer, str]] = {
        (name, model, data, variant.name): (answer_of(spec), run.answer_modes[model][name])
        for name, spec in run.tasks.items()
        for data in run.data
        for variant in spec.prompt_variants
    }
    rows = collect(stored, asked, _columns_used(run.tasks))
    for key, found in rows.items():
        name, _, data, variant = key
        spec = run.tasks[name]
        places = {
            (s.id, repeat): row
            for row, (s, repeat) in enumerate(zip(found.samples, found.repeats, strict=True))
        }
        units = {
            (s.id, repeat): s
            for s in stored.samples.get(data, {}).values()
            if bool(s.pair) == (spec.pairs is not None)
            and s.question == (name if spec.each is not None else "")
            and truth_of(found.answer, s) is not None
            for repeat in range(run.repeats)
        }
        n = run.counts[f"{name}@{data}"]
        several = len(spec.prompt_variants) > 1
        yield Entry(
            EntryKey(name, data, "", variant if several else ""),
            spec,
            spec.primary,
            name,
            found,
            places,
            units,
            max(0, n - found.answered),
            n,
        )


def _generator_entries(run: RunRecord, stored: StoredRun) -> Iterator[Entry]:
    generator = run.model.name
    variants = {name: spec.prompt_variants[0].name for name, spec in run.questions.items()}
    asked: dict[Key, tuple[Answer, str]] = {
        (name, judge.name, generator, variants[name]): (answer_of(spec), run.answer_modes[judge.name][name])
        for name, spec in run.questions.items()
        for judge in run.judges
    }
    rows = collect(stored, asked, _columns_used(run.tasks))
    for name, spec in run.tasks.items():
        question = spec.primary.asks
        for judge in run.judges:
            found = rows_of_task(name, rows[question, judge.name, generator, variants[question]], stored)
            places = _portraits(found)
            n = run.counts[f"{name}@generator"]
            yield Entry(
                EntryKey(name, run.prompt_sets[name][0], judge.name),
                spec,
                spec.primary,
                question,
                found,
                places,
                {unit: found.samples[row] for unit, row in places.items()},
                max(0, n - len(found.samples)),
                n,
            )


def _portraits(rows: Rows) -> dict[Unit, int]:
    """Where in the rows each portrait is: by its prompt, and which of its portraits it is."""
    counted: Counter[str] = Counter()
    places: dict[Unit, int] = {}
    for row, sample in enumerate(rows.samples):
        prompt = sample.attributes.get("prompt_id") or sample.attributes.get("source_id") or sample.id
        places[prompt, counted[prompt]] = row
        counted[prompt] += 1
    return places


def panel_entry(run: LoadedRun, task: str) -> Entry | None:
    """A generator task as its judges answer it together, oracles left out; None where they have no answer in common."""
    mine = [
        entry
        for key, entry in run.entries.items()
        if key.task == task and key.judge and key.judge not in run.record.oracles
    ]
    if len(mine) < 2 or not answers_together(mine[0].rows.answer, len(mine)):
        return None
    rows = panel_rows([entry.rows for entry in mine]).sorted()
    places = _portraits(rows)
    return replace(
        mine[0],
        key=mine[0].key._replace(judge=PANEL),
        rows=rows,
        places=places,
        asked={unit: rows.samples[row] for unit, row in places.items()},
        failed=max(0, mine[0].planned - len(rows.samples)),
    )
