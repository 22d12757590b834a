"""Plugins that do what they must not: the run goes on, or stops with the plugin's name; nothing hangs, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.command import InProcess, Shell
from helpers.plugins import Install

pytestmark = pytest.mark.faults
Make = Callable[..., Path]

RUN = ("run", "--task", "coarse_emotion", "--data", "faces", "--out", "run", "--json", "--model", "mine")
GOOD = "return [JudgeReply(r.id, text='happy') for r in batch]"
N = 12


def judge(body: str, setup: str = "") -> str:
    """A judge whose method `judge(self, batch)` has this body; `setup` are more methods."""
    text = f"def judge(self, batch):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n{textwrap.dedent(setup)}"
    head = "import asyncio, signal, sys, threading, time\nclass Own(BaseException): pass\nclass Ctrl(KeyboardInterrupt): pass\n"
    return head + plugins.judge("mine", text)


def stored(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run" / "replies.jsonl").read_text().splitlines()]


RAISED = ["asyncio.CancelledError()", "Own('x')", "Ctrl()", "SystemExit(0)", "GeneratorExit()", "StopIteration()", "MemoryError()",
          "RecursionError()", "BrokenPipeError(32, 'Broken pipe')", "OSError(28, 'No space left on device')", "Odd()"]  # fmt: skip
MIGHT_END_THE_PROCESS = ("Ctrl()", "SystemExit(0)", "GeneratorExit()")
"""These are tried in a process of its own; others in this one, which is faster."""
ODD = "class Odd(Exception):\n    def __str__(self): raise Odd()\n"


@pytest.mark.parametrize("error", RAISED)
def test_a_judge_that_raises_in_some_batches(
    error: str, shell: Shell, harness: InProcess, install: Install, faces: Path
) -> None:
    install(
        "mine", ODD + judge(f"if any(r.sample_id == 's00006' for r in batch):\n    raise {error}\n{GOOD}")
    )
    done = (shell if error in MIGHT_END_THE_PROCESS else harness)(*RUN)
    done.fails(3)
    # Its last batch has no more to answer where the error can only end the stream.
    assert done.task["failed"] >= 4
    assert done.task["answered"] == len(stored(shell.folder)) == N - done.task["failed"]
    failures = [
        json.loads(line) for line in (shell.folder / "run" / "failures.jsonl").read_text().splitlines()
    ]
    assert {f["error"]["kind"] for f in failures} == {
        error.partition("(")[0].rpartition(".")[2].replace("StopIteration", "StopIteration")
    }
    assert json.loads((shell.folder / "run" / "run.json").read_text())["state"] == "failed"


PLACES = {
    "__init__": "def __init__(self, options=None):\n    raise {error}",
    "identity": "def identity(self):\n    raise {error}",
    "open": "def open(self):\n    raise {error}",
    "stream": "def stream(self, requests):\n    raise {error}\n    yield",
}


@pytest.mark.parametrize(
    "error", ["asyncio.CancelledError()", "Own('x')", "Ctrl()", "SystemExit(0)", "Odd()"]
)
@pytest.mark.parametrize("place", PLACES)
def test_a_judge_that_raises_elsewhere(
    place: str, error: str, shell: Shell, harness: InProcess, install: Install, faces: Path
) -> None:
    install("mine", ODD + judge(GOOD, PLACES[place].format(error=error)))
    alone = error in MIGHT_END_THE_PROCESS if place == "stream" else error == "Ctrl()"
    done = (shell if alone else harness)(*RUN)
    done.fails(3, "mine", error.partition("(")[0].rpartition(".")[2])


def test_a_metric_that_raises_what_nobody_expects(shell: Shell, install: Install, faces: Path) -> None:
    source = """
    import asyncio
    from harness import Component, Metric, hookimpl

    class Odd(Metric):
        kinds = frozenset({"choice"})
        direction = "higher"
        def score(self, rows, *rest, **more):
            raise asyncio.CancelledError("odd")
        estimate = scores = value = compute = score

    @hookimpl
    def harness_metrics():
        return [Component("odd", lambda: Odd, "a test metric")]

    @hookimpl
    def harness_reporters():
        raise asyncio.CancelledError("odd")
    """
    install("odd-plugin", textwrap.dedent(source))
    rows = json.loads(shell("list", "plugins", "--json").ok().out)
    assert "harness_reporters raises CancelledError" in next(
        r["state"] for r in rows if r["plugin"] == "odd-plugin"
    )


HOSTILE = {
    "changes the working directory": ("os.chdir('/')", "fault: mine changed the working directory"),
    "prints": ("print('on standard output'); os.write(1, b'below Python'); os.system('echo a child')", ""),
    "closes its streams": ("sys.stdout.close(); sys.stderr.close()", ""),
    "closes the standard descriptors": ("os.closerange(0, 3)", ""),
    "takes the streams away": ("sys.stdout = sys.stderr = None", ""),
    "forks, and both go on": ("os.fork()", ""),
    "forks, and the child raises": ("if not os.fork(): raise Own('x')", ""),
    "forks, and the child exits": ("if not os.fork(): sys.exit(0)", ""),
    "handles signals itself": ("signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGALRM, signal.SIG_DFL)", ""),
    "leaves a thread": ("threading.Thread(target=lambda: time.sleep(0.5)).start()", ""),
    "changes the umask and limits": ("os.umask(0o777)", ""),
    "empties the environment": ("os.environ.clear()", ""),
    "raises the recursion limit": ("sys.setrecursionlimit(60)", None),
}  # fmt: skip


@pytest.mark.parametrize(("does", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_judge_that_disturbs_the_process(
    does: str, message: str | None, shell: Shell, install: Install, faces: Path
) -> None:
    install("mine", judge(f"{does}\n{GOOD}"))
    done = shell(*RUN, timeout=60)
    assert "Traceback" not in done.err
    assert done.code in ((0, 3) if message is None or message else (0,)), done
    if message is None:
        return
    assert message in done.err
    assert done.task["answered"] == N, "standard output holds the results alone"
    assert len({reply["id"] for reply in stored(shell.folder)}) == len(stored(shell.folder)) == N
    left = {p.name for p in shell.folder.iterdir()}
    assert left == {"faces", "run", "site"}, "nothing is written elsewhere"


def test_a_judge_that_closes_all_files(shell: Shell, install: Install, faces: Path) -> None:
    does = "os.closerange(3, 1024)\n[os.open(f'log{i}', os.O_CREAT | os.O_WRONLY) for i in range(12)]"
    install("mine", judge(f"{does}\n{GOOD}"))
    done = shell(*RUN, timeout=60)
    assert done.code in (0, 3), done
    assert "Traceback" not in done.err
    logs = list(shell.folder.glob("log*"))
    assert logs
    assert not any(log.read_bytes() for log in logs), "replies are written into a file of the judge"
    if done.code == 3:
        assert "mine" in done.err


REPLIES = {
    "without end": "while True: yield JudgeReply('nonsense', text='x')",
    "of another kind, without end": "while True: yield object()",
    "of a class of its own": """
        class Reply(JudgeReply):
            @property
            def text(self): raise Own('x')
        for r in batch: yield object.__new__(Reply)
        """,
    "whose class is a lie": """
        class Liar:
            @property
            def __class__(self): raise Own('x')
            def __repr__(self): raise Own('x')
        yield Liar()
        """,
    "with an error that is no text": """
        class Liar:
            def __str__(self): raise Own('x')
        for r in batch: yield JudgeReply(r.id, error=ReplyError(Liar(), Liar()))
        """,
    "with ids of a class of its own": """
        class Id(str):
            def __hash__(self): raise Own('x')
            def __eq__(self, other): raise Own('x')
            def __repr__(self): raise Own('x')
        for r in batch: yield JudgeReply(Id(r.id), text='happy')
        """,
    "with values that raise": """
        class Evil(dict):
            def items(self): raise Own('x')
            def __len__(self): raise Own('x')
            def __bool__(self): raise Own('x')
        for r in batch: yield JudgeReply(r.id, text='happy', extra=Evil(a=1), usage=Evil(a=1), scores=Evil(a=1))
        """,
}


@pytest.mark.parametrize("body", REPLIES.values(), ids=REPLIES.keys())
def test_a_judge_that_replies_with_anything(
    body: str, shell: Shell, harness: InProcess, install: Install, faces: Path
) -> None:
    install("mine", judge(body))
    done = shell(*RUN, timeout=60) if "while True" in body else harness(*RUN)
    assert done.code in (0, 2, 3), done
    assert "Traceback" not in done.err
    if done.code:
        assert "mine" in done.err


def test_a_process_that_a_plugin_ends(shell: Shell, install: Install, faces: Path) -> None:
    install("mine", judge(f"if os.path.exists('asked'): os._exit(0)\nopen('asked', 'w').close()\n{GOOD}"))
    shell(*RUN, timeout=60).fails(3, "A plugin ended the process", "run the same command again to resume")
    assert len(stored(shell.folder)) == 4


@pytest.mark.parametrize(
    "leaves", ["threading.Thread(target=time.sleep, args=(1e6,)).start()", "atexit.register(time.sleep, 1e6)"]
)
def test_what_a_plugin_leaves_behind_ends_with_the_command(
    leaves: str, shell: Shell, install: Install, faces: Path
) -> None:
    sooner = "import atexit\nimport harness.cli.interrupts\nharness.cli.interrupts.SHUTDOWN = 1.0\n"
    install("mine", sooner + judge(f"{leaves}\n{GOOD}"))
    began = time.monotonic()
    done = shell(*RUN, timeout=90).ok()
    assert done.task["answered"] == N
    assert "does not end; the command ends without it" in done.err
    assert time.monotonic() - began < 60


HANGS = {
    "sleeps": "time.sleep(1e6)",
    "waits for a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "waits for a thread": "threading.Event().wait()",
    "counts": "while True: pass",
    "waits for a pipe": "os.read(os.pipe()[0], 1)",
}


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS.keys())
def test_only_what_hangs_fails(hang: str, shell: Shell, install: Install, faces: Path) -> None:
    body = f"for r in batch:\n    if r.sample_id == 's00006':\n        {hang}\n    yield JudgeReply(r.id, text='happy')"
    install("mine", judge(body))
    done = shell(*RUN, "--timeout", "0.5", timeout=60).fails(3, "timeout: no reply within 0.5 s", "--timeout")
    assert (done.task["answered"], done.task["failed"]) == (N - 1, 1)


def test_a_batch_that_is_answered_at_once_is_asked_again_one_by_one(
    shell: Shell, install: Install, faces: Path
) -> None:
    body = f"if any(r.sample_id == 's00006' for r in batch):\n    time.sleep(1e6)\n{GOOD}"
    install("mine", judge(body))
    done = shell(*RUN, "--timeout", "0.5", timeout=60).fails(3)
    assert (done.task["answered"], done.task["failed"]) == (N - 1, 1)


def test_a_stream_that_hangs_is_opened_again(shell: Shell, install: Install, faces: Path) -> None:
    setup = """
    def open(self):
        open("opened", "a").write("x")

    def stream(self, requests):
        for r in requests:
            if r.sample_id in ("s00004", "s00006"):
                time.sleep(1e6)
            yield JudgeReply(r.id, text="happy")
    """
    install("mine", judge(GOOD, setup))
    done = shell(*RUN, "--timeout", "0.5", timeout=60).fails(3)
    assert (done.task["answered"], done.task["failed"]) == (N - 2, 2)
    assert (shell.folder / "opened").read_text() == "xxx"


def test_a_judge_that_always_hangs_is_given_up(shell: Shell, install: Install, faces: Path) -> None:
    install(
        "mine",
        judge(
            "time.sleep(1e6)",
            "batch_size = 1\ndef stream(self, requests):\n    for r in requests: time.sleep(1e6)\n    yield",
        ),
    )
    done = shell(*RUN, "--timeout", "0.3", timeout=60)
    assert done.code in (2, 3)
    assert "no reply within 0.3 s" in done.err


def test_a_judge_that_swallows_the_limit_ends_with_its_name(
    shell: Shell, install: Install, faces: Path
) -> None:
    body = "while True:\n    try: time.sleep(1e6)\n    except BaseException: pass"
    install("mine", judge(body))
    shell(*RUN, "--timeout", "0.3", timeout=60).fails(
        3, "error: mine gives no reply within the limit of --timeout"
    )
    shell("show", "run").fails(2)


def test_a_generator_that_hangs(shell: Shell, install: Install) -> None:
    body = """
