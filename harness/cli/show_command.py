"""`harness show`: a task, a component with its options, or a run and its samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.samples import sample_lines
from harness.cli.shared import find_run, print_results
from harness.errors import HarnessError, RequestError, unknown
from harness.escaping import plain
from harness.registry.factory import load_class, options_table
from harness.registry.registry import HOOKS, RegisteredComponent, registry
from harness.store.runfolder import intact, read_run
from harness.tasks import catalog
from harness.tasks.spec import SuiteSpec


@click.command("show")
@click.argument("name", metavar="NAME|RUN")
@click.option(
    "--format", "form", default="table", show_default=True, help="For a run: table, json, csv, markdown."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--samples", is_flag=True, help="For a run: each reply and how it was read.")
@click.option("--wrong", is_flag=True, help="With --samples: only replies that were read wrong.")
@click.option("--unparsed", is_flag=True, help="With --samples: only replies that could not be read.")
@click.option("--failed", is_flag=True, help="With --samples: only samples that failed.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="With --samples: at most N lines.",
)
def command(
    name: str, form: str, as_json: bool, samples: bool, wrong: bool, unparsed: bool, failed: bool, limit: int
) -> int:
    """Show a task, a component with its options, or a run."""
    if samples or wrong or unparsed or failed or _is_run(name):
        path = find_run(name)
        if samples or wrong or unparsed or failed:
            if form not in ("table", "json"):
                raise RequestError(
                    f"Samples are not shown as {form}.", "They come as lines, or with --json as JSON lines."
                )
            with intact(path):
                for line in sample_lines(
                    path,
                    wrong=wrong,
                    unparsed=unparsed,
                    failed=failed,
                    limit=limit,
                    as_json=as_json or form == "json",
                ):
                    click.echo(line)
            return 0
        results = path / "results.json"
        if read_run(path)["request"].get("role") == "draw":
            raise RequestError(
                f"{name!r} holds portraits that no judge has read.",
                f"Let one read them: harness run --task coarse_emotion --model fer --data {path}",
            )
        if not results.is_file():
            raise RequestError(
                f"The run {name!r} has no results yet.",
                f"Finish it with the command that began it, or: harness score {path}",
            )
        try:
            document = json.loads(results.read_bytes())
        except ValueError as e:
            raise RequestError(
                f"{results} cannot be read: {e}.", f"Make it again: harness score {path}"
            ) from e
        with intact(path):
            print_results(document, "json" if as_json else form)
        return 0
    known = {
        kind: [f for f in registry().components(kind) if _means(f, name)]
        for kind in HOOKS
        if kind != "task folder"
    }
    found = [f for matches in known.values() for f in matches]
    tasks, prompts = catalog.files(), catalog.prompt_sets()
    if not found and name not in tasks and name not in prompts and not name.endswith(".toml"):
        everything = (
            {f.component.name for kind in known for f in registry().components(kind)}
            | set(tasks)
            | set(prompts)
        )
        raise unknown("name", name, everything, "Runs are shown by the path of their folder.")
    document = [_component(f) for f in found]
    if name in tasks or name.endswith(".toml"):
        document.append(_task(name))
    if name in prompts:
        rows = catalog.find_prompts(name)
        document.append(
            {
                "name": name,
                "kind": "prompt set",
                "file": str(prompts[name]),
                "prompts": len(rows.rows),
                "first": rows.rows[0].prompt,
                "columns": ", ".join(rows.rows[0].attributes),
            }
        )
    click.echo(json.dumps(document, indent=1, default=str) if as_json else "\n\n".join(map(_text, document)))
    return 0


def _is_run(name: str) -> bool:
    return any((path / "run.json").is_file() for path in (Path(name), Path("runs") / name))


def _means(found: RegisteredComponent, name: str) -> bool:
    head = name.partition(":")[0]
    return head in (found.component.name, *found.component.aliases, f"{found.dist}/{found.component.name}")


def _component(found: RegisteredComponent) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": found.component.name,
        "kind": found.kind,
        "summary": found.component.summary,
        "plugin": found.dist,
    }
    if found.component.facts is not None:
        document["known"] = [{"name": n, "value": v, "source": s} for n, v, s in found.component.facts()]
    try:
        instance_doc = (load_class(found).__doc__ or "").strip().splitlines()
        document["about"] = instance_doc[0] if instance_doc else ""
        document["options"] = options_table(found)
    except HarnessError as e:
        document["problem"] = f"{e.message} {e.hint}"
    return document


def _task(name: str) -> dict[str, Any]:
    spec, path = catalog.load(name)
    document: dict[str, Any] = {
        "kind": "suite" if isinstance(spec, SuiteSpec) else f"{spec.role} task",
        "file": str(path),
    }
    return document | spec.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)


def _text(document: dict[str, Any], indent: str = "") -> str:
    lines = []
    for key, value in document.items():
        if key == "options" and isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append("options (-o NAME=VALUE):")
            lines += [
                f"  {o['name']:<18} {plain(o['type'])}, "
                + ("required" if o["required"] else f"default {plain(o['default'])}")
                + f"\n  {'':<18} {plain(o['description'])}"
                for o in value
            ]
        elif key == "known":
            lines.append("known (and where from):")
            lines += [f"  {k['name']:<20} {plain(k['value'])}  [{plain(k['source'])}]" for k in value]
        elif isinstance(value, dict):
            lines += [f"{indent}{key}:", _text(value, indent + "  ")]
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            lines += [f"{indent}{key}:", *(_text(item, indent + "  ") for item in value)]
        elif isinstance(value, (list, tuple)):
            lines.append(f"{indent}{key}: {', '.join(map(plain, value))}")
        else:
            text = str(value).strip()
            lines += (
                [f"{indent}{key}: {plain(text)}"]
                if "\n" not in text
                else [f"{indent}{key}:", *(f"{indent}  {plain(line)}" for line in text.splitlines())]
            )
    return "\n".join(lines)
