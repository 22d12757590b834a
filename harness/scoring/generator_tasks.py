"""Scores a generator run: one result for each task and judge, and one for the panel of judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.datasets.ratings import Known, read_ratings
from harness.metrics.interval import Resampling
from harness.results import DataInfo, MetricValue, ReadAs, Setting, TaskResult
from harness.scoring.costs import totals
from harness.scoring.family import family_warning
from harness.scoring.panel import PANEL, RULE, agreement, answers_together, no_majority, panel_rows
from harness.scoring.ppi import calibrated
from harness.scoring.reading_notes import Read, cut_off_notes, prose_notes
from harness.scoring.rows import Key, Rows, collect
from harness.scoring.run_record import ParticipantRecord, RunRecord, answer_of
from harness.scoring.score_rows import RESAMPLES, RowScores, columns_used, score_rows
from harness.scoring.settings import participant_settings, prose_setting, task_settings
from harness.scoring.stored import StoredRun, StoredSample
from harness.tasks.answers import rates_unlabelled, truth_of
from harness.tasks.spec import Answer, TaskSpec


def score_generator_tasks(run: RunRecord, stored: StoredRun) -> Iterator[TaskResult]:
    """The results of each task by each judge, and by their panel where there are several."""
    generator = run.model.name
    variants = {name: spec.prompt_variants[0].name for name, spec in run.questions.items()}
    asked: dict[Key, tuple[Answer, str]] = {
        (name, judge.name, generator, variants[name]): (answer_of(spec), run.answer_modes[judge.name][name])
        for name, spec in run.questions.items()
        for judge in run.judges
    }
    rows = collect(stored, asked, columns_used(run.tasks), run.max_tokens)
    for name, spec in run.tasks.items():
        views: dict[str, dict[str, Rows]] = {}
        for judge in run.judges:
            answers = {q: rows[q, judge.name, generator, variants[q]] for q in spec.asks}
            views[judge.name] = {q: rows_of_task(name, found, stored) for q, found in answers.items()}
            result = _score(run, spec, judge, views[judge.name], run.answer_modes[judge.name], stored)
            result.usage = totals([found.usage for found in answers.values()], 6)
            result.timings = totals([found.timings for found in answers.values()], 3)
            yield result
        views = {judge: view for judge, view in views.items() if judge not in run.oracles}
        if len(views) > 1:
            yield _score_panel(run, spec, views, stored)


def rows_of_task(task: str, rows: Rows, stored: StoredRun) -> Rows:
    """The rows of the portraits that a task asked for, and one for each portrait that was not delivered."""
    mine = rows.select(i for i, s in enumerate(rows.samples) if task in s.tasks)
    for sample in stored.everything():
        if task in sample.tasks and stored.outcome(sample) in ("blocked", "blank"):
            truth = truth_of(rows.answer, sample)
            if truth is not None:
                mine.add_missed(sample, truth)
    return mine.sorted()


def _score_panel(
    run: RunRecord, spec: TaskSpec, views: Mapping[str, Mapping[str, Rows]], stored: StoredRun
) -> TaskResult:
    """What the judges say together, and how far they agree."""
    panel = ParticipantRecord(PANEL, {"judges": ", ".join(views), "rule": RULE}, {})
    together = {q: panel_rows([view[q] for view in views.values()]).sorted() for q in spec.asks}
    scored = [q for q in spec.asks if answers_together(together[q].answer, len(views))]
    result = _score(run, spec, panel, together, dict.fromkeys(spec.asks, PANEL), stored, scored)
    result.warnings = [*no_majority([q for q in spec.asks if q not in scored]), *result.warnings]
    how = Resampling(run.seed, RESAMPLES)
    for q in spec.asks:
        by_judge = {judge: view[q] for judge, view in views.items()}
        result.agreement += agreement(q, by_judge, together[q], spec.cluster, how)
    return result


def _score(
    run: RunRecord,
    spec: TaskSpec,
    judge: ParticipantRecord,
    rows: Mapping[str, Rows],
    answer_modes: Mapping[str, str],
    stored: StoredRun,
    scored: Sequence[str] | None = None,
) -> TaskResult:
    """The result of one judge. `scored` names the questions whose answers are scored; by default all."""
    n = run.counts[f"{spec.name}@generator"]
    questions = spec.asks if scored is None else scored
    samples = [s for s in stored.everything() if spec.name in s.tasks]
    outcomes = Counter(map(stored.outcome, samples))
    outcomes["error"] += n - len(samples)
    answered = _answered(samples, rows, stored, oracle=judge.name in run.oracles)
    found = RowScores()
    for question in questions:
        metrics = tuple(m for m in spec.metrics if m.asks == question)
        if metrics:
            part = score_rows(rows[question], metrics, spec, run.seed, _valid(rows[question], stored))
            if found.metrics:
                # The notes of a further question are on its own rows.
                part.warnings = [f"{question}: {w}" for w in part.warnings if w not in found.warnings]
            found.add(part)
    people = read_ratings(stored.path, _rated(stored))
    reasons: Counter[str] = sum((Counter(rows[q].unparsed) for q in questions), Counter())
    return TaskResult(
        task=spec.name,
        version=spec.version,
        stage=spec.stage,
        domain=spec.domain,
        role="generator",
        data=_prompts(run, spec, n),
        judge=judge.name,
        answer_mode=answer_modes[spec.primary.asks],
        settings=[
            *task_settings(spec),
            *participant_settings(run.model),
            *participant_settings(judge),
            *(setting for q in spec.asks for setting in _question_settings(q, rows[q], answer_modes[q])),
        ],
        n=n,
        answered=answered,
        unparsed=sum(reasons.values()),
        failed=max(0, n - answered - outcomes["blocked"] - outcomes["blank"]),
        outcomes={outcome: count for outcome, count in outcomes.items() if count},
        faces=_faces(samples, stored),
        generation_usage=totals((_extra(s, stored).get("usage") for s in samples), 6),
        metrics=found.metrics,
        baselines=found.baselines,
        confusion=found.confusion,
        extensions=found.extensions,
        tests=found.tests,
        calibrated=[value for q in questions for value in calibrated(q, rows[q], spec.cluster, people)],
        read_as=_read_as([rows[q] for q in questions]),
        unparsed_reasons=dict(reasons),
        warnings=[
            *run.notes.get("generator", ()),
            *family_warning(run.model, judge),
            *_cut_prompts(samples, stored),
            *run.oracle_warning(judge.name),
            *run.training_warning(
                [j.name for j in run.judges] if judge.name == PANEL else [judge.name],
                {run.model.name, *(s.attributes.get("generator") for s in samples)},
            ),
            *_reading_notes(spec, judge, rows, answer_modes, reasons, found.metrics),
            *dict.fromkeys(found.warnings),
        ],
    )


def _prompts(run: RunRecord, spec: TaskSpec, n: int) -> DataInfo:
    name, digest = run.prompt_sets[spec.name]
    return DataInfo(name=name, digest=digest, n=n)


def _question_settings(question: str, rows: Rows, mode: str) -> list[Setting]:
    """How the answers to one question were obtained."""
    return [
        Setting(name=f"{question} answer mode", value=mode, source="run"),
        *prose_setting(rows.answer, f"{question} "),
    ]


def _read_as(rows: Sequence[Rows]) -> ReadAs:
    """How the answers to all questions were read."""
    found = [r.read_as for r in rows]
    return ReadAs(
        declared=sum(r.declared for r in found),
        prose=sum(r.prose for r in found),
        unparsed=sum(r.unparsed for r in found),
    )


def _reading_notes(
    spec: TaskSpec,
    judge: ParticipantRecord,
    rows: Mapping[str, Rows],
    answer_modes: Mapping[str, str],
    reasons: Mapping[str, int],
    values: Sequence[MetricValue],
) -> list[str]:
    """How the replies of a judge were read, question by question. A panel's are those of its judges."""
    if judge.name == PANEL:
        return []
    notes = []
    for question in spec.asks:
        metrics = sorted((m for m in spec.metrics if m.asks == question), key=lambda m: not m.primary)
        for metric in metrics[:1]:
            value = next((v for v in values if v.primary), None) if metric.primary else None
            read = Read(rows[question], answer_modes[question], spec.cluster)
            found = prose_notes(read, metric, value)
            notes += [note if len(spec.asks) == 1 else f"{question}: {note}" for note in found]
    return notes + cut_off_notes(reasons, judge, under_test=False)


