"""Which differences between runs make a comparison meaningless: each is named, and refused unless asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from harness.comparing.loaded import Entry, LoadedRun
from harness.errors import RequestError
from harness.scoring.run_record import ParticipantRecord
from harness.scoring.settings import domain_note
from harness.tasks.spec import TaskSpec

_DESCRIPTIVE = {
    "summary",
    "data",
    "metrics",
    "group",
    "settings",
    "version",
    "prompts",
    "detector",
    "cluster",
    "per_prompt",
}
"""Fields of a task that do not change what is asked, or that are named on their own."""


def check_comparable(runs: Sequence[LoadedRun], *, anyway: bool) -> list[str]:
    """Raise `RequestError` that names what differs; with `anyway`, return these differences as warnings."""
    first, *others = runs
    found = []
    for other in others:
        differences = list(dict.fromkeys(_differences(first, other)))
        if differences:
            found.append((other, differences))
    if not found:
        return []
    if anyway:
        return [
            f"compared although {other.record.name} differs from {first.record.name}: {'; '.join(differences)}"
            for other, differences in found
        ]
    other, differences = found[0]
    raise RequestError(
        f"{first.record.name} and {other.record.name} are not comparable: {'; '.join(differences)}.",
        "Run both on the same request. `harness compare --anyway` and `harness gate --anyway` compare them nevertheless.",
    )


def domain_notes(runs: Sequence[LoadedRun]) -> list[str]:
    """Says where a task asks about another domain than the labels that it is measured against."""
    found = [
        note
        for run in runs
        if run.record.role == "judge"
        for entry in run.entries.values()
        for note in domain_note(
            entry.spec.name, entry.spec.domain, entry.key.data, run.record.domain_of(entry.key.data)
        )
    ]
    return list(dict.fromkeys(found))


def check_roles(runs: Sequence[LoadedRun]) -> None:
    """Raise `RequestError` where some runs test judges and others generators."""
    roles = {run.record.role for run in runs}
    if len(roles) > 1:
        named = ", ".join(f"{run.record.name} tests a {run.record.role}" for run in runs)
        raise RequestError(f"These runs have nothing in common: {named}.", "Compare runs of one kind.")


def _differences(one: LoadedRun, two: LoadedRun) -> Iterator[str]:
    a, b = one.record, two.record
    if a.seed != b.seed:
        yield f"the seed is {a.seed} and {b.seed}"
    for key, mine in one.entries.items():
        theirs = two.entries.get(key)
        if theirs is not None:
            yield from _of_entry(one, two, mine, theirs)
    for judge in b.judges:
        same = next((j for j in a.judges if j.name == judge.name), None)
        if same is not None:
            yield from _of_judge(same, judge)


def _of_entry(one: LoadedRun, two: LoadedRun, mine: Entry, theirs: Entry) -> Iterator[str]:
    a, b, task = one.record, two.record, mine.spec.name
    if mine.spec.version != theirs.spec.version:
        yield f"the version of {task} is {mine.spec.version} and {theirs.spec.version}"
    else:
        names = _changed(mine.spec, theirs.spec)
        if names:
            yield f"{task} has one version and two definitions: {', '.join(names)}"
    if mine.spec.domain != theirs.spec.domain:
        yield f"{task} asks about {mine.spec.domain} and {theirs.spec.domain} emotion"
    if mine.metric != theirs.metric:
        yield f"the primary metric of {task} is {_metric(mine)} and {_metric(theirs)}"
    if mine.spec.cluster != theirs.spec.cluster:
        yield f"the clusters of {task} are by {mine.spec.cluster or 'default'} and {theirs.spec.cluster or 'default'}"
    if a.role == "judge":
        name = mine.key.data
        if a.domain_of(name) != b.domain_of(name):
            yield f"the labels of {name} are about {a.domain_of(name)} and {b.domain_of(name)} emotion"
        if a.data[name] != b.data[name]:
            yield f"the data set {name} has other contents ({a.data[name][:12]} and {b.data[name][:12]})"
    elif a.prompt_sets[task][1] != b.prompt_sets[task][1]:
        yield f"the prompts of {task} have other contents"
    modes = [
        run.answer_modes[entry.key.judge or run.model.name][entry.question]
        for run, entry in ((a, mine), (b, theirs))
    ]
    if modes[0] != modes[1]:
        yield f"the answer mode of {task} is {modes[0]} and {modes[1]}"
    texts = [
        prompt_texts(run.questions[entry.question], entry.key.variant)
        for run, entry in ((a, mine), (b, theirs))
    ]
    if texts[0] != texts[1]:
        yield f"the prompt variant of {entry_name(mine)} is worded differently"


def _of_judge(a: ParticipantRecord, b: ParticipantRecord) -> Iterator[str]:
    for what, mine, theirs in (
        ("option", a.options, b.options),
        ("identity", a.identity, b.identity),
    ):
        for name in sorted({*mine, *theirs}):
            if mine.get(name) != theirs.get(name):
                yield f"the {what} {name} of the judge {a.name} is {_short(mine.get(name))} and {_short(theirs.get(name))}"


def definition(spec: TaskSpec) -> dict[str, Any]:
    """The fields of a task that change what is asked and are not named on their own."""
    return spec.model_dump(mode="json", exclude=_DESCRIPTIVE)


def _changed(a: TaskSpec, b: TaskSpec) -> list[str]:
    mine, theirs = definition(a), definition(b)
    # The domain is named on its own.
    names = [name for name in {**mine, **theirs} if name != "domain"]
    return [name for name in names if mine.get(name) != theirs.get(name)]


def prompt_texts(spec: TaskSpec, variant: str) -> Any:
    """The texts of a prompt variant; of the first one where none is named."""
    found = next((v for v in spec.prompt_variants if v.name == variant), spec.prompt_variants[0])
    return found.system, found.text


def _metric(entry: Entry) -> str:
    options = json.dumps(dict(entry.metric.options)) if entry.metric.options else ""
    return f"{entry.metric.name} {options}".strip()


def entry_name(entry: Entry) -> str:
    """How messages name an entry: the task, what it was asked on, the judge, the prompt variant."""
    key = entry.key
    parts = [key.task, f"on {key.data}"]
    parts += [f"by {key.judge}"] if key.judge else []
    parts += [f"in the prompt variant {key.variant}"] if key.variant else []
    return " ".join(parts)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
