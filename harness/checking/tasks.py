"""The rules on a plugin's task files, and on names that others have too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.checking.records import State, Verdict, joined
from harness.errors import HarnessError
from harness.registry.plugin import Plugin
from harness.registry.registry import precedence, registry
from harness.tasks.catalog import files, find_judge_task, find_prompts, find_tasks
from harness.tasks.promptsets import read_prompts


def task_verdicts(plugins: list[Plugin]) -> Iterator[Verdict]:
    """Whether every task, suite and prompt file of the plugins can be used."""
    missing = [fault for p in plugins for fault in p.faults if "folder" in fault]
    folders: list[Path] = [folder for plugin in plugins for folder in plugin.offers.get("task folder", [])]
    if not folders and not missing:
        return
    problems = [*missing, *(problem for folder in folders for problem in _folder_problems(folder))]
    state: State = "failed" if problems else "held"
    fix = "`harness schema task` prints the schema of task files; package the folder with the plugin"
    yield Verdict("tasks", state, joined(problems), fix if problems else "")


def _folder_problems(folder: Path) -> Iterator[str]:
    tasks, prompts = sorted(folder.glob("*.toml")), sorted((folder / "prompts").glob("*.csv"))
    if not tasks and not prompts:
        yield f"{folder.name}: the folder holds no *.toml and no prompts/*.csv"
    for path in tasks:
        try:
            _check_task(path)
        except HarnessError as e:
            yield e.message
    for path in prompts:
        try:
            read_prompts(path)
        except HarnessError as e:
            yield e.message


def _check_task(path: Path) -> None:
    """Raise the error of a task or suite file, or of what it refers to."""
    for found in find_tasks([str(path)]):
        spec = found.spec
        if found.path == path and spec.name != path.stem:
            raise HarnessError(f"{path.name}: the task is named {spec.name!r}.", "Rename the file.")
        for asked in spec.metrics:
            registry().find("metric", asked.name)
        for reference in spec.asks:
            find_judge_task(reference, found)
        if spec.prompt_set:
            find_prompts(spec.prompt_set, found.path.parent)


def clash_verdicts(plugins: list[Plugin]) -> Iterator[Verdict]:
    """Whether a bare name of a plugin belongs to somebody else."""
    problems = [
        problem
        for dist in {plugin.dist for plugin in plugins}
        for installed in registry().plugins
        if installed.dist == dist and not installed.problem
        for problem in registry().clashes(installed)
    ]
    own = {plugin.dist for plugin in plugins}
    for name, same in files().items():
        for mine in (file for file in same if file.dist in own):
            others = [
                f.dist for f in same if f.dist not in own and precedence(f.dist) <= precedence(mine.dist)
            ]
            if others:
                problems.append(f"the task {name!r} is also that of {others[0]}")
    state: State = "failed" if problems else "held"
    yield Verdict("clashes", state, joined(problems), "Choose another name" if problems else "")
