"""The sentences of `harness cite`: what was asked, of whom, how it was read and scored, and what came out.

References are marked by their keys between NULs (`mark`); no text of a model or of data can contain one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.exporting.source import ExportSource
from harness.results import BOUND, BaselineValue, MetricValue, TaskResult
from harness.scoring.panel import PANEL, RULE

MODES = {
    "logprobs": "from the log-probabilities of the options",
    "rating": "as numbers given by the model",
    "choice": "by guided decoding of one of the options",
    "text": "as free text, read by fixed rules that never guess",
    "reasoned": "by letting the model think and then guiding it to one of the options",
}
KINDS = (
    ("Korn-Graubard", "proportions have intervals by their effective sample size", "korn1998proportions"),
    ("cluster bootstrap", "the cluster bootstrap is used for {names}", "field2007clustered"),
    ("jackknife", "the cluster jackknife for {names}", "wolter2007variance"),
    ("debiased", "the expected calibration error is debiased, with an interval by test inversion", "guo2017calibration,kumar2019verified"),
)  # fmt: skip
"""What the method of an interval begins with or contains, what is said of it, what is cited."""
NAMED = {"kappa": "cohen1960kappa", "brier": "brier1950verification"}
NUL = "\x00"
OPEN, CLOSE = "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"


def mark(keys: str) -> str:
    """References, by their keys, comma-separated."""
    return f"{NUL}{keys}{NUL}"


def clean(text: object) -> str:
    """Text of a run without the character that marks references."""
    return str(text).replace(NUL, "")


def listed(items: Iterable[object], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    texts = [clean(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {last} {texts[-1]}" if texts else ""


def number(value: float | None) -> str:
    """Three decimals; whole numbers as they are."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value) and abs(value) >= 2 else f"{value:.3f}"


def methods_sentences(source: ExportSource) -> Iterator[str]:
    """What was measured and how."""
    yield _subject(source)
    yield from _tasks(source)
    yield from _answers(source)
    yield from _intervals(source)
    yield from _tests(source)
    yield from _people(source)
    yield _baselines(source)
    yield _reproduction(source)
    yield _assumed(source)
    yield from _reservations(source)


def results_sentences(source: ExportSource) -> Iterator[str]:
    """The primary metric of each entry."""
    for task in source.results.tasks:
        main = task.primary
        who = (
            ""
            if task.judge is None
            else " by the panel"
            if task.judge == PANEL
            else f" by {clean(task.judge)}"
        )
        where = clean("/".join(part for part in (task.task, task.prompt_variant) if part))
        several = len({t.data.name for t in source.results.tasks}) > 1 and task.role == "judge"
        on = f" on {clean(task.data.name)}" if several else ""
        if main is None or main.value is None:
            yield f"In {where}{on}{who}, the primary metric does not exist."
            continue
        yield f"In {where}{on}{who}, {_name(main.name)} was {_value(main)}{_against(task, main)}."


def _subject(source: ExportSource) -> str:
    run = source.results.run
    release = f" (release {clean(run.release)})" if run.release else ""
    version = clean(run.versions.get("memobench", "unknown"))
    how = f"with memobench {version}{mark('memobench')}, which follows the approach of MEMO-Bench{mark('zhou2024memobench')}"
    model = clean(run.model)
    if not source.generates:
        return f"We tested how well {model}{release} recognises emotion in portraits {how}."
    judges = f"the judge{'s' if len(run.judges) > 1 else ''} {listed(run.judges)}"
    return (
        f"We tested how well {model}{release} portrays emotion {how}; its portraits were rated by {judges}."
    )


def _tasks(source: ExportSource) -> Iterator[str]:
    """One sentence for each data set, or for each generator task: which tasks, with how many questions."""
    by_data: dict[str, list[TaskResult]] = {}
    for task in source.results.tasks:
        by_data.setdefault(task.data.name, []).append(task)
    for name, tasks in by_data.items():
        distinct = list({(t.task, t.prompt_variant): t for t in tasks}.values())
        digest = tasks[0].data.digest[:12]
        if source.generates:
            for task in distinct:
                about = _quoted(source.record.tasks[task.task].summary)
                wanted = (
                    f"{task.data.n} portraits were requested with the prompts {clean(name)} (digest {digest})"
                )
                yield f"For {clean(task.task)}{f' ({about})' if about else ''}, {wanted}{_outcomes(task)}."
            continue
        asked = listed(f"{_where(t)} ({_about(source, t)})" for t in distinct)
        yield (
            f"On the data set {clean(name)} (digest {digest}), it was asked {asked}; "
            "clusters are the people, prompts or matched sets that answers have in common."
        )


def _about(source: ExportSource, task: TaskResult) -> str:
    """What a task asks, how often, and in how many clusters."""
    main = task.primary
    parts = [_quoted(source.record.tasks[task.task].summary), f"{task.n} questions"]
    if main is not None and main.clusters is not None:
        parts.append(f"{main.clusters} clusters")
    return ", ".join(part for part in parts if part)


def _quoted(text: str) -> str:
    return f"{OPEN}{clean(text)}{CLOSE}" if text else ""


