"""Parses command lines of pages without running them, so that an option or a subcommand that does not exist is found."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator

import click

from harness.cli.main import harness as group
from harness.errors import HarnessError
from helpers.blocks import ROOT

_PLACEHOLDER = re.compile(r"[A-Z][A-Z_/]*")
_ALTERNATIVES = re.compile(r"[\w-]+(?:\|[\w-]+)+")


def words(line: str) -> list[str]:
    """The words of a command line, without its comment."""
    return shlex.split(line, comments=True)


def parse(line: str, *, partial: bool = False) -> None:
    """Parse a line that begins with `harness`. Words such as `a|b` are parsed as each of them.

    Raises `AssertionError` for what the command line would refuse. Names in capitals stand for anything. With `partial`,
    what must be given may be missing: a sentence names a command with the option that it is about.
    """
    first, *rest = words(line)
    assert first == "harness", line
    rest = [word for word in rest if word != "--traceback"]  # of every command
    choices = [w.split("|") if _ALTERNATIVES.fullmatch(w) else [w] for w in rest]
    for arguments in itertools.islice(itertools.product(*choices), 50):
        _parse(group, "harness", list(arguments), None, partial)


def _parse(
    command: click.Command, name: str, arguments: list[str], parent: click.Context | None, partial: bool
) -> None:
    try:
        context = command.make_context(name, list(arguments), parent=parent)
    except click.exceptions.NoArgsIsHelpError:
        assert partial, f"{name}: which subcommand?"
        return
    except click.BadParameter as e:
        if partial and isinstance(e, click.MissingParameter):
            return
        stands_for_anything = any(
            value in str(e.message) for value in arguments if _PLACEHOLDER.search(value)
        )
        if not stands_for_anything and not isinstance(e.param and e.param.type, click.Path):
            raise AssertionError(f"{name}: {e.format_message()}") from e
        return
    except click.exceptions.Exit:  # --help
        return
    except click.ClickException as e:
        if partial and "requires an argument" in e.format_message():
            return
        raise AssertionError(f"{name} {shlex.join(arguments)}: {e.format_message()}") from e
    with context:
        if isinstance(command, click.Group):
            left = [*context._protected_args, *context.args]
            assert left, f"{name}: which subcommand?"
            if _PLACEHOLDER.fullmatch(left[0]):
                return
            try:
                called, found, rest = command.resolve_command(context, left)
            except (click.UsageError, HarnessError) as e:
                raise AssertionError(f"{name}: no subcommand {left[0]!r}") from e
            assert found is not None
            _parse(found, f"{name} {called}", rest, context, partial)


def problems(line: str) -> Iterator[str]:
    """What is wrong with a line that is not `harness`: a target, folder or file that does not exist."""
    first, *rest = words(line)
    if first == "make":
        targets = set(
            re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        )
        yield from (f"no target {t!r}" for t in rest if t not in targets)
    elif first in ("pip", "python"):
        for word in rest:
            path, _, extra = word.partition("[")
            if path.startswith("./") and not (ROOT / path).exists():
                yield f"no folder {path!r}"
            if path in (".", "memobench") and extra:
                known = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
                yield from () if f"\n{extra.rstrip(']')} = [" in known else [f"no extra {extra!r}"]
            if first == "python" and word.endswith(".py") and not (ROOT / word).is_file():
                yield f"no file {word!r}"
