"""`harness plugin`: check an installed plugin, and write a new one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from harness.checking.check import STEP, check, find_plugin, installed_plugins
from harness.checking.records import RULES, Checked, Verdict
from harness.cli.shared import pairs
from harness.errors import BadOption, ExitCode, HarnessError
from harness.escaping import plain
from harness.scaffold.new import KINDS, new_plugin, next_steps, plugin_name
from harness.toml import read_toml

MARKS = {"held": "+", "failed": "x", "skipped": "-"}


@click.group("plugin", no_args_is_help=True)
def command() -> None:
    """Check an installed plugin, or write a new one."""


@command.command("new")
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What the plugin adds.")
def new_command(name: str, kind: str) -> int:
    """Write a plugin with one component to the folder memobench-plugin-NAME.

    \b
      harness plugin new smile --kind judge

    It is a distribution with tests that pass at once. An existing folder is never written to.
    """
    _refuse_taken(plugin_name(name), kind)
    folder = new_plugin(name, kind, Path())
    click.echo(f"{folder.name}: a {kind} plugin")
    for line in next_steps(folder, kind):
        click.echo(line)
    return ExitCode.OK


def _refuse_taken(name: str, kind: str) -> None:
    """Raise `BadOption` for a name that an installed component of the kind has: it would be reached as DIST/NAME only."""
    registered = {"dataset": "data set", "preset": "judge", "task": "task"}.get(kind, kind)
    if registered == "task":
        from harness.tasks.catalog import names

        owners = [file.dist for known, file in names().items() if known == name.replace("-", "_")]
    else:
        from harness.registry.registry import registry

        found = registry().components(registered)
        owners = [f.dist for f in found if name in (f.component.name, *f.component.aliases)]
    if owners:
        raise BadOption(f"The {registered} {name!r} is that of {owners[0]}.", "Choose another name.")


@command.command("check")
@click.argument("dist", required=False)
@click.option(
    "-o",
    "options",
    multiple=True,
    metavar="[NAME.]KEY=VALUE",
    help="An option of the components that are checked, or of the one called NAME; repeatable.",
)
@click.option("--static", is_flag=True, help="Check what the plugin declares, not what its components do.")
@click.option(
    "--timeout",
    type=float,
    default=STEP,
    show_default=True,
    metavar="SECONDS",
    help="Limit for each rule and test.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON, and nothing else.")
def check_command(
    dist: str | None, options: tuple[str, ...], static: bool, timeout: float, as_json: bool
) -> int:
    """Check an installed plugin against every rule that memobench relies on.

    \b
      harness plugin check memobench-plugin-smile
      harness plugin check openai -o openai.ref=gpt-4o -o openai.base_url=http://localhost:8000/v1

    Without DIST: the plugin of the project in this folder, or all installed ones. What needs a model or a server is
    skipped unless its options are given. The behaviour of components is checked by the conformance kit, which needs
    pytest: pip install 'memobench[testing]'. Exit code 1: a rule is not held.
    """
    if not timeout > 0:
        raise BadOption(f"--timeout {timeout:g} is no time.", "Give seconds, such as --timeout 60.")
    given = _by_component(options)
    found = [find_plugin(dist)] if dist else _here()
    done = []
    for name, version in found:
        one = check(name, version, given, behaviour=not static, limit=timeout, progress=_say)
        done.append(one)
        if not as_json:
            for line in _lines(one):
                click.echo(plain(line))
    failed = sum(one.count("failed") for one in done)
    if as_json:
        click.echo(json.dumps({"failed": failed, "plugins": [one.document() for one in done]}, indent=1))
    return ExitCode.REGRESSION if failed else ExitCode.OK


def _say(text: str) -> None:
    click.echo(plain(f"checking {text}"), err=True)


def _by_component(options: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
    """Options by the name of their component; "" for those without one."""
    found: dict[str, dict[str, str]] = {}
    for key, value in pairs(options, "-o").items():
        name, _, option = key.rpartition(".")
        found.setdefault(name, {})[option] = value
    return found


def _here() -> list[tuple[str, str]]:
    """The plugin of the project in the working directory, or all installed ones."""
    project = Path("pyproject.toml")
    if project.is_file():
        try:
            declared = read_toml(project, "project file").get("project", {})
        except HarnessError:
            declared = {}
        if "memobench" in declared.get("entry-points", {}) and isinstance(declared.get("name"), str):
            return [find_plugin(declared["name"])]
    return list(installed_plugins().items())


def _lines(done: Checked) -> Iterator[str]:
    yield f"{done.dist} {done.version}"
    by_component: dict[str, list[Verdict]] = {}
    for verdict in done.verdicts:
        if verdict.component and verdict.state == "held" and verdict.rule not in RULES:
            by_component.setdefault(verdict.component, []).append(verdict)
    for verdict in done.verdicts:
        if verdict.rule in RULES or verdict.state == "failed" or verdict.rule in ("behaviour", "opens"):
            yield from _verdict_lines(verdict)
    for component, held in by_component.items():
        yield f"  + {component}: {len(held)} tests of its behaviour are passed"
    counts = ", ".join(f"{done.count(state)} {state}" for state in ("held", "failed", "skipped"))
    yield f"{done.dist}: {counts}"


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    what = f"{verdict.component}: {verdict.rule}" if verdict.component else verdict.rule
    if verdict.state == "held":
        yield f"  + {what}"
        return
    yield f"  {MARKS[verdict.state]} {what}: {verdict.problem or RULES.get(verdict.rule, '')}"
    if verdict.fix:
        yield f"      -> {verdict.fix}"