def _outcomes(task: TaskResult) -> str:
    lost = {name: n for name, n in task.outcomes.items() if name != "ok" and n}
    if not lost:
        return ""
    rest = listed(f"{n} {'failed' if name == 'error' else clean(name)}" for name, n in lost.items())
    return f", of which {task.outcomes.get('ok', 0)} were delivered and {rest}"


def _where(task: TaskResult) -> str:
    return f"{task.task} in the wording {task.prompt_variant}" if task.prompt_variant else task.task


def _answers(source: ExportSource) -> Iterator[str]:
    """How answers were obtained and read, and what becomes of unparsed ones."""
    entries = [t for t in source.results.tasks if t.judge != PANEL]
    modes: dict[str, list[str]] = {}
    for task in entries:
        for question, mode in _modes_of(source, task):
            if question not in modes.setdefault(mode, []):
                modes[mode].append(question)
    if len(modes) == 1:
        yield f"Answers were obtained {MODES.get(next(iter(modes)), clean(next(iter(modes))))}."
    elif modes:
        parts = [f"{MODES.get(mode, clean(mode))} for {listed(names)}" for mode, names in modes.items()]
        yield f"Answers were obtained {'; '.join(parts)}."
    if any("Q-Align" in s.source for t in entries for s in t.settings) and "logprobs" in modes:
        yield f"Ratings are the mean of the levels, weighted by their probabilities{mark('wu2023qbench,wu2023qalign')}."
    if len(entries) < len(source.results.tasks):
        yield f"The panel's answer is {RULE}."
    read = [t.read_as for t in entries if t.read_as]
    unparsed, prose = sum(r.unparsed for r in read), sum(r.prose for r in read)
    if prose:
        yield f"{prose} of the answers were understood from a sentence; the others were declared."
    yield from _unparsed(source, unparsed, sum(r.declared for r in read) + prose + unparsed)
    failed = sum(t.failed for t in entries)
    if failed:
        what = "cases a portrait or its rating" if source.generates else "cases the request"
        yield f"In {failed} {what} failed; they are left out."


def _modes_of(source: ExportSource, task: TaskResult) -> Iterator[tuple[str, str]]:
    """The questions of an entry with their answer modes."""
    if task.role == "judge":
        yield task.task, task.answer_mode
        return
    run = source.record
    for question in run.tasks[task.task].asks:
        mode = run.answer_modes.get(task.judge or "", {}).get(question)
        if mode:
            several = len({m.get(question) for m in run.answer_modes.values()}) > 1
            yield (f"{question} by {task.judge}" if several else question), mode


def _unparsed(source: ExportSource, unparsed: int, replies: int) -> Iterator[str]:
    if not unparsed:
        yield "All replies could be read." if replies else ""
        return
    kinds = {source.kind(question) for question in source.record.questions}
    rules = []
    if kinds & {"choice", "pair"}:
        rules.append("count as wrong in choices")
    if "rating" in kinds:
        rules.append("are left out of ratings")
    bounds = {m.name for t in source.results.tasks for m in t.metrics if m.name.endswith(BOUND)}
    worst = ""
    if bounds:
        worst = (
            f"; bounds beside the values count each as an unfavourable answer{mark('horowitz2000missing')}"
        )
    yield f"{unparsed} of {replies} replies could not be read; they {listed(rules)}{worst}."


def _intervals(source: ExportSource) -> Iterator[str]:
    """Which intervals were used for what; only those that were."""
    metrics = [m for t in source.results.tasks for m in t.metrics if m.low is not None and m.method]
    if not metrics:
        return
    said = []
    for contained, sentence, keys in KINDS:
        names = dict.fromkeys(
            _name(m.name.removesuffix(BOUND)) for m in metrics if contained in (m.method or "")
        )
        if names:
            said.append(sentence.format(names=listed(names)) + mark(keys))
    if said:
        yield f"Intervals are at the 95% level and allow for clusters: {'; '.join(said)}."
    also = [f"{_name(n)}{mark(key)}" for n, key in NAMED.items() if any(m.name == n for m in metrics)]
    if also:
        yield f"Also reported: {' and '.join(also)}."


def _tests(source: ExportSource) -> Iterator[str]:
    tasks = source.results.tasks
    spreads = {(t.task, t.data.name): t.prompt_spread for t in tasks if t.prompt_spread}
    tests = [test for t in tasks for test in t.tests]
    tests += [test for spread in spreads.values() for test in spread.differences]
    if not tests:
        return
    permuted = [test for test in tests if "permutation" in test.method]
    good = mark("good2005permutation") if permuted else ""
    if len(tests) == 1:
        kind = "permutation test" if permuted else clean(tests[0].method)
        yield f"There is one test ({clean(tests[0].name)}): a {kind}{good}."
        return
    kind = "permutation tests" if len(permuted) == len(tests) else "tests"
    holm = f"their p values are corrected together by Holm's method{mark('holm1979multiple')}"
    yield f"There are {len(tests)} {kind}{good}; {holm}."


