"""`harness list`: tasks, models, data, metrics, plugins and runs."""

from __future__ import annotations

import json
from typing import Any

import click

from harness.cli.listing import Entry, Group, disabled_plugins, print_list
from harness.config import config
from harness.errors import ExitCode, HarnessError
from harness.registry.factory import preset_problem
from harness.registry.plugin import RegisteredComponent
from harness.registry.registry import registry
from harness.reporters.formatting import STAGES, number
from harness.store.runfolder import GENERATE_ONLY, read_run
from harness.store.scored import scored_results
from harness.store.state import COMPLETE, state_of
from harness.tasks import catalog
from harness.tasks.spec import SuiteSpec

KINDS = ["tasks", "models", "data", "metrics", "plugins", "runs"]


@click.command("list")
@click.argument("what", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(what: str, as_json: bool) -> int:
    """List tasks, models, data, metrics, plugins or runs."""
    rows = {
        "tasks": _tasks,
        "models": _models,
        "data": _data,
        "metrics": _metrics,
        "plugins": _plugins,
        "runs": _runs,
    }[what]()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return ExitCode.OK
    if not rows:
        click.echo(
            f"There are no {what} here." + (" Run something: harness run --help" if what == "runs" else "")
        )
        return ExitCode.OK
    _print(what, rows)
    return ExitCode.OK


_HINTS = {
    "tasks": "`harness show NAME` shows a task",
    "models": "`harness run --model NAME` takes one, NAME:REF where it loads models; `harness show NAME` shows its options",
    "data": "`harness run --data NAME` takes data sets, and folders too; `harness generate --prompts NAME` takes prompt sets",
    "metrics": "`harness show NAME` shows a metric with its options",
    "plugins": "`harness doctor` checks them, and says how to install others",
    "runs": "`harness show RUN` shows a run",
}


def _print(what: str, rows: list[dict[str, Any]]) -> None:
    """The rows by kind: names, and a summary of each in the width that there is."""
    groups = {
        "tasks": _task_groups,
        "models": lambda rows: [_model_group(kind) for kind in _MODELS],
        "data": lambda rows: [Group(title, _of_kind(rows, kind)) for kind, title in _DATA.items()],
        "metrics": lambda rows: [Group("", [Entry(row["name"], row["summary"]) for row in rows])],
        "plugins": lambda rows: [_working_plugins()],
        "runs": _run_groups,
    }[what](rows)
    if what != "runs":
        groups.append(disabled_plugins())
    print_list(groups, _HINTS[what], lines=1 if what == "models" else 0)


_MODELS = {
    "judge": "judges",
    "generator": "generators",
}
_DATA = {"data set": "data sets", "prompt set": "prompt sets"}


def _of_kind(rows: list[dict[str, Any]], kind: str) -> list[Entry]:
    return [Entry(row["name"], row["summary"]) for row in rows if row["kind"] == kind]


def _model_group(kind: str) -> Group:
    """The models of a kind. Presets stand below the component that they preset."""
    found = registry().components(kind)
    name = registry().name_of

    def base(one: RegisteredComponent) -> RegisteredComponent | None:
        if one.component.extends:
            return next((f for f in found if name(f) == one.component.extends.partition(":")[0]), None)
        same = (f for f in found if (f.dist, f.component.load) == (one.dist, one.component.load))
        return next((f for f in same if one.component.defaults and not f.component.defaults), None)

    def entry(one: RegisteredComponent, depth: int = 0) -> Entry:
        problem = preset_problem(one) if one.component.extends else ""
        return Entry(name(one), f"CANNOT BE USED: {problem}" if problem else one.component.summary, depth)

    entries = []
    for one in found:
        if base(one) is None:
            entries.append(entry(one))
            entries += [entry(preset, depth=1) for preset in found if base(preset) is one]
    return Group(_MODELS[kind], entries)


def _task_groups(rows: list[dict[str, Any]]) -> list[Group]:
    """Suites, then tasks from coarse to nuance."""
    titles = {
        "suite": "suites",
        "judge task": "judge tasks",
        "generator task": "generator tasks",
        "BROKEN": "tasks that cannot be read",
    }
    order = {stage: number for number, stage in enumerate(STAGES)}
    rows = sorted(rows, key=lambda row: order.get(row["stage"], len(order)))
    return [Group(title, _of_kind(rows, kind), warning=kind == "BROKEN") for kind, title in titles.items()]


def _working_plugins() -> Group:
    """The plugins that work, also those that do so in part. Presets are counted, since `list models` has them."""
    entries = []
    for plugin in registry().plugins:
        if not plugin.problem:
            offers = [_offers(kind, items) for kind, items in plugin.offers.items() if items]
            clashes = registry().clashes(plugin)
            entries.append(Entry(plugin.dist, "; ".join([plugin.version, *offers, *clashes])))
    return Group("plugins", entries)


_MANY = 8
"""Components of a kind beyond which they are counted."""


def _offers(kind: str, items: list[Any]) -> str:
    if kind == "task folder":
        return "tasks"
    if len(items) > _MANY and not any(item.defaults for item in items):
        return f"{len(items)} {kind}s"
    presets = [item for item in items if item.defaults]
    shown = [item.name for item in items if item not in presets] or [item.name for item in items]
    more = len(items) - len(shown)
    named = ", ".join(shown) + (f" and {more} preset{'s' if more > 1 else ''}" if more else "")
    return f"{kind}{'s' if len(items) > 1 else ''} {named}"


def _run_groups(rows: list[dict[str, Any]]) -> list[Group]:
    entries = []
    for row in rows:
        parts = (f"model {row['model']}" if row["model"] else "", row["state"], row["metrics"])
        entries.append(Entry(row["run"], " \N{MIDDLE DOT} ".join(part for part in parts if part)))
    return [Group("", entries)]


def _components(*kinds: str) -> list[dict[str, Any]]:
    return [
        {
            "name": registry().name_of(f),
            "kind": kind,
            "summary": f.component.summary,
            "plugin": f.dist,
        }
        for kind in kinds
        for f in registry().components(kind)
    ]


def _models() -> list[dict[str, Any]]:
    return _components("judge", "generator")


def _metrics() -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "kind"} for row in _components("metric")]


