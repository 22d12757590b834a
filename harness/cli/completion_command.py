"""`harness completion`: the script that completes commands, options and names in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from harness.errors import ExitCode

SHELLS = {
    "bash": 'eval "$(harness completion bash)"      in ~/.bashrc',
    "zsh": 'eval "$(harness completion zsh)"       in ~/.zshrc',
    "fish": "harness completion fish | source       in ~/.config/fish/config.fish",
}


@click.command("completion", epilog="\b\n" + "\n".join(f"  {line}" for line in SHELLS.values()))
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> int:
    """Print the script that completes commands, options, tasks, models, data sets and runs in a shell."""
    from harness.cli.main import harness

    found = get_completion_class(shell)
    assert found is not None, "click has these three"
    click.echo(found(harness, {}, "harness", "_HARNESS_COMPLETE").source())
    return ExitCode.OK
