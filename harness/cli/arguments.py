"""The arguments that a subcommand was given, for the record of a run."""

from __future__ import annotations

import click

_KEY = "harness.arguments"


class RecordedCommand(click.Command):
    """A subcommand that remembers its arguments as they were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, which this uses up."""
        ctx.meta[_KEY] = tuple(args)
        return super().parse_args(ctx, args)


def command_line() -> tuple[str, ...]:
    """The command that runs: harness, the subcommand, its arguments."""
    ctx = click.get_current_context()
    return ("harness", str(ctx.info_name), *ctx.meta[_KEY])