def _rated(stored: StoredRun) -> Known:
    """The names under which people may have rated the portraits; copied ones have the id they had in their folder."""
    ids: dict[str, str] = {}
    images: dict[str, str] = {}
    for sample in stored.everything():
        name = sample.attributes.get("source_id", sample.id)
        ids |= {sample.id: sample.id, name: name}
        images[sample.attributes.get("file", "")] = name
    return Known(ids, images)


def _answered(
    samples: Sequence[StoredSample], rows: Mapping[str, Rows], stored: StoredRun, *, oracle: bool
) -> int:
    """How many portraits have an answer to every question that they are asked."""
    given = Counter(
        sample.id
        for found in rows.values()
        for sample, reason in zip(found.samples, found.reasons, strict=True)
        if reason is not None
    )

    def expected(sample: StoredSample) -> int:
        return sum(
            truth_of(found.answer, sample) is not None
            or (not oracle and rates_unlabelled(found.answer, sample))
            for found in rows.values()
        )

    return sum(stored.outcome(s) == "ok" and given[s.id] == expected(s) for s in samples)


def _extra(sample: StoredSample, stored: StoredRun) -> Mapping[str, Any]:
    """What the generator noted about a portrait."""
    extra = stored.images.get(sample.id, {}).get("extra")
    return extra if isinstance(extra, Mapping) else {}


def _cut_prompts(samples: Sequence[StoredSample], stored: StoredRun) -> list[str]:
    """Warns of prompts that a generator's text encoder truncated."""
    cut = [s.id for s in samples if _extra(s, stored).get("prompt_tokens_cut")]
    if not cut:
        return []
    return [
        f"{len(cut)} of {len(samples)} prompts are longer than a text encoder accepts and were truncated, "
        f"such as that of {cut[0]}"
    ]


def _valid(rows: Rows, stored: StoredRun) -> list[bool] | None:
    """Which rows are of portraits that were generated and show one face; None where all or none are."""
    replies = [stored.images.get(s.id, {}) for s in rows.samples]
    valid = [reply.get("outcome") == "ok" and reply.get("faces") == 1 for reply in replies]
    return valid if any(valid) and not all(valid) else None


def _faces(samples: Sequence[StoredSample], stored: StoredRun) -> dict[str, int]:
    """How many portraits show no face, one, or several; empty where no detector looked."""
    found = (stored.images[s.id].get("faces") for s in samples if stored.outcome(s) == "ok")
    counts = Counter(faces for faces in found if faces is not None)
    several = sum(count for faces, count in counts.items() if faces > 1)
    return {"none": counts[0], "one": counts[1], "several": several} if counts else {}
