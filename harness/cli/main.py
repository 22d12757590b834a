"""Entry point of the command line: loads subcommands lazily, turns failures into messages and exit codes."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

import click

from harness._version import __version__
from harness.cli import early
from harness.cli.guests import blamed, own_process
from harness.cli.interrupts import handle_interrupts, limit_shutdown
from harness.cli.streams import protect_streams, unwritten
from harness.errors import ExitCode, HarnessError, nearest

COMMANDS = {
    "run": "Evaluate a model on tasks; resumes an unfinished run.",
    "generate": "Generate images for a prompt set; the folder is a data set.",
    "score": "Parse and score a run again, without a model.",
    "merge": "Put the shards of a run together.",
    "verify": "Check that a run folder is whole: lines, images, results.",
    "compare": "Compare runs: paired differences with intervals.",
    "gate": "Tell whether a new release is worse than a baseline.",
    "report": "Write runs to one HTML file, with every answer and its picture.",
    "leaderboard": "Rank the models of many runs in one table.",
    "plot": "Draw runs as figures for papers: SVG, PDF or PNG.",
    "data": "Import, check and export data sets.",
    "list": "List tasks, models, data, metrics, plugins or runs.",
    "show": "Show a task, a component with its options, or a run.",
    "export": "Write a run as CSV, Parquet, JSON Lines, or for other tools.",
    "cite": "Say in a paper what a run measured, with BibTeX.",
    "power": "Plan how many answers a comparison needs.",
    "plugin": "Write a new plugin, or check an installed one.",
    "presets": "Check the short names of models against what is installed.",
    "schema": "Print the JSON Schema of task files or of results.",
    "doctor": "Show what is installed, what works, what to install.",
    "completion": "Print the script that completes names in bash, zsh or fish.",
}
DEBUG = "MEMOBENCH_DEBUG"
"""The environment variable that does what --traceback does."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
LONGEST = 1000
"""Characters of a message that are shown: names and values in it may be of any length."""


