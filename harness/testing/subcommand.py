"""The contract of subcommands."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from harness.testing.contract import Contract


class CommandContract(Contract):
    """Inherit and override `subcommand`."""

    @pytest.fixture
    def subcommand(self) -> click.Command:
        """The command under test."""
        pytest.fail("override the fixture `subcommand`")

    def test_it_has_help(self, subcommand: click.Command) -> None:
        """`--help` says what the command does.

        Fix: write a docstring.
        """
        assert (subcommand.help or "").strip(), "the command has no docstring"
        done = CliRunner().invoke(subcommand, ["--help"])
        assert done.exit_code == 0, f"--help ends with {done.exit_code}: {done.exception!r:.200}"

    def test_options_have_help(self, subcommand: click.Command) -> None:
        """Every option says what it does.

        Fix: `@click.option("--name", help="...")`.
        """
        options = [p for p in subcommand.params if isinstance(p, click.Option)]
        silent = [p.opts[0] for p in options if not p.help and not p.hidden]
        assert not silent, f"{silent[0]} has no help"

    def test_unknown_options_are_refused(self, subcommand: click.Command) -> None:
        """An option that does not exist is an error.

        Fix: remove `ignore_unknown_options`.
        """
        done = CliRunner().invoke(subcommand, ["--surely-no-such-option"])
        assert done.exit_code == 2, f"--surely-no-such-option ends with {done.exit_code} instead of 2"
