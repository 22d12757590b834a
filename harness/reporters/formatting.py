"""How results are written, the same in every report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.escaping import plain
from harness.records import Interval
from harness.results import COUNT, HUMAN, MetricValue, Results, TaskResult

STAGES = ("coarse", "fine", "nuance")
_DASH = "\N{EN DASH}"
EMPTY = ("", _DASH)
"""What a cell without a value holds."""
_NAMES = ("on", "judge", "prompt variant")
"""Columns of the summary that say nothing where they are the same throughout."""
COLUMNS = {
    "prompt variants of": ("on", "metric", "lowest", "highest", "sd"),
    "difference of prompt variants": (
        "on",
        "metric",
        "difference",
        "95% interval",
        "p",
        "p (Holm)",
        "n",
        "clusters",
    ),
    "transfer": ("on", "metric", "value", "95% interval", "drop", "95% interval", "n"),
    "test": ("difference", "95% interval", "p", "p (Holm)", "n", "clusters"),
    "repeats": ("value", "95% interval", "n", "clusters"),
    "agreement of judges": ("judges", "value", "95% interval", "n"),
    "people": ("value", "95% interval", "n"),
    "calibrated on people": (
        "value",
        "95% interval",
        "people alone",
        "judge alone",
        "rated",
        "labels for width",
    ),
}
"""The columns next to the names of tasks, tests, agreement, and what people said."""


def number(value: float | None, *, count: bool = False) -> str:
    """A value with three decimals, or a count; a dash where it does not exist."""
    if value is None:
        return _DASH
    return f"{value:.0f}" if count else f"{value:.3f}"


def metric_number(metric: MetricValue) -> str:
    """The value of a metric."""
    return number(metric.value, count=metric.method == COUNT)


def interval(found: Interval) -> str:
    """The 95% interval of a value, or nothing."""
    if found.low is None or found.high is None:
        return ""
    return f"[{found.low:.3f}, {found.high:.3f}]"


def rows(metric: MetricValue) -> str:
    """How many rows entered, and in how many clusters where these are fewer: "624 in 24"."""
    fewer = metric.clusters is not None and 0 < metric.clusters < metric.n
    return f"{metric.n} in {metric.clusters}" if fewer else str(metric.n)


def overall(task: TaskResult) -> list[MetricValue]:
    """The metric values on all rows."""
    return [m for m in task.metrics if not m.group]


def grouped(task: TaskResult) -> Iterator[tuple[str, list[tuple[str, list[MetricValue]]]]]:
    """Columns with their values, and the metrics of each value."""
    columns: dict[str, dict[str, list[MetricValue]]] = {}
    for metric in task.metrics:
        if metric.group:
            column = " \N{MULTIPLICATION SIGN} ".join(metric.group)
            columns.setdefault(column, {}).setdefault(", ".join(metric.group.values()), []).append(metric)
    for column, values in columns.items():
        yield column, list(values.items())


def baselines(task: TaskResult, metric: str) -> str:
    """The baselines of a metric, on one line, those last that were fitted to the same rows."""
    kinds: dict[str | None, list[str]] = {}
    for b in task.baselines:
        if b.metric == metric:
            kinds.setdefault(b.fitted, []).append(f"{b.name} {number(b.value)}")
    return ", ".join(", ".join(shown) + (f" ({how})" if how else "") for how, shown in kinds.items())


def counts(task: TaskResult) -> str:
    """What became of a task's questions, on one line."""
    parts = [
        f"n {task.n}",
        f"answered {task.answered}",
        f"unparsed {task.unparsed}",
        *([f"prose {task.read_as.prose}"] if task.read_as and task.read_as.prose else []),
        f"failed {task.failed}",
    ]
    if task.role == "generator":
        parts.append("outcomes " + ", ".join(f"{plain(k)} {v}" for k, v in task.outcomes.items()))
        if task.faces:
            parts.append("faces " + ", ".join(f"{plain(k)} {v}" for k, v in task.faces.items()))
    return " \N{MIDDLE DOT} ".join(parts)


def title(task: TaskResult) -> str:
    """The task, what it was asked on, and the answer mode."""
    parts = [f"{task.task} v{task.version}", f"on {task.data.name} ({task.data.n})"]
    if task.judge:
        parts.append(f"judge {task.judge}")
    if task.prompt_variant:
        parts.append(f"prompt variant {task.prompt_variant}")
    parts.append(f"answer mode {task.answer_mode}")
    return " \N{MIDDLE DOT} ".join(parts)


