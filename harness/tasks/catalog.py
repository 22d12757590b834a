"""Finds tasks, suites and prompt sets: by name among those installed, or by path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import BadTask, RequestError, UnknownName, unknown
from harness.registry.registry import registry
from harness.tasks.promptsets import PromptSet, read_prompts
from harness.tasks.spec import SuiteSpec, TaskSpec, load_spec


@dataclass(frozen=True)
class FoundTask:
    """A task with the file that declares it."""

    spec: TaskSpec
    path: Path
    suite: str = ""
    """The suite that lists it; empty where it was named itself."""


def files() -> dict[str, list[Path]]:
    """Task and suite files by name (the file's stem), of the built-ins and of every plugin."""
    found: dict[str, list[Path]] = {}
    for folder in registry().task_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, []).append(path)
    return found


def load(reference: str) -> tuple[TaskSpec | SuiteSpec, Path]:
    """The task or suite of a name or of a path to a TOML file.

    Raises `UnknownName` with the nearest name, or `BadTask` where the file cannot be used.
    """
    if reference.endswith(".toml") or "/" in reference:
        path = Path(reference)
        return load_spec(path), path
    known = files()
    if reference not in known:
        raise unknown("task", reference, known, "A path to a .toml file works too.")
    if len(known[reference]) > 1:
        raise RequestError(
            f"The task {reference!r} is defined by several files: {', '.join(map(str, known[reference]))}.",
            "Give the path of the one you mean.",
        )
    spec = load_spec(known[reference][0])
    if spec.name != reference:
        raise BadTask(f"{known[reference][0]}: its name is {spec.name!r}.", "Name the file after the task.")
    return spec, known[reference][0]


def find_tasks(references: Sequence[str], within: tuple[Path, ...] = ()) -> list[FoundTask]:
    """The tasks that names, paths and suites stand for, each once, in order.

    What a suite file lists is looked for beside it first. `within` are the suites that are being resolved.
    """
    found: dict[str, FoundTask] = {}
    for reference in references:
        spec, path = _listed(reference, within[-1]) if within else load(reference)
        if isinstance(spec, SuiteSpec):
            if path.resolve() in within:
                raise BadTask(
                    f"{path}: the suite contains itself.", "Let suites list tasks, or other suites."
                )
            for task in find_tasks(spec.tasks, (*within, path.resolve())):
                found.setdefault(task.spec.name, replace(task, suite=spec.name))
        elif spec.name in found and found[spec.name].path != path:
            raise RequestError(f"Two tasks are named {spec.name!r}.", f"Rename one: {path}.")
        else:
            found[spec.name] = FoundTask(spec, path)
    return list(found.values())


def _listed(reference: str, suite: Path) -> tuple[TaskSpec | SuiteSpec, Path]:
    """What a suite file lists: a file beside it, or what is installed."""
    beside = suite.parent / (reference if reference.endswith(".toml") else f"{reference}.toml")
    try:
        return load(str(beside) if beside.is_file() else reference)
    except UnknownName as e:
        raise UnknownName(f"{suite}: tasks: {e.message}", e.hint) from e


def find_question(reference: str, asked_by: FoundTask) -> TaskSpec:
    """A judge task that a generator task asks: beside its file, or among those installed."""
    beside = asked_by.path.parent / f"{reference}.toml"
    spec = load_spec(beside) if beside.is_file() else load(reference)[0]
    if not isinstance(spec, TaskSpec) or spec.role != "judge":
        raise BadTask(
            f"{asked_by.path}: asks: {reference!r} is not a judge task.", "Name a task whose role is judge."
        )
    return spec


def prompt_sets() -> dict[str, Path]:
    """Prompt files by name, of the built-ins and of every plugin; the first owner of a name keeps it."""
    found: dict[str, Path] = {}
    for folder in registry().task_folders():
        for path in sorted((folder / "prompts").glob("*.csv")):
            found.setdefault(path.stem, path)
    return found


def find_prompts(reference: str, beside: Path | None = None) -> PromptSet:
    """The prompt set of a name or path; `beside` is the folder of the task file that names it."""
    places = [Path(reference)] if reference.endswith(".csv") or "/" in reference else []
    if beside is not None:
        places += [beside / reference, beside / f"{reference}.csv", beside / "prompts" / f"{reference}.csv"]
    path = next((p for p in places if p.is_file()), None)
    if path is None:
        known = prompt_sets()
        if reference not in known:
            raise unknown("prompt set", reference, known, "A path to a .csv file works too.")
        path = known[reference]
    return read_prompts(path)
