"""Finds tasks, suites and prompt sets by name or path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import BadTask, RequestError, UnknownName, unknown
from harness.registry.registry import precedence, registry
from harness.tasks.promptsets import PromptSet, read_prompts
from harness.tasks.spec import SuiteSpec, TaskSpec, load_spec

DEEPEST = 20
"""Suites within each other."""


@dataclass(frozen=True)
class ResolvedTask:
    """A task with the file that declares it."""

    spec: TaskSpec
    path: Path
    suite: str = ""
    """The suite that lists it; empty if the task was requested directly."""


@dataclass(frozen=True)
class TaskFile:
    """A task or suite file of the core or a plugin."""

    name: str
    dist: str
    path: Path


def files() -> dict[str, list[TaskFile]]:
    """Task and suite files of the core and all plugins, by name (the file's stem), in order of precedence."""
    found: dict[str, list[TaskFile]] = {}
    for dist, folder in registry().task_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, []).append(TaskFile(path.stem, dist, path))
    return found


def names() -> dict[str, TaskFile]:
    """The same by the name that reaches each: `NAME`, or `DIST/NAME` where the name is another's."""
    found = {}
    for name, same in files().items():
        owners = _owners(same)
        for file in same:
            found[name if owners == [file] else f"{file.dist}/{name}"] = file
    return dict(sorted(found.items()))


def _owners(same: Sequence[TaskFile]) -> list[TaskFile]:
    """The files that a bare name means."""
    first = min(precedence(file.dist) for file in same)
    return [file for file in same if precedence(file.dist) == first]


def load(reference: str) -> tuple[TaskSpec | SuiteSpec, Path]:
    """The task or suite with a given name (`NAME` or `DIST/NAME`), or in a given TOML file.

    Raises `UnknownName` with the nearest name, or `BadTask` if the file is invalid.
    """
    dist, slash, name = reference.rpartition("/")
    same = files().get(name, [])
    owned = [file for file in same if file.dist == dist] if slash else _owners(same) if same else []
    if reference.endswith(".toml") or (slash and not owned):
        path = Path(reference)
        return load_spec(path), path
    if not owned:
        raise unknown("task", reference, names(), "A path to a .toml file also works.")
    if len(owned) > 1:
        raise RequestError(
            f"The task {reference!r} is defined by several files: {', '.join(str(file.path) for file in owned)}.",
            "Give the path of one of them.",
        )
    path = owned[0].path
    spec = load_spec(path)
    if spec.name != name:
        raise BadTask(
            f"{path}: its name is {spec.name!r}.", "Rename the file or the task so that they match."
        )
    return spec, path


def find_tasks(references: Sequence[str]) -> list[ResolvedTask]:
    """The tasks that names, paths and suites refer to, without duplicates, in order.

    The entries of a suite file are looked up in its folder first. Raises `BadTask` for a suite that contains itself.
    """
    return list(_resolved(references, (), set()).values())


def _resolved(
    references: Sequence[str], within: tuple[Path, ...], read: set[Path]
) -> dict[str, ResolvedTask]:
    """The tasks by name. `within` are the suites being resolved, `read` all so far: each is read once, however often listed."""
    found: dict[str, ResolvedTask] = {}
    for reference in dict.fromkeys(references):
        spec, path = _suite_entry(reference, within[-1]) if within else load(reference)
        if isinstance(spec, SuiteSpec):
            place = path.resolve()
            if place in within:
                raise BadTask(f"{path}: the suite contains itself.", "A suite lists tasks, or other suites.")
            if len(within) == DEEPEST:
                raise BadTask(
                    f"{path}: suites nest more than {DEEPEST} deep.", "List the tasks in one suite."
                )
            if place not in read:
                read.add(place)
                for task in _resolved(spec.tasks, (*within, place), read).values():
                    found.setdefault(task.spec.name, replace(task, suite=spec.name))
        elif spec.name in found and found[spec.name].path != path:
            raise RequestError(f"Two tasks are named {spec.name!r}.", f"Rename one: {path}.")
        else:
            found[spec.name] = ResolvedTask(spec, path)
    return found


def _suite_entry(reference: str, suite: Path) -> tuple[TaskSpec | SuiteSpec, Path]:
    """An entry of a suite: a file in the suite's folder, or an installed task."""
    neighbour = suite.parent / (reference if reference.endswith(".toml") else f"{reference}.toml")
    try:
        return load(str(neighbour) if os.path.isfile(neighbour) else reference)
    except UnknownName as e:
        raise UnknownName(f"{suite}: tasks: {e.message}", e.hint) from e


def find_judge_task(reference: str, asked_by: ResolvedTask) -> TaskSpec:
    """A judge task that a generator task asks: from the folder of its file, or installed."""
    neighbour = asked_by.path.parent / f"{reference}.toml"
    spec = load_spec(neighbour) if os.path.isfile(neighbour) else load(reference)[0]
    if not isinstance(spec, TaskSpec) or spec.role != "judge":
        raise BadTask(
            f"{asked_by.path}: asks: {reference!r} is not a judge task.", 'Name a task with role = "judge".'
        )
    return spec


def prompt_sets() -> dict[str, Path]:
    """Prompt files of the core and all plugins, by name; `DIST/NAME` where the name is another's."""
    found: dict[str, Path] = {}
    for dist, folder in registry().task_folders():
        for path in sorted((folder / "prompts").glob("*.csv")):
            found[f"{dist}/{path.stem}" if path.stem in found else path.stem] = path
    return found


def find_prompts(reference: str, folder: Path | None = None) -> PromptSet:
    """The prompt set with a given name or path; `folder` is that of the task file that refers to it."""
    places = [Path(reference)] if reference.endswith(".csv") or "/" in reference else []
    if folder is not None:
        places += [folder / reference, folder / f"{reference}.csv", folder / "prompts" / f"{reference}.csv"]
    path = next((p for p in places if os.path.isfile(p)), None)
    known = prompt_sets()
    if path is None:
        if reference not in known:
            raise unknown("prompt set", reference, known, "A path to a .csv file also works.")
        path = known[reference]
    return read_prompts(path)