class LazyGroup(click.Group):
    """A group that imports a subcommand's module when it is used: `harness --help` loads no plugin."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands, in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of a name, or None."""
        if cmd_name not in COMMANDS:
            from harness.cli.plugin_commands import find_command

            early.loaded()
            return find_command(cmd_name)
        command: click.Command = importlib.import_module(f"harness.cli.{cmd_name}_command").command
        early.loaded()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of subcommands, from texts kept here so that none is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand meant; an unknown one is answered with the nearest."""
        typed = args[0] if args and not ctx.resilient_parsing else "-"
        if typed not in COMMANDS and not typed.startswith("-"):
            from harness.cli.plugin_commands import find_command, names

            if find_command(args[0]) is None:
                known = [*COMMANDS, *names()]
                guess = nearest(args[0], known)
                raise HarnessError(
                    f"Unknown command {args[0]!r}.",
                    (f"Did you mean {guess!r}? " if guess else "") + f"Commands: {', '.join(known)}.",
                )
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="memobench")
def harness() -> None:
    """memobench measures how well AI portrays and recognises human emotion.

    \b
      harness run --task comprehension --model fer                   a judge, on rated portraits
      harness run --task t2i_emotion --model portraits --judge fer   a generator, rated by a judge
      harness show RUN                                               what a run found

    Exit codes: 0 success; 1 the gate found a regression; 2 the request was wrong; 3 samples failed or could not
    be stored (run again to resume); 4 the gate cannot tell; 70 internal error; 130 interrupted (run again to
    resume). --traceback, or MEMOBENCH_DEBUG=1, shows where an error came from.
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        code = _main(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # again, while the first one is dealt with
        code = ExitCode.INTERRUPTED
    if argv is None:
        limit_shutdown(code)
    sys.exit(code)


def _main(arguments: list[str]) -> int:
    if "_HARNESS_COMPLETE" in os.environ:
        return _complete()
    show_traceback = "--traceback" in arguments or os.environ.get(DEBUG, "0") not in ("", "0")
    arguments = [a for a in arguments if a != "--traceback"]
    protect_streams()
    signal.signal(signal.SIGTERM, _terminate)
    # Whatever runs goes on when its terminal is closed, as do the processes that it started.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Metrics are small matrices: threads of the linear algebra library only stall on a busy machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with handle_interrupts(), _debugging(show_traceback):
        code = _guarded(arguments, show_traceback)
        problem = unwritten()
        if problem is not None:
            failed = _unwritable(problem)
            code = code or failed
    return code


def _complete() -> int:
    """Answer the shell, which asks while a line is being typed: whatever fails, nothing is printed into the line."""
    try:
        harness.main([], prog_name="harness")
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else ExitCode.OK
    except Exception:
        return ExitCode.OK
    return ExitCode.OK


@contextlib.contextmanager
def _debugging(wanted: bool) -> Iterator[None]:
    """Have the tracebacks of failed requests printed, also by the processes that the command starts."""
    before = os.environ.get(DEBUG)
    if wanted:
        os.environ[DEBUG] = "1"
    try:
        yield
    finally:
        if wanted and before is None:
            os.environ.pop(DEBUG, None)


def _unwritable(e: OSError) -> int:
    return _say(
        f"The output cannot be written: {e.strerror}.",
        "What was stored is kept: `harness show RUN` prints it.",
        ExitCode.FAILED,
    )


def _terminate(number: int, frame: FrameType | None) -> None:
    # A terminated run ends like an interrupted one: everything stored, resumable.
    raise KeyboardInterrupt


def _guarded(arguments: list[str], show_traceback: bool) -> int:
    cause: BaseException
    try:
        with own_process():
            result = harness.main(arguments, prog_name="harness", standalone_mode=False)
        return result if isinstance(result, int) else ExitCode.OK
    except HarnessError as e:
        cause, code = e, _say(e.message, e.hint, e.exit_code)
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message(), err=True)  # The help itself: no command was given.
        return ExitCode.BAD_REQUEST
    except click.ClickException as e:
        cause, code = e, _say(*_usage(e), ExitCode.BAD_REQUEST)
    except (KeyboardInterrupt, click.Abort) as e:
        resume = "What was stored is kept: run the same command again to resume."
        cause, code = e, _say("Interrupted.", resume, ExitCode.INTERRUPTED)
    except BaseException as e:  # an internal error still gets a clear message
        # click exits where a pipe is closed; the pipe is not the output, which raises nothing.
        cause = e.__context__ if isinstance(e, SystemExit) and e.__context__ else e
        if isinstance(cause, OSError) and cause.errno in FULL:
            code = _unwritable(cause)
        elif plugin := _blamed(cause):
            what = f"The plugin {plugin} failed: {type(cause).__name__}: {_text(cause)}."
            code = _say(what, "Report it to its authors. What was stored is kept.", ExitCode.FAILED)
        else:
            report = "Please report it with the output of the same command and --traceback. What was stored is kept."
            what = f"Internal error: {type(cause).__name__}: {_text(cause)}"
            code = _say(what, report, ExitCode.INTERNAL_ERROR)
    if show_traceback:
        traceback.print_exception(type(cause), cause, cause.__traceback__)
    return code


def _blamed(error: BaseException) -> str:
    """The plugin whose code raised an error that nothing caught; "" for our own code."""
    return blamed(error)


def _text(error: BaseException) -> str:
    from harness.components.failures import message_of

    return message_of(error)


def _usage(e: click.ClickException) -> tuple[str, str]:
    command = e.ctx.command_path if isinstance(e, click.UsageError) and e.ctx else "harness"
    message = " ".join(e.format_message().split())
    if isinstance(e, click.NoSuchOption):
        guess = nearest(e.option_name, e.possibilities or [])
        message = f"No such option: {e.option_name}." + (f" Did you mean {guess}?" if guess else "")
    return message, f"See `{command} --help`."


def _say(message: str, hint: str, code: int) -> int:
    # Imported late: most commands end without an error.
    from harness.escaping import plain
    from harness.secrets import hide_keys

    # Hidden before the text is cut: a part of a key is a secret, too.
    click.echo(f"error: {plain(hide_keys(message), LONGEST)}", err=True)
    if hint:
        click.echo(f"  -> {plain(hide_keys(hint), LONGEST)}", err=True)
    return code
