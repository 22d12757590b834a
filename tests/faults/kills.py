"""Kills commands at system calls and at random moments, makes system calls fail, and compares what a resumed run holds."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from faults.calls import Tried, call
from helpers import data

SCRIPT = Path(sys.executable).parent / "harness"
JUDGE = [
    "run",
    "--task",
    "coarse_emotion,fine_intensity",
    "--model",
    "echo",
    "-o",
    "accuracy=0.7",
    "--data",
    "faces",
    "--repeats",
    "3",
]
FEW = ["--model", "echo", "-o", "size=64", "--limit", "4"]
COMMANDS = {
    "judge": [*JUDGE, "--out", "runs/it"],
    "fresh": [*JUDGE, "--fresh", "--out", "runs/it"],
    "generator": ["run", "--task", "t2i_emotion", *FEW, "--judge", "echo", "--out", "runs/it"],
    "drawn": ["generate", "--prompts", "emotion_600", *FEW, "--out", "runs/it"],
    "score": ["score", "runs/it", "--group-by", "subject"],
    "import": [
        "data",
        "import",
        "manifest",
        "other",
        "--label",
        "perceived",
        "--name",
        "it",
        "--copy",
        "--replace",
    ],
    "export": ["data", "export", "faces", "--out", "exported", "--replace"],
}
CALLS = {
    "write": 60, "pwrite64": 3, "fsync": 8, "rename": 8, "renameat2": 1, "openat": 900, "unlink": 6, "ftruncate": 6, "mkdir": 6,
    "fcntl": 40, "flock": 2, "syncfs": 1, "close": 600, "lseek": 200, "rmdir": 2, "pread64": 20,
}  # fmt: skip
"""Each system call, and about how often a command makes it."""
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", "EMFILE", "ENOLCK", "EINTR")
FAILING = (
    "write",
    "ftruncate",
    "fsync",
    "replace",
    "open",
    "unlink",
    "mkdir",
    "pread",
    "rename",
    "rmdir",
    "fstat",
)


def make(root: Path) -> None:
    """Data sets, and what each command leaves where nothing goes wrong."""
    data.make(root / "faces", 24)
    data.make(root / "other", 6, offset=500)
    for name in COMMANDS:
        _begin(root, name)
        call(*COMMANDS[name]).expect(0)
        (root / f"{name}.json").write_text(json.dumps(_left(root, name)))


def _begin(root: Path, name: str) -> None:
    """The state before a command: a run to be scored or asked anew, a data set to be replaced."""
    for folder in ("runs", "exported", "xdg_data_home"):
        shutil.rmtree(root / folder, ignore_errors=True)
    before = root / f"before-{name}"
    if not before.exists():
        before.mkdir()
        if name in ("score", "fresh"):
            call(*COMMANDS["judge"]).expect(0)
        if name == "import":
            command = [part.replace("other", "faces") for part in COMMANDS[name]]
            call(*command).expect(0)
        if name == "export":
            call(*(part.replace("faces", "other") for part in COMMANDS[name])).expect(0)
        for folder in ("runs", "exported", "xdg_data_home"):
            if (root / folder).exists():
                shutil.copytree(root / folder, before / folder)
    shutil.copytree(before, root, dirs_exist_ok=True)


def _left(root: Path, name: str) -> Any:
    """What a command left, without times."""
    if name == "import":
        # What this process itself could not remove stays until it has ended.
        mine = re.compile(rf"\..*(\.lock|-{os.getpid()}-.*)|import\.json")
        found = (root / "xdg_data_home").rglob("*")
        return sorted(p.name for p in found if not any(map(mine.fullmatch, p.parts)))
    if name == "export":
        return sorted(p.name for p in (root / "exported").rglob("*"))
    run = root / "runs" / "it"
    replies = [json.loads(line) for line in (run / "replies.jsonl").read_text().splitlines()]
    images = sorted(p.name for p in (run / "images").glob("*")) if (run / "images").exists() else []
    tasks = json.loads((run / "results.json").read_text())["tasks"] if name != "drawn" else []
    values = [{k: v for k, v in task.items() if k != "timings"} for task in tasks]
    names = sorted(p.name for p in run.iterdir() if p.name != "previous")
    said = sorted([str(r["id"]), str(r.get("text"))] for r in replies)
    return json.loads(json.dumps([said, images, values, names]))


def _check(tried: Tried, root: Path, name: str) -> None:
    """The command again, without a fault: what is left must be what an undisturbed one leaves."""
    if name == "import" and not any((root / "xdg_data_home").rglob("manifest.csv")):
        tried.wrong.append("the data set is lost")
    command = COMMANDS[name]
    if name == "fresh" and (root / "runs" / "it" / "previous").exists():
        command = COMMANDS["judge"]
    called = call(*command)
    if called.code != 0:
        tried.wrong.append(f"the command again: exit {called.code}\n{called.out[-2000:]}")
        return
    left, expected = _left(root, name), json.loads((root / f"{name}.json").read_text())
    if left != expected:
        tried.wrong.append(f"what is left differs: {str(left)[:1500]}\nexpected: {str(expected)[:1500]}")
    if name in ("judge", "generator", "drawn", "fresh", "score"):
        verified = call("verify", "runs/it")
        if verified.code != 0:
            tried.wrong.append(f"harness verify: {verified.out[-1000:]}")


def try_kill(root: Path, seed: int) -> Tried:
    """Kill a command once or twice, at a system call where strace is installed, else at a random moment."""
    rng = random.Random(seed)
    name = rng.choice(list(COMMANDS))
    _begin(root, name)
    done = []
    for _ in range(rng.choice((1, 1, 2))):
        system_call = rng.choice(list(CALLS))
        if shutil.which("strace") and rng.random() < 0.8:
            at = rng.randint(1, CALLS[system_call])
            inject = f"inject={system_call}:signal=KILL:when={at}"
            done.append(f"{system_call} {at}: {_traced(inject, system_call, name)}")
        else:
            process = subprocess.Popen(
                [str(SCRIPT), *COMMANDS[name]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            moment = rng.uniform(0.2, 2.0)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment)
            process.kill()
            done.append(f"after {moment:.2f} s: {process.wait()}")
    tried = Tried(f"{name}, seed {seed}", "; ".join(done))
    if name == "import" and "it" not in call("list", "data", "--json").out:
        tried.wrong.append("the data set is lost")
    _check(tried, root, name)
    return tried


def _traced(inject: str, system_call: str, name: str) -> int:
    command = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={system_call}",
        "-e",
        inject,
        str(SCRIPT),
        *COMMANDS[name],
    ]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    return done.returncode


def try_error(root: Path, seed: int) -> Tried:
    """Make a system call below the working directory fail, once or from then on, as a full disk or a broken one does."""
    rng = random.Random(seed)
    name = rng.choice(list(COMMANDS))
    _begin(root, name)
    function, number = rng.choice(FAILING), rng.choice(ERRORS[:5] if rng.random() < 0.9 else ERRORS)
    at = rng.choice((1, 2, 3, rng.randint(1, 12), rng.randint(1, 90)))
    ever = rng.random() < 0.5
    tried = Tried(f"{name}, seed {seed}", f"os.{function} call {at}{'+' if ever else ''}: {number}")
    with failing(root, function, getattr(errno, number), at, ever) as made:
        called = tried.command(COMMANDS[name], (0, 2, 3), [])
    if called.code == 0 and made and name != "export" and _quietly_lost(root, name):
        tried.wrong.append(f"exit 0 although {made[0]} failed\n{called.out[-500:]}")
    _check(tried, root, name)
    return tried


def _quietly_lost(root: Path, name: str) -> bool:
    try:
        return bool(_left(root, name) != json.loads((root / f"{name}.json").read_text()))
    except (OSError, ValueError, KeyError):
        return True


@contextlib.contextmanager
def failing(root: Path, function: str, number: int, at: int, ever: bool) -> Iterator[list[str]]:
    """Calls of `os.FUNCTION` on something below `root` raise an error: the `at`-th one, and with `ever` all that follow."""
    real: Callable[..., Any] = getattr(os, function)
    count, made = 0, []
    watched = tuple(str(root / folder) for folder in ("runs", "exported", "xdg_data_home"))

    def broken(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        path = _path_of(arguments[0])
        writes = function != "open" or (len(arguments) > 1 and arguments[1] & (os.O_WRONLY | os.O_RDWR))
        if writes and path.startswith(watched):
            count += 1
            if count == at or (ever and count > at):
                made.append(f"{function} {path}")
                raise OSError(number, os.strerror(number), path)
        return real(*arguments, **options)

    setattr(os, function, broken)
    try:
        yield made
    finally:
        setattr(os, function, real)


def _path_of(target: Any) -> str:
    if isinstance(target, int):
        try:
            return os.readlink(f"/proc/self/fd/{target}")
        except OSError:
            return ""
    return os.path.abspath(os.fsdecode(target))


def interrupted_at_random(root: Path, seed: int) -> Tried:
    """Ctrl-C, or `kill`, at a random moment: exit 130 or a result, no traceback, and the command again resumes."""
    rng = random.Random(seed)
    name = rng.choice(list(COMMANDS))
    _begin(root, name)
    process = subprocess.Popen(
        [str(SCRIPT), *COMMANDS[name]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    time.sleep(rng.uniform(0.1, 1.5))
    number = rng.choice((signal.SIGINT, signal.SIGTERM))
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    tried = Tried(f"{name}, seed {seed}", f"{number.name}: exit {process.returncode}")
    if process.returncode not in (0, 130, -number) or "Traceback" in out:
        tried.wrong.append(f"exit {process.returncode}\n{out[-2000:]}")
    _check(tried, root, name)
    return tried
