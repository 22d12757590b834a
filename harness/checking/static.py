"""The rules that need no test: what a plugin declares. Runs in a process of its own: see `harness.checking.child`."""

from __future__ import annotations

import importlib.metadata
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from harness._version import __version__
from harness.checking.components import component_verdicts
from harness.checking.imported import light, quiet
from harness.checking.records import Offer, State, Verdict, joined
from harness.checking.tasks import clash_verdicts, task_verdicts
from harness.components.failures import is_interrupt, message_of
from harness.hookspecs import API_VERSION
from harness.installing import install_command
from harness.registry.compatibility import Unfit, check_requirements, stated_version
from harness.registry.loading import GROUP, load_plugin
from harness.registry.plugin import Plugin

Say = Callable[[str], None]
ENTRY_POINT = '[project.entry-points.memobench]\nname = "package.plugin"'


def points_of(dist: str) -> list[importlib.metadata.EntryPoint]:
    """The entry points of a distribution in the group memobench."""
    return sorted(
        importlib.metadata.distribution(dist).entry_points.select(group=GROUP), key=lambda p: p.name
    )


def static_verdicts(
    dist: str, options: Mapping[str, Mapping[str, str]], begin: Say
) -> Iterator[Verdict | Offer]:
    """The verdicts on what a distribution declares, and its components. `begin` is told which rule is checked next."""
    points = points_of(dist)
    begin("entry-point")
    if not points:
        fix = f"Add to pyproject.toml: {ENTRY_POINT.replace(chr(10), ' ')}; then install it again"
        yield Verdict("entry-point", "failed", "it has no entry point in the group memobench", fix)
        return
    modules = []
    for point in points:
        try:
            modules.append(point.load())
        except BaseException as e:  # importing a plugin may raise anything
            if is_interrupt(e):
                raise
            yield _import_failure(point, e)
            return
    yield Verdict("entry-point", "held")
    begin("requires")
    yield from _requirements(dist, points)
    begin("api-version")
    yield from _version_verdicts(modules)
    for rule, check in (("light", light), ("quiet", quiet)):
        begin(rule)
        yield check([point.value for point in points])
    begin("hooks")
    plugins = [load_plugin(point) for point in points]
    yield from _hook_verdicts(plugins)
    for plugin in plugins:
        yield from component_verdicts(plugin, options, begin)
    begin("tasks")
    yield from task_verdicts(plugins)
    begin("clashes")
    yield from clash_verdicts(plugins)


def _import_failure(point: importlib.metadata.EntryPoint, error: BaseException) -> Verdict:
    where = next(
        (
            f" ({os.path.basename(frame.filename)}, line {frame.lineno})"
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if "importlib" not in frame.filename
            and os.path.abspath(frame.filename) != os.path.abspath(__file__)
        ),
        "",
    )
    problem = f"{point.value} cannot be imported: {type(error).__name__}: {message_of(error)}{where}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        own = point.value.partition(":")[0].partition(".")[0]
        if error.name.partition(".")[0] != own:
            return Verdict(
                "entry-point", "failed", problem, f"Import {error.name} in the component's module, not here"
            )
        return Verdict(
            "entry-point", "failed", problem, "Correct the entry point, or install the plugin again"
        )
    return Verdict("entry-point", "failed", problem, "The entry module must import without errors")


def _requirements(dist: str, points: list[importlib.metadata.EntryPoint]) -> Iterator[Verdict]:
    try:
        check_requirements(points[0], __version__)
    except Unfit as e:
        yield Verdict("requires", "failed", e.problem, e.remedy)
        return
    wanted = list(_wanted(importlib.metadata.requires(dist) or []))
    unmet = [text for text in map(_unmet, wanted) if text]
    if not any(_folded(found.name) == "memobench" for found in wanted):
        fix = f'Add to pyproject.toml: dependencies = ["memobench>={".".join(__version__.split(".")[:2])}"]'
        yield Verdict("requires", "failed", "its requirements do not name memobench", fix)
    elif unmet:
        yield Verdict(
            "requires", "failed", joined(unmet), "Install what it requires, or change its requirements"
        )
    else:
        yield Verdict("requires", "held")


def _wanted(lines: list[str]) -> Iterator[Requirement]:
    """The requirements that hold here, extras aside."""
    for line in lines:
        try:
            found = Requirement(line)
        except InvalidRequirement:
            continue
        if found.marker is None or found.marker.evaluate({"extra": ""}):
            yield found


def _unmet(wanted: Requirement) -> str:
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"requires {wanted.name}, which is not installed: {install_command(wanted.name)}"
    if wanted.specifier.contains(version, prereleases=True):
        return ""
    return f"requires {wanted.name} {wanted.specifier}, and {version} is installed"


def _folded(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _version_verdicts(modules: list[Any]) -> Iterator[Verdict]:
    for module in modules:
        try:
            stated = stated_version(module)
        except Unfit as e:
            yield Verdict("api-version", "failed", e.problem, e.remedy)
            return
        if not stated:
            fix = f'Add to {module.__name__}: API_VERSION = "{API_VERSION}"'
            yield Verdict("api-version", "failed", f"{module.__name__} states no API_VERSION", fix)
            return
    yield Verdict("api-version", "held")


def _hook_verdicts(plugins: list[Plugin]) -> Iterator[Verdict]:
    """What loading found, as the rules `hooks` and `components`."""
    hooks: list[str] = []
    components: list[str] = []
    for plugin in plugins:
        if plugin.problem and not plugin.faults:
            hooks.append(plugin.problem)
        hooks += [remark for remark in plugin.remarks if remark.endswith("offers nothing")]
        for fault in plugin.faults:
            named = fault.partition(" ")[0].endswith(":")
            (components if named and "folder" not in fault else hooks).append(fault)
        for kind, offered in plugin.offers.items():
            if kind != "task folder":
                components += [
                    f"the {kind} {c.name!r} has no summary" for c in offered if not c.summary.strip()
                ]
    yield _all_held(
        "hooks", hooks, "Write the hooks as `harness.hookspecs` declares them, each with @hookimpl"
    )
    fix = 'Write Component("name", lazy("package.module:Class"), "one line on what it is")'
    yield _all_held("components", components, fix)


def _all_held(rule: str, problems: list[str], fix: str) -> Verdict:
    state: State = "failed" if problems else "held"
    return Verdict(rule, state, joined(problems), fix if problems else "")
