"""`harness list`: tasks, models, data, metrics, plugins and runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.errors import ExitCode, HarnessError
from harness.escaping import plain
from harness.registry.registry import registry
from harness.reporters.formatting import number
from harness.results import read_results
from harness.store.runfolder import RESULTS
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
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if v is None else plain(v)) for v in row.values()))
    console = Console(highlight=False, emoji=False)
    console.print(table)
    return ExitCode.OK


def _components(*kinds: str) -> list[dict[str, Any]]:
    return [
        {"name": f.component.name, "kind": kind, "summary": f.component.summary, "plugin": f.dist}
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
    for name in sorted(catalog.files()):
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
    for path in sorted(Path("runs").glob("*/run.json")):
        row: dict[str, Any] = {"run": path.parent.name, "model": None, "state": "unreadable", "metrics": ""}
        try:
            row["model"] = json.loads(path.read_bytes())["request"]["model"]["name"]
            row["state"] = "not scored"
            results = read_results(json.loads((path.parent / RESULTS).read_bytes()))
            row["state"] = "complete" if results.run.complete else "incomplete"
            found = [(task.task, task.primary) for task in results.tasks if task.primary]
            row["metrics"] = ", ".join(f"{task} {main.name} {number(main.value)}" for task, main in found)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            row["state"] = "unreadable"
        rows.append(row)
    return rows