def _people(source: ExportSource) -> Iterator[str]:
    tasks = source.results.tasks
    rated = [t.people for t in tasks if t.people]
    agreed = [a for t in tasks for a in t.agreement]
    if rated:
        raters = max(p.raters for p in rated)
        icc = mark("shrout1979intraclass") if any(p.icc_2k for p in rated) else ""
        reliability = f" and ICC(2,k){icc}" if icc else ""
        yield (
            f"Agreement of the {raters} people who rated the data is Krippendorff's alpha"
            f"{mark('krippendorff2004content')}{reliability}; one person is compared with the others as the model is."
        )
    if any("alpha" in a.name for a in agreed):
        yield f"Agreement of judges is Krippendorff's alpha{'' if rated else mark('krippendorff2004content')}."
    if any(t.calibrated for t in tasks):
        labelled = max(c.labelled for t in tasks for c in t.calibrated)
        keys = mark("angelopoulos2023ppi,angelopoulos2023ppipp")
        yield f"Values of judges are corrected by people's ratings of {labelled} portraits{keys}."


def _baselines(source: ExportSource) -> str:
    names = dict.fromkeys(b.name for t in source.results.tasks for b in t.baselines)
    return (
        f"Values are compared with trivial baselines on the same answers ({listed(names)})." if names else ""
    )


def _reproduction(source: ExportSource) -> str:
    run, record = source.results.run, source.record
    plugins = dict.fromkeys(p for p in (record.model.plugin, *(j.plugin for j in record.judges)) if p)
    engines = [p.removeprefix("memobench-plugin-") for p in plugins]
    wanted = dict.fromkeys(("python", "numpy", *plugins, *engines))
    versions = [f"{'Python' if n == 'python' else n} {run.versions[n]}" for n in wanted if n in run.versions]
    repeats = f", each question was asked {record.repeats} times" if record.repeats > 1 else ""
    served = [s for s in run.served if s.served]
    what = ""
    if served:
        parts = (f"{s.participant}: {', '.join(f'{k} {v}' for k, v in s.served.items())}" for s in served)
        what = f" The servers said that they served {listed(parts)}."
    return f"The seed was {record.seed}{repeats}; versions were {listed(versions)}.{what}"


def _assumed(source: ExportSource) -> str:
    """The settings that no publication gives, each once with the tasks that share it."""
    found: dict[tuple[str, str], list[str]] = {}
    for task in source.results.tasks:
        for setting in task.settings:
            if setting.source == "assumed":
                tasks = found.setdefault((setting.name, setting.value), [])
                if task.task not in tasks:
                    tasks.append(task.task)
    if not found:
        return ""
    everywhere = len({t.task for t in source.results.tasks})
    parts = [
        f"{clean(name)} {_quoted(value)}" + ("" if len(tasks) == everywhere else f" ({listed(tasks)})")
        for (name, value), tasks in found.items()
    ]
    return f"These settings are assumed, since no publication gives them: {', '.join(parts)}."


def _reservations(source: ExportSource) -> Iterator[str]:
    run, record = source.results.run, source.record
    oracles = [n for n in (run.model, *run.judges) if n in record.oracles]
    if oracles:
        verb = "is" if len(oracles) == 1 else "are"
        yield f"{listed(oracles)} {verb} shown the true answers: a stand-in whose values are no measurement of a model."
    trained = [
        f"{name} was trained on pictures of {listed(sets)}"
        for name, sets in _trained(record.trained_on).items()
    ]
    if trained:
        yield f"{listed(trained)}."
    if not run.complete:
        yield "The run is not complete."


def _trained(trained_on: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    return {name: sets for name, sets in trained_on.items() if sets}


def _value(metric: MetricValue) -> str:
    inner = []
    if metric.low is not None and metric.high is not None:
        inner.append(f"95% CI {number(metric.low)} to {number(metric.high)}")
    inner.append(f"n = {metric.n}")
    if metric.clusters is not None:
        inner.append(f"{metric.clusters} clusters")
    return f"{number(metric.value)} ({', '.join(inner)})"


def _against(task: TaskResult, main: MetricValue) -> str:
    """The best baseline on the primary metric, and one person where people rated the data."""
    mine = [b for b in task.baselines if b.metric == main.name and b.value is not None]
    if not mine:
        return ""
    best = (min if main.direction == "lower" else max)(mine, key=_of)
    return f", against {number(best.value)} of the best baseline ({clean(best.name)})"


def _of(baseline: BaselineValue) -> float:
    assert baseline.value is not None, "baselines without a value are left out"
    return baseline.value


def _name(metric: str) -> str:
    named = {"srcc": "SRCC", "plcc": "PLCC", "krcc": "KRCC", "mae": "MAE", "rmse": "RMSE", "ece": "ECE",
             "macro_f1": "macro-F1", "kappa": "Cohen's kappa", "brier": "the Brier score",
             "srcc_within_emotion": "SRCC within emotion", "plcc_fitted": "PLCC after the fit",
             "rmse_fitted": "RMSE after the fit"}  # fmt: skip
    base = metric.removesuffix(BOUND)
    name = named.get(base, clean(base).replace("_", " "))
    return name if base == metric else f"the bound of {name}"
