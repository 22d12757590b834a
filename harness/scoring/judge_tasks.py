"""Scores a judge run: one result for each task, data set and prompt variant, and transfer between data sets."""

from __future__ import annotations

from harness.results import DataInfo, TaskResult, Transfer
from harness.scoring.costs import totals
from harness.scoring.human import add_people
from harness.scoring.prompt_spread import add_prompt_spread
from harness.scoring.reading_notes import Read, cut_off_notes, prose_notes
from harness.scoring.rows import Key, Rows, collect
from harness.scoring.run_record import RunRecord, answer_of
from harness.scoring.score_rows import columns_used, score_rows
from harness.scoring.settings import domain_note, participant_settings, task_settings
from harness.scoring.stability import stability
from harness.scoring.stored import StoredRun
from harness.scoring.stored_ratings import stored_ratings
from harness.scoring.transfer import transfers
from harness.scoring.vocabulary_notes import vocabulary_notes
from harness.tasks.pairing import no_pairs
from harness.tasks.spec import Answer, TaskSpec


def score_judge_tasks(run: RunRecord, stored: StoredRun) -> tuple[list[TaskResult], list[Transfer]]:
    """The results of each task, data set and prompt variant; and how values move between data sets."""
    asked: dict[Key, tuple[Answer, str]] = {
        (name, run.model.name, data, variant.name): (
            answer_of(spec),
            run.answer_modes[run.model.name][name],
        )
        for name, spec in run.tasks.items()
        for data in run.data
        for variant in spec.prompt_variants
    }
    rows = collect(stored, asked, columns_used(run.tasks), run.max_tokens)
    ratings = stored_ratings(stored.path)
    results = []
    for (name, by, data, variant), (_, mode) in asked.items():
        answers = rows[name, by, data, variant]
        result = _score(run, run.tasks[name], data, variant, mode, answers)
        earlier = run.people.get(data, {}).get(name)
        add_people(result, run.tasks[name], answers, ratings.get(data, {}), earlier)
        results.append(result)
    add_prompt_spread(results, run.tasks, rows, run.seed)
    return results, transfers(run.tasks, rows, results, run.seed)


def _score(run: RunRecord, spec: TaskSpec, data: str, variant: str, mode: str, rows: Rows) -> TaskResult:
    n = run.counts[f"{spec.name}@{data}"]
    found = score_rows(rows, spec.metrics, spec, run.seed)
    asked = n // run.repeats
    main = next((m for m in found.metrics if m.primary), None)
    return TaskResult(
        task=spec.name,
        version=spec.version,
        stage=spec.stage,
        role="judge",
        domain=spec.domain,
        data=DataInfo(name=data, digest=run.data[data], n=asked, domain=run.domain_of(data)),
        prompt_variant=variant if len(spec.prompt_variants) > 1 else None,
        answer_mode=mode,
        settings=[*task_settings(spec, variant), *participant_settings(run.model)],
        n=n,
        answered=rows.answered,
        unparsed=sum(rows.unparsed.values()),
        failed=max(0, n - rows.answered),
        outcomes={"ok": rows.answered},
        metrics=found.metrics,
        baselines=found.baselines,
        confusion=found.confusion,
        extensions=found.extensions,
        tests=found.tests,
        stability=stability(rows, spec.cluster) if run.repeats > 1 else None,
        read_as=rows.read_as,
        unparsed_reasons=rows.unparsed,
        usage=totals([rows.usage], 6),
        timings=totals([rows.timings], 3),
        warnings=[
            *_not_asked(spec, data, asked, run.counts.get(f"@{data}", 0)),
            *domain_note(spec.name, spec.domain, data, run.domain_of(data)),
            *run.notes.get(data, ()),
            *vocabulary_notes(rows),
            *run.oracle_warning(run.model.name),
            *run.training_warning(
                [run.model.name], {data, *(s.attributes.get("generator") for s in rows.samples)}
            ),
            *prose_notes(Read(rows, mode, spec.cluster), spec.primary, main),
            *cut_off_notes(rows.unparsed, run.model, under_test=True),
            *found.warnings,
        ],
    )


def _not_asked(spec: TaskSpec, data: str, asked: int, samples: int) -> list[str]:
    """Says how many samples a task skips: those it omits, and those without a label among its options."""
    truth = answer_of(spec).truth
    if spec.pairs is not None:
        return [] if asked else [no_pairs(spec, data)]
    if spec.each is not None:
        return (
            [] if asked else [f"no sample of {data} has a column that the task asks for: {spec.each.column}"]
        )
    if not asked:
        return [f"no sample of {data} has the label that the task asks for: {truth.field}"]
    if asked >= samples:
        return []
    omitted = f"{' and '.join(truth.leave_out)} omitted, or " if truth.leave_out else ""
    return [
        f"{samples - asked} of {samples} samples of {data} are not asked: "
        f"{omitted}no {truth.field} that the task knows"
    ]
