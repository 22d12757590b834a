"""Text of others that reaches the terminal: it is shown, and controls nothing."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import random
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import data, plugins
from helpers.command import SCRIPT, InProcess, Shell
from helpers.plugins import Install

from harness.cli.streams import Screen, show
from harness.escaping import printable, printable_json

pytestmark = pytest.mark.faults
Make = Callable[..., Path]

CONTROLS = "\x1b[35;45m\x1b]8;;http://evil\x07\x1b]52;c;aGk=\x07\x1bP1\x1b\\\x9b31m\x85\u202e\u2028\r\x08\t[red]x[/red] [/no]\u2066"
"""Colours, a link, the clipboard, C1 controls, another direction, and markup."""
LINE = "\nPLANTED"
"""A line of its own. Short, since a long name may be folded anywhere."""
SURROGATE = "\ud800[bold]"
HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
OWN = re.compile("\x1b\\[(?!35;45m)[0-9;]*m")
"""Colours and bold type of the command's own."""


def harmless(text: str, *, styled: bool = False) -> bool:
    """Whether nothing in a text controls a terminal, and nothing in it began a line of its own."""
    text = OWN.sub("", text) if styled else text
    return HARMFUL.search(text) is None and not re.search("^PLANTED", text, re.MULTILINE)


def rename(value: Any, name: str, planted: str) -> Any:
    """The value in which every text and key that is `name` ends in `planted`."""
    if isinstance(value, dict):
        return {rename(k, name, planted): rename(v, name, planted) for k, v in value.items()}
    if isinstance(value, list):
        return [rename(item, name, planted) for item in value]
    return name + planted if value == name and isinstance(value, str) else value


def names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from names(item)
    elif isinstance(value, list):
        for item in value:
            yield from names(item)
    elif isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{16,}|[-+.\d:TZe]+", value):
        yield value


def documents(folder: Path) -> Iterator[tuple[Path, list[Any]]]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".json":
            yield path, [json.loads(path.read_text())]
        elif path.suffix == ".jsonl":
            yield path, [json.loads(line) for line in path.read_text().splitlines()]


RUN = ("--model", "echo", "--data", "faces")
RUNS = {
    "judge": ("run", *RUN, "--task", "coarse_emotion,fine_intensity", "-o", "accuracy=0.7", "--repeats", "2"),
    "failing": ("run", *RUN, "--task", "coarse_emotion", "-o", "fail_every=3"),
    "generator": ("run", "--task", "t2i_emotion", "--model", "echo", "-o", "size=32", "--judge", "fer", "--limit", "3"),
    "drawn": ("generate", "--prompts", "emotion_600", "--model", "echo", "-o", "size=32", "--limit", "3"),
    "baseline": ("gate", "--bless", "runs/judge", "--baseline", "runs/baseline"),
}  # fmt: skip
ALWAYS = {"task", "model", "coarse_emotion", "echo", "happy", "outcome", "answered", "failed", "faces", "fer", "emotion", "macro_f1",
          "group", "kind", "message", "accuracy", "state", "complete", "halted", "release", "judge", "data", "echo: none"}  # fmt: skip