def generate(self, batch):
    import time
    for r in batch:
        if r.emotion == 'sad':
            time.sleep(1e6)
        yield ImageReply(r.id, Image.new("RGB", (16, 16), (r.seed % 255, 9, 99)))
"""
    install("mine", plugins.generator("mine", body))
    generate = (
        "generate",
        "--model",
        "mine",
        "--prompts",
        "emotion_600",
        "--limit",
        "6",
        "--out",
        "mine",
    )
    done = shell(*generate, "--timeout", "0.5", timeout=60).fails(3)
    failed = [
        json.loads(line)["error"]["kind"]
        for line in (shell.folder / "mine" / "failures.jsonl").read_text().splitlines()
    ]
    pictures = list((shell.folder / "mine" / "images").glob("*.png"))
    assert set(failed) == {"timeout"}, done
    assert len(failed) + len(pictures) == 6


def test_it_is_said_where_a_call_hangs(shell: Shell, install: Install, faces: Path, tmp_path: Path) -> None:
    install(
        "mine",
        "import harness.run.supervisor\nharness.run.supervisor.PATIENCE = 0.5\n"
        + judge("wait_here()")
        + "\ndef wait_here():\n    time.sleep(1e6)\n",
    )
    process = shell.start(*RUN, stderr=subprocess.PIPE)
    said = ""
    assert process.stderr is not None
    for line in process.stderr:
        said += line
        if "wait_here" in line:
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stderr.close()
    assert "mine has been working without a reply for " in said
    assert "/mine.py, line " in said


def test_evaluate_takes_the_limit(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import harness

    class Hanging(harness.Judge):
        def judge(self, batch: Any) -> Any:
            for r in batch:
                if r.sample_id == "s00006":
                    time.sleep(1000)
                yield harness.JudgeReply(r.id, text="happy")

    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGALRM)
    result = harness.evaluate("coarse_emotion", Hanging(), data=faces, timeout=0.4)
    assert (result.tasks[0].answered, result.failed) == (N - 1, 1)
    assert signal.getsignal(signal.SIGALRM) is handler
    with pytest.raises(harness.RequestError, match="timeout must be a duration"):
        harness.evaluate("coarse_emotion", Hanging(), data=faces, timeout="soon")
    assert os.getcwd() == str(tmp_path)
