"""`harness show`: a task, a component with its options, or a run with its samples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click

from harness.cli import completion
from harness.cli.samples import json_lines, sample_rows, text_line
from harness.cli.shared import exit_code, folder_of, pairs, print_results
from harness.errors import ExitCode, HarnessError, RequestError, unknown
from harness.escaping import plain
from harness.registry.factory import load_class, options_table
from harness.registry.plugin import HOOKS, RegisteredComponent
from harness.registry.registry import registry
from harness.store.find import find_run, run_path
from harness.store.runfolder import GENERATE_ONLY, intact, read_run
from harness.store.scored import scored_results
from harness.store.state import FAILED, INTERRUPTED, RUNNING, state_of
from harness.tasks import catalog
from harness.tasks.spec import SuiteSpec

SHOWN = 50
"""Samples that are shown where no limit is given."""


@click.command("show")
@click.argument("name", metavar="NAME|RUN", shell_complete=completion.shown)
@click.option(
    "--format", "form", default="table", show_default=True, help="For a run: table, json, csv, markdown."
)
@click.option(
    "--reporter-option",
    "reporter_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the format; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--full", is_flag=True, help="For a run: all details below the first screen.")
@click.option("--samples", is_flag=True, help="For a run: each reply and how it was parsed.")
@click.option("--wrong", is_flag=True, help="With --samples: only wrong replies.")
@click.option("--unparsed", is_flag=True, help="With --samples: only replies that could not be parsed.")
@click.option("--prose", is_flag=True, help="With --samples: only answers understood from a sentence.")
@click.option("--failed", is_flag=True, help="With --samples: only samples that failed.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="With --samples: at most N lines.  [default: 50, with --json all]",
)
def command(
    name: str,
    form: str,
    reporter_options: tuple[str, ...],
    as_json: bool,
    full: bool,
    samples: bool,
    limit: int | None,
    **filters: bool,
) -> int:
    """Show a task, a component with its options, or a run."""
    form = "json" if as_json else form
    options = pairs(reporter_options, "--reporter-option")
    if samples or any(filters.values()):
        _show_samples(find_run(name), form, limit, filters)
    elif run_path(name) is not None:
        return _show_run(name, form, options, full=full)
    else:
        _show_named(name, as_json=form == "json")
    return ExitCode.OK


def _show_samples(path: Path, form: str, limit: int | None, filters: Mapping[str, bool]) -> None:
    if form not in ("table", "json"):
        raise RequestError(
            f"Samples cannot be shown as {form}.", "Omit --format, or use --json for JSON lines."
        )
    as_json = form == "json"
    limit = limit or (None if as_json else SHOWN)
    with intact(path):
        rows = sample_rows(path, **filters)
        lines = json_lines(path, rows) if as_json else map(text_line, rows)
        shown = 0
        for shown, line in enumerate(islice(lines, limit), 1):  # noqa: B007
            click.echo(line)
        more = limit is not None and next(lines, None) is not None
    # Standard output holds samples alone where a program reads it.
    if more:
        click.echo(f"... more; --limit N shows more than {limit}", err=as_json)
    elif not shown:
        click.echo("no such samples", err=as_json)


def _show_run(name: str, form: str, options: Mapping[str, str], *, full: bool) -> ExitCode:
    path = find_run(name)
    document = read_run(path)
    ended = state_of(path, document)
    if document["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{name!r} holds portraits but no answers.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
        )
    try:
        results = scored_results(path)
    except FileNotFoundError as e:
        known = f": it is {ended}" if ended in (RUNNING, INTERRUPTED, FAILED) else ""
        raise RequestError(
            f"The run {name!r} has no results yet{known}.",
            f"Finish it with the command that started it, or: harness score {path}",
        ) from e
    print_results(results, form, folder_of(path), full=full, options=options)
    if ended in (RUNNING, INTERRUPTED):
        click.echo(
            f"{ended}: these are the results of an earlier attempt; `harness score {plain(path)}` counts what is stored.",
            err=True,
        )
        return ExitCode.FAILED
    return exit_code(results)


def _show_named(name: str, *, as_json: bool) -> None:
    """Everything with this name: components, a task or suite, a prompt set."""
    kinds = [kind for kind in HOOKS if kind != "task folder"]
    found = [f for kind in kinds for f in registry().components(kind) if _is_named(f, name)]
    tasks, prompts = catalog.names(), catalog.prompt_sets()
    if not found and name not in tasks and name not in prompts and not name.endswith(".toml"):
        components = {f.component.name for kind in kinds for f in registry().components(kind)}
        raise unknown(
            "name", name, {*components, *tasks, *prompts}, "Give the path of a run folder to show a run."
        )
    documents = [_component(f) for f in found]
    if name in tasks or name.endswith(".toml"):
        documents.append(_task(name))
    if name in prompts:
        documents.append(_prompt_set(name, prompts[name]))
    click.echo(
        json.dumps(documents, indent=1, default=str) if as_json else "\n\n".join(map(_text, documents))
    )


def _prompt_set(name: str, path: Path) -> dict[str, Any]:
    rows = catalog.find_prompts(name).rows
    return {
        "name": name,
        "kind": "prompt set",
        "file": str(path),
        "prompts": len(rows),
        "first": rows[0].prompt,
        "columns": ", ".join(rows[0].attributes),
    }


def _is_named(found: RegisteredComponent, name: str) -> bool:
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
            lines.append("known (with sources):")
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