def commands(run: str) -> Iterator[tuple[str, ...]]:
    """Each command that shows a run."""
    yield "list", "runs"
    if run == "runs/baseline":
        yield "gate", "--baseline", run, "whole/judge"
    else:
        yield "gate", "--baseline", "whole/baseline", run
    yield "verify", run
    yield "show", run, "--full"
    yield "show", run, "--samples"
    yield "show", run, "--json"
    for form in ("table", "markdown"):
        yield "compare", run, "whole/judge", "--format", form
    yield "leaderboard", "runs"
    yield "export", run, "--format", "jsonl", "--out", "-"
    yield "export", run, "--format", "csv", "--out", "-"
    yield "cite", run
    yield "score", run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    data.make(folder / "faces", 12)
    shell = Shell(folder)
    for name, arguments in RUNS.items():
        out = () if name == "baseline" else ("--out", f"runs/{name}")
        assert shell(*arguments, *out).code in (0, 3)
    (folder / "runs").rename(folder / "whole")
    return folder


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_of_others_controls_no_terminal(
    kind: str, whole: Path, harness: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each name, key and text of a run in turn, wherever it stands, shown by some of the commands."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    (tmp_path / "whole").symlink_to(whole / "whole")
    (tmp_path / "faces").symlink_to(whole / "faces")
    found = sorted({name for _, items in documents(whole / "whole" / kind) for name in names(items)})
    chosen = [n for n in found if n in ALWAYS]
    others = [n for n in found if n not in ALWAYS]
    chance = random.Random(kind)
    chosen += chance.sample(others, min(8, len(others)))
    for number, name in enumerate(chosen):
        styled = number % 3 == 0
        monkeypatch.setenv("FORCE_COLOR", "1" if styled else "0")
        planted = (CONTROLS, LINE, CONTROLS, LINE, SURROGATE)[number % 5]
        run = tmp_path / "runs" / kind
        shutil.rmtree(run.parent, ignore_errors=True)
        shutil.copytree(whole / "whole" / kind, run)
        for path, items in documents(run):
            path.write_text("".join(json.dumps(rename(item, name, planted)) + "\n" for item in items))
        for command in chance.sample([*commands(f"runs/{kind}")], 5):
            done = harness(*command)
            assert harmless(done.out, styled=styled), (name, command, done.out)
            assert harmless(done.err, styled=styled), (name, command, done.err)
            assert done.code != 70, (name, command, done.err)
    if (tmp_path / "summary").exists():
        assert harmless((tmp_path / "summary").read_text())


def test_names_of_files_and_arguments(harness: InProcess, make_data: Make, tmp_path: Path) -> None:
    odd = CONTROLS.replace("/", "_") + LINE
    faces = make_data(6)
    faces.rename(tmp_path / f"faces{odd}")
    for arguments in (
        ("run", "--task", "coarse_emotion", "--model", "echo", "--data", f"faces{odd}", "--out", f"run{odd}"),
        ("show", f"run{odd}"),
        ("show", f"run{odd}", "--samples"),
        ("list", "runs", f"run{odd}"),
        ("score", f"run{odd}"),
        ("verify", f"run{odd}"),
        ("export", f"run{odd}", "--format", "csv"),
        ("export", f"run{odd}", "--format", "every-eval-ever", "--out", f"out{odd}"),
        ("report", f"run{odd}", "--out", f"page{odd}.html"),
        ("report", f"run{odd}", "--out", f"none{odd}/page.html"),
        ("plot", f"run{odd}", "--kind", "ladder", "--out", f"plot{odd}.svg"),
        ("leaderboard", f"run{odd}"),
        ("compare", f"run{odd}", f"none{odd}"),
        ("cite", f"run{odd}"),
        ("gate", "--bless", f"run{odd}", "--baseline", f"base{odd}"),
        ("gate", f"run{odd}", "--baseline", f"base{odd}"),
        ("run", "--task", odd, "--model", odd, "--data", odd),
        ("run", "--task", "coarse_emotion", "--model", "echo", "-o", f"{odd}=1", "--data", f"faces{odd}"),
        ("run", "--task", "coarse_emotion", "--model", "echo", "-o", f"accuracy={odd}", "--data", f"faces{odd}"),
        ("run", f"--{odd}"),
        (odd,),
        ("show", odd),
        ("list", odd),
        ("data", "verify", odd),
        ("data", "import", odd, odd),
        ("data", "import", "folder", f"faces{odd}", "--name", odd),
    ):  # fmt: skip
        done = harness(*arguments)
        assert harmless(done.out), (arguments[0], done.out)
        assert harmless(done.err), (arguments[0], done.err)
        assert done.code != 70, done.err


NOISY = plugins.judge(
    "noisy",
    f"""
def judge(self, batch):
    import logging, sys, warnings
    text = {CONTROLS!a} + {SURROGATE!a}
    print(text)
    print(text, file=sys.stderr)
    warnings.warn(text)
    logging.warning(text)
    sys.stderr.write("[/no")
    sys.stderr.flush()
    sys.stderr.write("]" + text)
    for n, r in enumerate(batch):
        if n == 1:
            raise ValueError(text)
        yield JudgeReply(r.id, text=text + "happy")
""",
)
MANIFEST_ROW = {"emotion": "happy", "generator": "dalle" + CONTROLS, "prompt": CONTROLS}


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a terminal of 100 columns gets from the command."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(
        [str(SCRIPT), *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    written = b""
    try:
        while block := os.read(master, 65536):
            written += block
    except OSError:  # the other end is closed
        pass
    process.wait(timeout=60)
    os.close(master)
    return written.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


DRAWING = re.compile("\x1b\\[(?:\\?25[lh]|[0-9]*[AK]|(?!35;45m)[0-9;]*m)|\r")
"""What a progress bar needs."""


def test_what_libraries_print_controls_no_terminal(install: Install, make_data: Make, tmp_path: Path) -> None:
    install("noisy", NOISY)
    make_data(12)
    run = ("run", "--task", "coarse_emotion", "--model", "noisy", "--data", "faces", "--out", "run")
    for arguments in (run, (*run, "--traceback"), ("show", "run", "--samples"), ("show", "run", "--full")):
        shown = on_a_terminal(tmp_path, *arguments)
        assert HARMFUL.search(DRAWING.sub("", shown)) is None, (arguments, shown)
        if arguments is run:
            assert "[red]x[/red]" in shown, "markup is shown as it is written"
            assert not re.search(r"\x1b\[[0-9;]*31m ?x", shown)


def test_progress_bars_of_libraries_are_drawn(install: Install, make_data: Make, tmp_path: Path) -> None:
    bar = "sys.stderr.write('\\rloading 10%'); sys.stderr.write('\\rloading 90%'); sys.stderr.write('\\n')"
    body = f"def judge(self, batch):\n    import sys\n    {bar}\n    return [JudgeReply(r.id, text='happy') for r in batch]"
    install("bar", plugins.judge("bar", body))
    make_data(4)
    done = Shell(tmp_path)(
        "run", "--task", "coarse_emotion", "--model", "bar", "--data", "faces", "--out", "r"
    )
    assert "\rloading 90%" in done.err or "\nloading 90%" in done.err.replace("loading 10%\n", "\n")


def screen() -> tuple[Screen, io.BytesIO]:
    raw = io.BytesIO()
    return Screen(raw, encoding="utf-8", errors="backslashreplace", write_through=True), raw


def test_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one place through which text leaves, whoever writes it."""
    stream, raw = screen()
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    print(CONTROLS, SURROGATE)
    warnings.showwarning(CONTROLS, UserWarning, CONTROLS, 1)
    handler = logging.StreamHandler(stream)
    handler.emit(logging.LogRecord("x", 30, CONTROLS, 1, CONTROLS, None, None))
    sys.excepthook(ValueError, ValueError(CONTROLS), None)
    show("\x1b[1mbold\x1b[0m " + CONTROLS.replace("\x1b[35;45m", ""))
    stream.flush()
    written = raw.getvalue().decode()
    assert HARMFUL.search(OWN.sub("", written).replace("\t", "")) is None, written
    assert "\x1b[1mbold\x1b[0m " in written
    assert written.count("\x1b") == 2


@pytest.mark.parametrize(
    "text", ["", "x\n", "a\r\nb\r\n", "\ttab", "\rdrawn again", "gone\r", "äöü \N{GRINNING FACE}"]
)
def test_harmless_text_is_unchanged(text: str) -> None:
    assert printable(text) == printable(text, styled=True) == text


def test_json_stays_the_same_document() -> None:
    document = {CONTROLS: [CONTROLS, "\u2028\x85"]}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    assert HARMFUL.search(printable_json(text)) is None
    assert json.loads(printable_json(text)) == document


@pytest.mark.parametrize("unit", ["\x1b]", "\x1b[", "\x1b[ ", "\x1b[0;", "\x1bP x", "\r", "\x9b", "\ud800"])
def test_no_text_takes_long(unit: str) -> None:
    began = time.process_time()
    printable(unit * 100_000)
    printable("\x1b]" + unit * 100_000, styled=True)
    assert time.process_time() - began < 30


@pytest.mark.parametrize(
    "planted", ["\u2028\u2029", "\ud800", "\x00\x1b[31m", "\"'\\`${1}", "\n]"], ids=ascii
)
def test_figures_hold_labels_of_any_kind(
    planted: str, whole: Path, harness: InProcess, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "failing"
    shutil.copytree(whole / "whole" / "failing", run)
    for path, items in documents(run):
        path.write_text("".join(json.dumps(rename(item, "angry", planted)) + "\n" for item in items))
    for kind in ("confusion", "ladder"):
        assert harness("plot", str(run), "--kind", kind, "--out", "figure.svg").code in (0, 2)
