"""Scores a run folder: parses every reply again and writes results.json. Needs no model and no image."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import unknown
from harness.results import Results, TaskResult, Transfer
from harness.scoring.attempts import version_notes
from harness.scoring.generator_tasks import score_generator_tasks
from harness.scoring.judge_tasks import score_judge_tasks
from harness.scoring.panel import PANEL
from harness.scoring.run_record import RunRecord
from harness.scoring.stored import StoredRun, read_stored
from harness.stats.comparison import holm
from harness.store.files import write_json
from harness.store.replies import GENERATOR, JUDGE
from harness.store.runfolder import RESULTS, read_run
from harness.tasks.answers import LABELS


def score_folder(
    path: Path, *, complete: bool = True, group_by: Sequence[str] = (), strict: bool = False
) -> Results:
    """Recompute `results.json` from the run folder alone, write it, and return the results: see `compute_results`."""
    results = compute_results(path, complete=complete, group_by=group_by, strict=strict)
    write_json(results_file(path, group_by, strict=strict), results.document())
    return results


def compute_results(
    path: Path, *, complete: bool = True, group_by: Sequence[str] = (), strict: bool = False
) -> Results:
    """The results of a run folder, from that alone.

    `group_by` names more columns whose values are reported apart, or several joined by `*`; `strict` counts answers that
    are understood from prose as unparsed. With either, results get a file of their own (`results_file`), and `results.json`
    stays as it is.

    Raises `RunMismatch` where there is no run, and `UnknownName` for a metric that is no longer installed or a column
    that no sample has.
    """
    run = RunRecord.parse(read_run(path), group_by, strict=strict)
    stored = read_stored(path, run.selected)
    _check_columns(group_by, stored)
    transfers: list[Transfer] = []
    if run.role == "generator":
        tasks = list(score_generator_tasks(run, stored))
        for sample in stored.everything():
            stored.served.add(GENERATOR, run.model.name, stored.images.get(sample.id, {}).get("served"))
    else:
        tasks, transfers = score_judge_tasks(run, stored)
    _correct_for_many_tests(tasks)
    mixtures = stored.served.mixtures()
    _warn_of_mixtures(tasks, mixtures)
    complete = complete and not mixtures and not any(task.failed for task in tasks)
    return Results(
        run=run.info(
            complete=complete,
            served=stored.served.listed(),
            notes=version_notes(path, run.attempts, run.plugins),
        ),
        tasks=tasks,
        transfer=transfers,
    )


def results_file(path: Path, group_by: Sequence[str] = (), *, strict: bool = False) -> Path:
    """Where results are stored: `results.json`, or a file named after the columns to group by, or after `strict`."""
    end = ".strict.json" if strict else ".json"
    if not group_by:
        return path / RESULTS if not strict else path / f"results{end}"
    named = re.sub(r"[^A-Za-z0-9._+-]+", "-", "+".join(group_by).replace("*", "-x-"))[:100]
    return path / f"results.by-{named}{end}"


def _check_columns(group_by: Sequence[str], stored: StoredRun) -> None:
    wanted = [name.strip() for columns in group_by for name in columns.split("*")]
    if wanted:
        known = {*LABELS, *(name for sample in stored.everything() for name in sample.attributes)}
        for name in wanted:
            if name not in known:
                raise unknown("column", name, known)


def _correct_for_many_tests(tasks: Sequence[TaskResult]) -> None:
    """Holm's correction over every test of the run, since a run may claim them all."""
    # The spread over prompt variants is repeated in the entry of each variant.
    spreads = {(t.task, t.data.name): t.prompt_spread for t in tasks if t.prompt_spread}
    tests = [test for task in tasks for test in task.tests]
    tests += [test for spread in spreads.values() for test in spread.differences]
    for test, p in zip(tests, holm([test.p for test in tests]), strict=True):
        test.p_adjusted = p


def _warn_of_mixtures(tasks: Sequence[TaskResult], mixtures: Mapping[tuple[str, str], str]) -> None:
    """Add to each task's warnings those of the participants whose replies it rests on.

    A task of a judge run rests on the model alone, one of a generator run on the generator and its judge, or all judges.
    """
    for task in tasks:
        found = [
            f"{name}: {text}" if len(mixtures) > 1 else text
            for (role, name), text in mixtures.items()
            if role != JUDGE or task.role == "judge" or task.judge == name or task.judge == PANEL
        ]
        task.warnings[:0] = found
