"""The command line, from click."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from harness.cli.main import COMMANDS, harness
from reference.markdown import table

INTRO = """# Commands

`harness COMMAND --help` prints the same. Every command takes `--traceback`, which shows where an error came from. Results go to
standard output, progress and messages to standard error; [exit codes](errors.md) are the same everywhere. Plugins can add
[commands of their own](../plugins/commands.md).

"""


def page() -> str:
    """All commands and groups, in the order of `harness --help`."""
    context = click.Context(harness, info_name="harness")
    parts = [
        INTRO,
        table(["Command", "What it does"], [(f"[`{n}`](#harness-{n})", s) for n, s in COMMANDS.items()]),
    ]
    for name in COMMANDS:
        command = harness.get_command(context, name)
        assert command is not None, name
        parts += _described(command, click.Context(command, info_name=name, parent=context), 2)
    return "\n".join(parts)


def _described(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n"
    yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}\n"
    yield _prose(command.help or "")
    arguments = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    yield table(["Option", "What it does"], [(_names(o, context), _help(o, context)) for o in arguments])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            assert sub is not None, name
            yield from _described(sub, click.Context(sub, info_name=name, parent=context), level + 1)


def _prose(text: str) -> str:
    """The help text: paragraphs, and those that must not be wrapped as code."""
    found = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if paragraph.startswith("\b"):
            found.append("\n".join(f"    {line.strip()}" for line in paragraph.splitlines()[1:]) + "\n")
        else:
            found.append(" ".join(paragraph.split()).replace("<", "&lt;") + "\n")
    return "\n".join(found)


def _names(option: click.Option, context: click.Context) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return f"`{names}`"
    return f"`{names} {option.make_metavar(context)}`"


def _help(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    return record[1] if record else ""