def summary(results: Results) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and a row for each task, coarse to nuance: its primary metric, the best trivial baseline and people.

    Columns that say nothing are omitted. Empty where there are fewer than two tasks.
    """
    tasks = sorted(
        (task for task in results.tasks if task.primary is not None),
        key=lambda task: STAGES.index(task.stage) if task.stage in STAGES else len(STAGES),
    )
    if len(tasks) < 2:
        return (), []
    table = [_summary_row(task) for task in tasks]
    distinct = {name: {row[name] for row in table} for name in table[0]}
    columns = tuple(
        name
        for name, values in distinct.items()
        if not (values <= {_DASH, "0"} or (name in _NAMES and len(values) == 1))
    )
    return columns, [tuple(row[name] for name in columns) for row in table]


def _summary_row(task: TaskResult) -> dict[str, str]:
    main = task.primary
    assert main is not None, "only tasks with a primary metric are summed up"
    sign = -1 if main.direction == "lower" else 1
    trivial = {
        b.name: b.value
        for b in task.baselines
        if b.metric == main.name and b.value is not None and b.name != HUMAN
    }
    best = max(trivial, key=lambda name: sign * trivial[name], default=None)
    people = _people_in_summary(task, main.name)
    return {
        "stage": task.stage,
        "task": task.task,
        "on": task.data.name,
        "judge": task.judge or _DASH,
        "prompt variant": task.prompt_variant or _DASH,
        "metric": main.name,
        "value": metric_number(main),
        "95% interval": interval(main),
        "best baseline": f"{best} {number(trivial[best])}" if best else _DASH,
        "people": people,
        "n": rows(main),
        "unparsed": str(task.unparsed),
        "failed": str(task.failed),
    }


def _people_in_summary(task: TaskResult, metric: str) -> str:
    """What one person reaches, and the judge against the same people: not comparable with the value against labels.

    Results of earlier versions have a baseline instead.
    """
    ceiling = task.people.ceiling if task.people else None
    if ceiling is not None and ceiling.judge is not None and ceiling.value is not None:
        return f"{number(ceiling.value)} (judge {number(ceiling.judge.value)})"
    return number(next((b.value for b in task.baselines if b.metric == metric and b.name == HUMAN), None))


def across_tasks(results: Results) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The tables that span several tasks, by name, those without rows omitted."""
    tables = {
        "prompt variants of": prompt_variants(results),
        "difference of prompt variants": variant_differences(results),
        "transfer": transfer(results),
    }
    yield from ((name, rows) for name, rows in tables.items() if rows)


def prompt_variants(results: Results) -> list[tuple[str, ...]]:
    """A row for each task and data set that were asked in several prompt variants: the spread of the primary metric."""
    rows = {}
    for task in results.tasks:
        spread = task.prompt_spread
        if spread:
            ends = []
            for end in (spread.min, spread.max):
                at = [name for name, value in spread.values.items() if value is not None and value == end]
                ends.append(f"{number(end)} ({', '.join(at)})" if at else _DASH)
            rows[task.task, task.data.name] = (
                task.task,
                task.data.name,
                spread.metric,
                *ends,
                number(spread.sd),
            )
    return list(rows.values())


def variant_differences(results: Results) -> list[tuple[str, ...]]:
    """A row for each prompt variant but the first of a task: how far the primary metric differs from the first's."""
    rows = {}
    for task in results.tasks:
        spread = task.prompt_spread
        if spread is None:
            continue
        for test in spread.differences:
            name = f"{task.task}: {test.name}"
            rows[name, task.data.name] = (
                name,
                task.data.name,
                spread.metric,
                _DASH if test.value is None else f"{test.value:+.3f}",
                interval(test),
                probability(test.p),
                probability(test.p_adjusted),
                str(test.n),
                str(test.clusters),
            )
    return list(rows.values())


def transfer_notes(results: Results) -> list[str]:
    """What a reader of the transfer should know, with the task where several have it."""
    return [
        f"transfer of {moved.task}: {warning}" for moved in results.transfer for warning in moved.warnings
    ]


def transfer(results: Results) -> list[tuple[str, ...]]:
    """A row for each task on each of several data sets: the primary metric, and its drop from the first set."""
    rows: list[tuple[str, ...]] = []
    for moved in results.transfer:
        name = moved.task + (f" ({moved.prompt_variant})" if moved.prompt_variant else "")
        for part in moved.sets:
            drop, reach = "", ""
            if part.drop is not None:
                drop = _DASH if part.drop.value is None else f"{part.drop.value:+.3f}"
                reach = interval(part.drop)
            value = number(part.value)
            rows.append((name, part.data, moved.metric, value, interval(part), drop, reach, str(part.n)))
    return rows