def _data() -> list[dict[str, Any]]:
    rows = _components("data set")
    return rows + [
        {"name": name, "kind": "prompt set", "summary": str(path), "plugin": ""}
        for name, path in catalog.prompt_sets().items()
    ]


def _tasks() -> list[dict[str, Any]]:
    rows = []
    for name in catalog.names():
        try:
            spec, _ = catalog.load(name)
        except HarnessError as e:
            rows.append({"name": name, "kind": "BROKEN", "stage": "", "summary": e.message})
            continue
        if isinstance(spec, SuiteSpec):
            rows.append(
                {"name": name, "kind": "suite", "stage": "", "summary": spec.summary or ", ".join(spec.tasks)}
            )
        else:
            rows.append(
                {"name": name, "kind": f"{spec.role} task", "stage": spec.stage, "summary": spec.summary}
            )
    return rows


def _plugins() -> list[dict[str, Any]]:
    return [
        {
            "plugin": p.dist,
            "version": p.version,
            "state": p.state,
            "api": p.api or None,
            "remarks": [*p.remarks, *registry().clashes(p)],
            "offers": ", ".join(
                f"{kind}: {', '.join(str(getattr(i, 'name', i)) for i in items)}"
                for kind, items in p.offers.items()
                if items
            ),
        }
        for p in registry().plugins
    ]


def _runs() -> list[dict[str, Any]]:
    rows = []
    for path in sorted(config().runs.glob("*/run.json")):
        row: dict[str, Any] = {"run": path.parent.name, "model": None, "state": "unreadable", "metrics": ""}
        try:
            document = read_run(path.parent)
            row["model"] = document["request"]["model"]["name"]
            ended = state_of(path.parent, document)
            # Results say whether all is answered; of a run that did not end, they are of an earlier attempt.
            row["state"] = ended if ended not in ("", COMPLETE) else "not scored"
            if ended == COMPLETE and document["request"].get("role") == GENERATE_ONLY:
                row["state"] = COMPLETE
            results = scored_results(path.parent)
            if ended in ("", COMPLETE):
                row["state"] = "complete" if results.run.complete else "incomplete"
            found = [(task.task, task.primary) for task in results.tasks if task.primary]
            row["metrics"] = ", ".join(f"{task} {main.name} {number(main.value)}" for task, main in found)
        except FileNotFoundError:
            pass
        except (HarnessError, OSError, KeyError):
            row["state"] = "unreadable"
        rows.append(row)
    return rows
