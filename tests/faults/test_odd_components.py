"""Components of plugins that are no judges, and what any plugin may do to Python itself: each is named, and harms no run."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess, Shell
from helpers.plugins import Install
from helpers.tasks import TASK

pytestmark = pytest.mark.faults

HEAD = "import builtins, os, signal, sys, time\nimport numpy as np\nfrom harness import *\n"
RUN = ("run", "--task", "coarse_emotion", "--data", "faces", "--model", "echo", "--out", "run")
MINE = ("run", "--task", "coarse_emotion", "--data", "faces", "--model", "mine", "--out", "run", "--json")
GOOD = "return [JudgeReply(r.id, text='happy') for r in batch]"


def component(kind: str, base: str, body: str) -> str:
    """The source of a plugin with one component, whose class has this body."""
    hook = f"@hookimpl\ndef harness_{kind}():\n    return [Component('mine', lambda: Mine, 'a test')]\n"
    return f"{HEAD}class Mine({base}):\n{textwrap.indent(body, '    ')}\n\n{hook}"


def judge(body: str, head: str = "") -> str:
    """A judge whose method `judge(self, batch)` has this body."""
    text = f"def judge(self, batch):\n{textwrap.indent(body, '    ')}"
    return "import builtins, os, signal, time\n" + head + plugins.judge("mine", text)


@pytest.fixture
def run(harness: InProcess, faces: Path) -> InProcess:
    """A folder with a whole run, which no component may change."""
    harness(*RUN).ok()
    return harness


RENDER = "def render(self, results, *, width=100, color=False):\n    "
RENDERED = {
    "a number": "return 7",
    "nothing": "return None",
    "bytes": "return b'x'",
    "an exit": "raise SystemExit(0)",
    "no Exception": "raise BaseException('x')",
}


@pytest.mark.parametrize("body", RENDERED.values(), ids=RENDERED.keys())
def test_a_reporter_is_named(body: str, run: InProcess, install: Install) -> None:
    install("odd", component("reporters", "Reporter", RENDER + body))
    run("show", "run", "--format", "mine").fails(3, "The reporter 'mine' of odd failed")
    run("show", "run").ok()


def test_what_a_reporter_prints_and_what_it_returns(run: InProcess, shell: Shell, install: Install) -> None:
    body = "class Text(str):\n        def translate(self, *a): raise ValueError('x')\n    print('noise')\n"
    body += "    return Text('\\x1b]52;c;aGk=\\x07\\x1b[31mred\\n')"
    install("odd", component("reporters", "Reporter", RENDER + body))
    done = shell("show", "run", "--format", "mine").ok()
    assert (done.out, done.err) == ("red\n", "noise\n")


WRITE = "def write(self, source, out):\n    "
WRITTEN = {
    "a number": ("'x.txt'", "return 7", "The exporter 'mine' of odd failed"),
    "nothing": ("'x.txt'", "return None", "The exporter 'mine' of odd failed"),
    "numbers": ("'x.txt'", "return [7]", "The exporter 'mine' of odd failed"),
    "no Exception": ("'x.txt'", "raise BaseException('x')", "The exporter 'mine' of odd failed"),
    "outside": ("'../../x.txt'", "out.write_text('x'); return [out]", "writes to no place in the run folder"),
    "somewhere else": (
        "'/tmp/x.txt'",
        "out.write_text('x'); return [out]",
        "writes to no place in the run folder",
    ),
    "no name": ("7", "out.write_text('x'); return [out]", "writes to no place in the run folder"),
}


@pytest.mark.parametrize(("output", "body", "message"), WRITTEN.values(), ids=WRITTEN.keys())
def test_an_exporter_is_named(output: str, body: str, message: str, run: InProcess, install: Install) -> None:
    install("odd", component("exporters", "Exporter", f"output = {output}\n{WRITE}{body}"))
    before = {p: p.read_bytes() for p in Path("run").iterdir()}
    run("export", "run", "--format", "mine").fails(3, message)
    assert {p: p.read_bytes() for p in Path("run").iterdir()} == before
    assert not Path("../x.txt").exists()


@pytest.mark.parametrize("name", ["run.json", "results.json", "replies.jsonl", "samples.jsonl"])
def test_an_exporter_replaces_no_file_of_the_run(name: str, run: InProcess, install: Install) -> None:
    body = f"output = {name!r}\n{WRITE}out.write_text('x'); return [out]"
    install("odd", component("exporters", "Exporter", body))
    run("export", "run", "--format", "mine").fails(2, "a file of the run itself")
    run("verify", "run").ok()


METRIC = "def estimate(self, scores, weights):\n    "
ONES = "return np.ones(len(weights))"
METRICS = {
    "kinds": ("kinds = 7\n", "Mine.kinds is no set of texts"),
    "direction": ("direction = 'sideways'\n", "Mine.direction is none of higher, lower, none"),
}


@pytest.mark.parametrize(("head", "message"), METRICS.values(), ids=METRICS.keys())
def test_a_metric_that_is_none_is_disabled(
    head: str, message: str, run: InProcess, install: Install, tmp_path: Path
) -> None:
    install("odd", component("metrics", "Metric", head + METRIC + ONES))
    (tmp_path / "task.toml").write_text(TASK + '\n[[metrics]]\nname = "mine"\n')
    run("run", "--task", "task.toml", "--data", "faces", "--model", "echo", "--out", "other").fails(
        2, message
    )
    run("score", "run").ok()


def test_what_a_metric_prints(run: InProcess, install: Install, tmp_path: Path) -> None:
    install("odd", component("metrics", "Metric", f"{METRIC}print('noise'); {ONES}"))
    (tmp_path / "task.toml").write_text(TASK + '\n[[metrics]]\nname = "mine"\n')
    made = run("run", "--task", "task.toml", "--data", "faces", "--model", "echo", "--out", "other", "--json")
    done = run("score", "other", "--json").ok()
    assert done.results == made.results
    assert "noise" in done.err


REPLACED = {
    "len": "builtins.len = lambda x: 1 / 0",
    "isinstance": "builtins.isinstance = lambda *a: True",
    "open": "builtins.open = lambda *a, **k: 1 / 0",
    "print": "builtins.print = lambda *a, **k: 1 / 0",
    "os.write": "os.write = lambda *a: 1 / 0",
    "json.dumps": "import json; json.dumps = lambda *a, **k: 1 / 0",
    "time": "time.monotonic = time.time = lambda: float('nan')",
    "a timer": "signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.setitimer(signal.ITIMER_REAL, 1, 0.01)",
}


@pytest.mark.parametrize("does", REPLACED.values(), ids=REPLACED.keys())
def test_a_judge_that_replaces_parts_of_python(
    does: str, shell: Shell, install: Install, faces: Path
) -> None:
    install("mine", judge(f"{does}\n{GOOD}"))
    done = shell(*MINE, "--timeout", "5", timeout=60)
    assert done.code in (0, 3), done
    assert "Traceback" not in done.err
    assert "lost sys.stderr" not in done.err
    if done.code:
        assert "mine" in done.err


def test_an_exporter_that_ends_the_process(run: InProcess, shell: Shell, install: Install) -> None:
    install("odd", component("exporters", "Exporter", f"output = 'x.txt'\n{WRITE}os._exit(0)"))
    shell("export", "run", "--format", "mine").fails(3, "A plugin ended the process: odd")


def test_a_plugin_that_ends_the_process_when_it_is_imported(
    shell: Shell, install: Install, faces: Path
) -> None:
    install("mine", "import os\nos._exit(0)\n")
    shell(*MINE).fails(2, "Unknown judge 'mine'", "it calls os._exit(0)")
    shell(*("echo" if word == "mine" else word for word in MINE)).ok()


def test_a_judge_that_never_closes(shell: Shell, install: Install, faces: Path) -> None:
    shorter = "import harness.run.supervisor\nharness.run.supervisor.CLOSING = 0.5\n"
    source = judge(GOOD, shorter).replace(
        "\n    def judge", "\n    def close(self):\n        time.sleep(1e6)\n\n    def judge"
    )
    install("mine", source)
    done = shell(*MINE, "--timeout", "0.5", timeout=60).fails(3, "close() raises ItemTimeout")
    assert done.task["answered"] == 12


def test_a_reply_that_is_too_long_to_be_read_again(harness: InProcess, install: Install, faces: Path) -> None:
    body = "for r in batch:\n    yield JudgeReply(r.id, text='happy' * (14_000_000 if r.sample_id == 's00006' else 1))"
    install("mine", judge(body))
    done = harness(*MINE).fails(3, "longer than 64 MiB")
    assert (done.task["answered"], done.task["failed"]) == (11, 1)
    assert harness("score", "run", "--json").fails(3).results == done.results
    lines = Path("run", "replies.jsonl").read_text().splitlines()
    assert all(json.loads(line)["text"] == "happy" for line in lines)
