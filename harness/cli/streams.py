"""The standard streams of the command: output that cannot be written never stops what the command does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import select
import shutil
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from harness.escaping import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NO_ESCAPES = ("", "dumb", "unknown")
"""Values of TERM for terminals that show escape sequences as text."""


class _Tolerant(io.FileIO):
    """A descriptor that is written without errors: what cannot be written is dropped, and `problem` says why."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._terminal = self.isatty()
        self.problem: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            # None: the descriptor does not block, and its reader is behind.
            while (written := super().write(data)) is None:
                select.select([], [self], [])
            return written
        except OSError as e:
            if e.errno == errno.EPIPE or (e.errno == errno.EIO and self._terminal):
                # The reader is gone for good, also for libraries and processes that share the descriptor.
                with contextlib.suppress(OSError):
                    _discard(self.fileno())
            else:
                self.problem = e
            return memoryview(data).nbytes


class Screen(io.TextIOWrapper):
    """Text on its way to a terminal, a pipe or a file: nothing in it controls the terminal.

    All text of the command passes through here: its own, that of Python, and what libraries print.
    """

    def write(self, text: str, /) -> int:
        super().write(printable(text))
        return len(text)

    def write_styled(self, text: str) -> None:
        """Write text whose colours and bold type are our own."""
        super().write(printable(text, styled=True))

    @property
    def unscreened(self) -> TextIO:
        """The same stream for what draws its lines again and shows only escaped text."""
        return cast(TextIO, _Unscreened(self))


class _Unscreened:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self._screen, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._screen, name)


_output: _Tolerant | None = None


def protect_streams() -> None:
    """Make standard output and error never raise; closed descriptors become the null device.

    Otherwise the next file that is opened would get the number of a closed descriptor, and everything printed.
    Streams that a caller in Python has replaced are left alone.
    """
    global _output
    for descriptor in range(3):
        if not _usable(descriptor):
            _discard(descriptor)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    if sys.stdout is sys.__stdout__:
        _output = _Tolerant(1)
        # A terminal that lacks a character shows another instead of ending the command.
        sys.stdout = _text(_output, sys.stdout, "replace", lines=_output.isatty())
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Tolerant(2), sys.stderr, "backslashreplace", lines=True)


@contextlib.contextmanager
def divert_output() -> Iterator[None]:
    """What is written to standard output, also by libraries and other processes, goes to standard error.

    Afterwards both streams are what they were, whatever was done to them meanwhile.
    """
    out, err = sys.stdout, sys.stderr
    own = _number(out) is not None and _number(out) == _number(_output)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        out.flush()
    kept = [_copy(1), _copy(2)] if own else []
    if kept:
        os.dup2(2, 1)
    sys.stdout = err
    try:
        yield
    finally:
        for number, descriptor in enumerate(kept, 1):
            _put_back(descriptor, number)
        sys.stdout, sys.stderr = _open_again(out, 1), _open_again(err, 2)


def _number(stream: Any) -> int | None:
    """The descriptor of a stream; None for one that a plugin closed or took away."""
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _copy(descriptor: int) -> int:
    # High numbers: code that closes "all" descriptors closes the first few hundred, and none is in anybody's way.
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 900)
    except OSError:
        return os.dup(descriptor)


def _put_back(kept: int, number: int) -> None:
    try:
        os.dup2(kept, number)
        os.close(kept)
    except OSError:  # it was closed
        if not _usable(number):
            _discard(number)


def _open_again(stream: TextIO, number: int) -> TextIO:
    """The stream, or one like it where it was closed."""
    global _output
    # A stream that was taken away is put back by whoever had it before.
    if stream is None or not stream.closed:
        return stream
    raw = _Tolerant(number)
    if number == 1:
        _output = raw
    return _text(raw, None, "replace" if number == 1 else "backslashreplace", lines=True)


def unwritten() -> OSError | None:
    """Flush standard output. Returns why some of it could not be written; a reader that has left is no error."""
    try:
        sys.stdout.flush()
    except OSError as e:
        return None if e.errno == errno.EPIPE else e
    return _output.problem if _output is not None else None


def takes_escapes(stream: TextIO) -> bool:
    """Whether a stream is a terminal that understands escape sequences."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in _NO_ESCAPES


def takes_color(stream: TextIO) -> bool:
    """Whether output is coloured: NO_COLOR says no, then FORCE_COLOR says yes, else what the stream is."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in ("", "0") or takes_escapes(stream)


def columns() -> int:
    """The width of output: that of the terminal, or what COLUMNS says, else 80; 200 at most, since longer lines are not read."""
    return max(40, min(200, shutil.get_terminal_size((80, 24)).columns))


_PLAIN = str.maketrans(
    {
        "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
        "\N{MIDDLE DOT}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{EN DASH}": "-",
        "\N{RIGHTWARDS ARROW}": "->",
        "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}": "\\n",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{CHECK MARK}": "+",
        "\N{ALMOST EQUAL TO}": "~",
        "\N{BALLOT X}": "x",
        "\N{REPLACEMENT CHARACTER}": "?",
    }
)


def within(text: str, stream: TextIO) -> str:
    """The text with plainer signs in place of those that the encoding of the stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    lacking = {}
    for code, plainer in _PLAIN.items():
        try:
            chr(code).encode(encoding)
        except UnicodeEncodeError:
            lacking[code] = plainer
        except LookupError:
            return text
    return text.translate(lacking)


def show(text: str, *, err: bool = False) -> None:
    """Print text that may hold our own colours on standard output or error."""
    stream = sys.stderr if err else sys.stdout
    text = within(text, stream)
    if isinstance(stream, Screen) and takes_color(stream):
        stream.write_styled(text)
        stream.flush()
    else:
        click.echo(text, nl=False, err=err, color=True)


def _usable(descriptor: int) -> bool:
    try:
        return not stat.S_ISDIR(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _discard(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(null, descriptor)
        os.close(null)


def _text(raw: _Tolerant, earlier: TextIO | None, errors: str, *, lines: bool) -> Screen:
    found = earlier if isinstance(earlier, io.TextIOWrapper) else None
    return Screen(
        io.BufferedWriter(raw),
        encoding=found.encoding if found else "utf-8",
        errors=errors,
        line_buffering=lines,
        write_through=bool(found and found.write_through),
    )