def assumed(task: TaskResult) -> Sequence[str]:
    """The settings that no publication gives."""
    return [s.name for s in task.settings if s.source == "assumed"]


def within_task(task: TaskResult) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The tables below a task's metrics, by name, those without rows omitted."""
    tables = {
        "test": tests(task),
        "repeats": repeats(task),
        "agreement of judges": agreement(task),
        "people": people(task),
        "calibrated on people": calibrated(task),
    }
    yield from ((name, rows) for name, rows in tables.items() if rows)


def tests(task: TaskResult) -> list[tuple[str, ...]]:
    """A row for each test: name, difference, interval, p, p adjusted for all tests of the run, n, clusters.

    The test of a metric does not repeat its value and interval, which are among the metrics.
    """
    shown = {metric.name for metric in overall(task)}
    return [
        (
            test.name,
            "" if test.name in shown else _DASH if test.value is None else f"{test.value:+.3f}",
            "" if test.name in shown else interval(test),
            probability(test.p),
            probability(test.p_adjusted),
            str(test.n),
            str(test.clusters),
        )
        for test in task.tests
    ]


def repeats(task: TaskResult) -> list[tuple[str, ...]]:
    """A row for each measure of how far repeats of a question agree."""
    found = task.stability
    if found is None:
        return []
    rows = {
        f"agreement of {found.repeats} repeats": found.agreement,
        f"mean difference of {found.repeats} repeats": found.difference,
        "samples that flip": found.flips,
    }
    return [
        (name, number(value.value), interval(value), str(found.n), str(found.clusters))
        for name, value in rows.items()
        if value is not None
    ]


def probability(p: float) -> str:
    """A p value with three decimals; small ones as a bound."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def agreement(task: TaskResult) -> list[tuple[str, ...]]:
    """A row for each measure of agreement: question and name, judges, value, interval, n."""
    return [
        (f"{a.question}: {a.name}", ", ".join(a.judges), number(a.value), interval(a), str(a.n))
        for a in task.agreement
    ]


def people(task: TaskResult) -> list[tuple[str, ...]]:
    """Rows on what people said of the same portraits: one person and the judge against the others, agreement, reliability."""
    found = task.people
    if found is None:
        return []
    ceiling, icc = found.ceiling, found.icc_2k
    rows: list[tuple[str, ...]] = []
    if ceiling.metric:
        these = "" if ceiling.over_raters or not ceiling.samples else "these "
        fewer = f" in {ceiling.clusters}" if ceiling.clusters < ceiling.samples else ""
        over = f", {ceiling.samples} samples{fewer}" if ceiling.samples else ""
        n = f"{these}{ceiling.raters} raters{over}"
        rows.append((f"{ceiling.metric}, one left out", number(ceiling.value), interval(ceiling), n))
        if ceiling.judge is not None:
            name = f"{ceiling.metric}, judge against the same people"
            rows.append((name, number(ceiling.judge.value), interval(ceiling.judge), n))
        if ceiling.difference is not None:
            value = ceiling.difference.value
            shown = _DASH if value is None else f"{value:+.3f}"
            rows.append(("judge minus one person", shown, interval(ceiling.difference), n))
    if found.alpha is not None:
        name = f"Krippendorff's alpha, {found.alpha_level}"
        rows.append((name, number(found.alpha), "", f"{found.answers} answers"))
    if icc and icc.value is not None:
        rows.append(("ICC(2,k)", number(icc.value), interval(icc), f"{icc.samples} samples"))
    return rows


def calibrated(task: TaskResult) -> list[tuple[str, ...]]:
    """Rows of values corrected by people's ratings: value, interval, each side alone, labels for more precision."""
    return [
        (
            f"{c.question} {c.name}",
            number(c.value),
            interval(c),
            f"{number(c.people_alone.value)} {interval(c.people_alone)}".strip(),
            number(c.judge_alone),
            f"{c.labelled} of {c.labelled + c.unlabelled}",
            ", ".join(
                f"{need.width:g}: {'not enough portraits' if need.more is None else need.more}"
                for need in c.labels_needed
            ),
        )
        for c in task.calibrated
    ]
