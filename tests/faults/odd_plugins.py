"""Judges and generators put together from what plugins must not do: a run goes on, or stops with their name."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import textwrap
from pathlib import Path

from faults.calls import Tried
from faults.kills import SCRIPT
from helpers import data, plugins

HEAD = "import asyncio, gc, signal, sys, threading, time, warnings\nclass Own(BaseException): pass\nclass Odd(Exception):\n    def __str__(self): raise Odd()\n"
RAISED = (
    "Own('x')", "Odd()", "asyncio.CancelledError()", "KeyboardInterrupt()", "SystemExit(0)", "SystemExit('x')", "GeneratorExit()",
    "StopIteration()", "MemoryError()", "RecursionError()", "BrokenPipeError(32, 'x')", "OSError(28, 'No space left on device')",
    "BaseException()", "ExceptionGroup('x', [Own('y')]) if 0 else ValueError()", "ReplyError('x', 'y')", "UnicodeDecodeError('utf-8', b'x', 0, 1, 'x')",
)  # fmt: skip
DOES = (
    "os.chdir('/')", "print('x' * 100_000)", "os.write(1, b'x\\n')", "os.system('echo x; echo y >&2')", "sys.stdout.close()",
    "os.closerange(0, 3)", "os.closerange(3, 600)", "sys.stdout = sys.stderr = None", "os.fork()", "os.umask(0o777)",
    "os.environ.clear()", "signal.signal(signal.SIGINT, signal.SIG_IGN)", "signal.signal(signal.SIGALRM, signal.SIG_DFL)",
    "threading.Thread(target=time.sleep, args=(30,), daemon=False).start()", "sys.setrecursionlimit(80)", "sys.settrace(lambda *a: None)",
    "os.kill(os.getpid(), signal.SIGTERM)", "os.kill(os.getpid(), signal.SIGHUP)", "os.kill(os.getpid(), signal.SIGPIPE)", "gc.disable()",
    "sys.modules.pop('json', None)", "warnings.simplefilter('error')", "os._exit(0)", "os.remove('runs/it/run.json')", "time.sleep(100)",
    "threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGTERM)).start()", "sys.exit()", "while True: pass", "del sys.argv[:]",
)  # fmt: skip
REPLIES = (
    "return [JudgeReply(r.id, text='happy') for r in batch]", "return None", "return 7", "return [None]", "return {}", "return 'happy'",
    "return [JudgeReply(r.id, text='happy') for r in batch] * 3", "return [JudgeReply('x', text='happy')]", "yield None",
    "return [JudgeReply(r.id, text=7) for r in batch]", "return [JudgeReply(r.id, text='\\ud800\\0\\x1b[2J') for r in batch]",
    "return [JudgeReply(r.id, text='x' * 3_000_000) for r in batch]", "return [JudgeReply(r.id, scores={'happy': float('nan')}) for r in batch]",
    "return [JudgeReply(r.id, text='happy', usage={'n': 10**400}) for r in batch]", "return [JudgeReply(r.id, rating=1e308) for r in batch]",
    "return [JudgeReply(r.id, text='happy', extra={'x': object()}) for r in batch]", "return [JudgeReply(None, text='happy')]",
    "for r in batch:\n    yield JudgeReply(r.id, text='happy')\n    yield JudgeReply(r.id, text='sad')", "return iter(())",
    "return [object.__new__(JudgeReply)]", "return (JudgeReply(r.id, text='happy') for r in [*batch, *batch])",
    "return [JudgeReply(r.id, error=ReplyError('x', 'y')) for r in batch]", "return [JudgeReply(r.id) for r in batch]",
)  # fmt: skip
HANGS = ("while True: pass", "time.sleep(100)")
METHODS = ("judge", "open", "close", "__init__", "identity")
SECONDS = 90


def make(root: Path) -> None:
    """The data that the plugins judge."""
    data.make(root / "faces", 12)


def try_plugin(root: Path, seed: int) -> Tried:
    """Run a judge that does one to three things that it must not."""
    rng = random.Random(seed)
    for name in ("site", "runs"):
        shutil.rmtree(root / name, ignore_errors=True)
    lines, where = [], rng.choice(("judge", "judge", "judge", *METHODS))
    for _ in range(rng.choice((0, 1, 1, 2))):
        # Loading a model has no limit.
        lines.append(rng.choice([does for does in DOES if where == "judge" or does not in HANGS]))
    if rng.random() < 0.4:
        lines.append(f"raise {rng.choice(RAISED)}")
    if where == "judge" and rng.random() < 0.5:
        lines = [
            f"if any(r.sample_id == 's00005' for r in batch):\n{textwrap.indent(chr(10).join([*lines, 'pass']), '    ')}"
        ]
    body = _class(where, lines, rng.choice(REPLIES) if rng.random() < 0.6 else REPLIES[0])
    _install(root / "site", HEAD + plugins.judge("mine", body))
    tried = Tried(f"plugin, seed {seed}", f"{where}: {'; '.join(lines)} | {body.splitlines()[-1].strip()}")
    options = ["--timeout", "2"]
    command = [
        "run",
        "--task",
        "coarse_emotion",
        "--data",
        "faces",
        "--out",
        "runs/it",
        "--json",
        "--model",
        "mine",
        *options,
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root / "site"), os.environ.get("PYTHONPATH")))),
    }
    process = subprocess.Popen(
        [str(SCRIPT), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        errors="replace", env=environment, cwd=root, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        out, err = "", "it hangs"
        tried.wrong.append(f"it hangs for more than {SECONDS} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    _judge(tried, root, process.returncode, out, err, where, lines)
    return tried


def _judge(tried: Tried, root: Path, code: int, out: str, err: str, where: str, lines: list[str]) -> None:
    """Which ends are right: results, or an error with a message; Ctrl-C and signals of its own end it as they do."""
    text = "\n".join(lines)
    allowed = {0, 2, 3, 130}
    if "SIGPIPE" in text:
        allowed.add(-signal.SIGPIPE)
    if code not in allowed:
        tried.wrong.append(f"exit {code}\n{err[-2000:]}")
    if "Traceback" in err + out:
        tried.wrong.append(f"a traceback\n{err[-2000:]}")
    if code and not err.strip() and not any(does in text for does in ("close", "std", "_exit")):
        tried.wrong.append(f"exit {code}: it says nothing")
    replies = root / "runs" / "it" / "replies.jsonl"
    if "replies.jsonl" in text or "run.json" in text:
        return
    ids = [json.loads(line)["id"] for line in replies.read_text().splitlines()] if replies.exists() else []
    if len(set(ids)) != len(ids):
        tried.wrong.append("a reply is stored twice")
    if code == 0 and len(ids) != 12:
        tried.wrong.append(f"exit 0 with {len(ids)} of 12 replies\n{err[-1000:]}")
    if {p.name for p in root.iterdir()} > {"faces", "runs", "site"} | {
        p.name for p in root.iterdir() if p.name.startswith("xdg")
    }:
        tried.wrong.append(f"it wrote elsewhere: {sorted(p.name for p in root.iterdir())}")


def _class(where: str, lines: list[str], reply: str) -> str:
    """The methods of a judge, one of which does what it must not."""
    does = "\n".join(lines) or "pass"
    judge = f"{does}\n{reply}" if where == "judge" else reply
    text = f"def judge(self, batch):\n{textwrap.indent(judge, '    ')}\n"
    if where == "__init__":
        text += f"def __init__(self, options=None):\n{textwrap.indent(does, '    ')}\n    super().__init__(options)\n"
    elif where == "identity":
        text += f"def identity(self):\n{textwrap.indent(does, '    ')}\n    return {{}}\n"
    elif where != "judge":
        text += f"def {where}(self):\n{textwrap.indent(does, '    ')}\n"
    return text


def _install(site: Path, source: str) -> None:
    info = site / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "mine.py").write_text(source, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[memobench]\nmine = mine\n")
