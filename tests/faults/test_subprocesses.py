"""Code in the working directory is never run: not by processes that the project starts, nor by those that these start."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.command import SCRIPT

pytestmark = pytest.mark.faults

Make = Callable[..., Path]

ROOT = Path(__file__).resolve().parents[2]
PLANTED = ("json", "PIL", "signal", "numpy", "os", "time", "queue", "pickle", "socket", "runpy", "memobench_portraits", "vllm",
           "multiprocessing", "threading", "selectors", "random", "sitecustomize", "usercustomize", "click", "harness")  # fmt: skip
STARTS = {
    "subprocess": {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"},
    "os": {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"},
    "multiprocessing": {"Process", "Pool", "get_context", "Manager"},
    "concurrent.futures": {"ProcessPoolExecutor"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "pty": {"spawn", "fork"},
}
NAMES = {"Popen", "check_call", "check_output", "posix_spawn", "posix_spawnp", "ProcessPoolExecutor",
         "create_subprocess_exec", "create_subprocess_shell"}  # fmt: skip
"""What starts a process, whatever it is called on."""
KNOWN = {
    "harness/run/environment.py:_gpu_names": "test_programs",
    "harness/run/environment.py:git_commit": "test_programs",
    "harness/checking/imported.py:_measured": "test_plugin_check",
    "harness/checking/process.py:run": "test_plugin_check",
    "harness/testing/contract.py:in_a_fork": "tests of plugins",
    "harness/testing/plugin.py:verdicts": "tests of plugins",
    "harness/testing/command.py:modules_imported_by": "tests of plugins",
    "harness/testing/command.py:Shell.start": "tests of plugins",
    "plugins/portraits/src/memobench_portraits/pool.py:_start": "test_generate, test_workers_of_portraits",
    "plugins/ray/src/memobench_ray/cluster.py:check_address": "test_processes_of_ray",
    "plugins/ray/src/memobench_ray/reaper.py:watch": "test_processes_of_ray",
    "plugins/vllm/src/memobench_vllm/watchdog.py:Watchdog.__init__": "test_the_watchdog",
}
"""Every place that starts a process. A new one gets a test below that plants modules; then it is listed here."""


def starts(path: Path) -> Iterator[str]:
    """The places of a file that start processes, as FILE:FUNCTION."""

    def visit(node: ast.AST, scope: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            scope = (*scope, node.name)
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute):
            owner = ast.unparse(called.value)
            known = any(
                owner in (m, m.rpartition(".")[2]) and called.attr in names for m, names in STARTS.items()
            )
            if known or called.attr in NAMES or (called.attr.startswith(("exec", "spawn")) and owner == "os"):
                yield f"{path.relative_to(ROOT)}:{'.'.join(scope)}"
        elif isinstance(node, ast.ImportFrom) and STARTS.get(node.module or "", set()) & {
            a.name for a in node.names
        }:
            yield f"{path.relative_to(ROOT)}:{'.'.join(scope)}"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, scope)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), ())


def test_every_start_of_a_process_is_known() -> None:
    files = [*(ROOT / "harness").rglob("*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    found = {place for path in files for place in starts(path)}
    assert found == set(KNOWN)


@pytest.mark.parametrize(
    "line",
    ["subprocess.Popen(['x'])", "from subprocess import check_output", "os.execv('x', [])", "os.posix_spawn('x', [], {})", "sp.check_output('x')",
     "multiprocessing.Process(target=f)", "from concurrent.futures import ProcessPoolExecutor", "futures.ProcessPoolExecutor()", "os.system('x')",
     "multiprocessing.get_context('spawn')", "asyncio.create_subprocess_exec('x')"],
)  # fmt: skip
def test_starts_are_seen(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(f"def f():\n    {line}\n")
    assert list(starts(tmp_path / "a.py")) == ["a.py:f"]


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Path]:
    """A working directory with modules and programs that leave a trace, and which must not run."""
    here = tmp_path / "here"
    here.mkdir()
    trace = tmp_path / "trace"
    for name in PLANTED:
        (here / f"{name}.py").write_text(
            f"open({str(trace)!r}, 'a').write({name!r} + ' ')\nraise SystemExit(9)\n"
        )
    for name in ("git", "nvidia-smi"):
        program = here / name
        program.write_text(f"#!/bin/sh\nprintf {name} >> {trace}\n")
        program.chmod(0o755)
    yield here
    assert not trace.exists(), f"run from the working directory: {trace.read_text()}"


def command(here: Path, *arguments: str, path: str = "", python: list[str] | None = None) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    environment["PATH"] = path + os.environ["PATH"]
    done = subprocess.run(
        [*(python or [str(SCRIPT)]), *arguments],
        cwd=here, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_programs(planted: Path, make_data: Make) -> None:
    data = make_data(6)
    run = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", str(data), "--out", "run"]
    # Entries of PATH that are empty or a dot are the working directory.
    command(planted, *run, path=f"{os.pathsep}.{os.pathsep}")


POOL = """
import sys
from memobench_portraits import pool
from memobench_portraits.identity import identity
render = pool.RenderPool(2)
with render:
    worker = render._workers[0]
    spec = pool.PortraitSpec(identity(1), "happy", 3.0, 64)
    [picture] = worker.render_all([spec])
    assert worker._process is not None, "the worker died, and this process did its work"
    assert picture.size == (64, 64)
"""


def test_workers_of_portraits(planted: Path) -> None:
    command(planted, python=[sys.executable, "-I", "-c", POOL])


def test_generate(planted: Path) -> None:
    command(
        planted,
        "generate",
        "--model",
        "portraits",
        "--prompts",
        "emotion_600",
        "--limit",
        "4",
        "--out",
        "mine",
    )


def test_plugin_check(planted: Path) -> None:
    command(planted, "plugin", "check", "memobench-plugin-echo")


RAY = """
import sys, time
from memobench_ray import cluster, reaper
from harness import RequestError
process = reaper.watch("/nowhere/at/all")
assert process is not None
process.stdin.close()
assert process.wait(20) == 0
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    cluster.ANSWER = 5.0
    try:
        cluster.check_address(f"127.0.0.1:{server.getsockname()[1]}")
    except RequestError as e:
        assert "no Ray" in e.message
    else:
        raise AssertionError("it is no Ray")
"""


def test_processes_of_ray(planted: Path) -> None:
    pytest.importorskip("memobench_ray")
    command(planted, python=[sys.executable, "-I", "-c", RAY])


def test_the_watchdog(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog = pytest.importorskip("memobench_vllm.watchdog")
    monkeypatch.chdir(planted)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    sleeper = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    threading.Thread(target=sleeper.wait, daemon=True).start()  # Else it is a zombie, which counts as alive.
    watched = watchdog.Watchdog([sleeper.pid])
    process = watched._process
    assert process.stdin is not None
    process.stdin.close()  # as if this process had been killed
    assert process.wait(20) == 0
    assert sleeper.wait(20) != 0, "the watchdog killed the engine"


SPAWNED = """
import multiprocessing, os, sys
from memobench_vllm import children
if {old}:
    # Python 3.10 takes no notice of the variable.
    children.sys = type("Old", (), {{"version_info": (3, 10)}})
    children._VARIABLE = "IGNORED"
    children._models_registry = lambda: None
if __name__ == "__main__":
    with children.safe_paths():
        process = multiprocessing.get_context("spawn").Process(target=print, args=("spawned",))
        process.start()
        process.join()
    assert process.exitcode == 0
"""


@pytest.mark.parametrize("old", [False, True], ids=["this Python", "as in 3.10"])
def test_processes_of_engines(old: bool, planted: Path) -> None:
    pytest.importorskip("memobench_vllm.children")
    script = planted.parent / "script.py"
    script.write_text(SPAWNED.format(old=old))
    command(planted, python=[sys.executable, str(script)])


def test_modules_that_engines_start() -> None:
    children = pytest.importorskip("memobench_vllm.children")
    made = children.module_command(["python", "-m", "json.tool", "x"])
    assert made[0] == "python"
    assert made[-1] == "x"
    assert "-m" not in made
    assert children.module_command(["python", "x.py"]) == ["python", "x.py"]


def test_modules_that_engines_start_work(planted: Path) -> None:
    children = pytest.importorskip("memobench_vllm.children")
    (planted.parent / "a.json").write_text("[1]")
    made: Callable[[list[str]], list[str]] = children.module_command
    command(planted, python=made([sys.executable, "-m", "json.tool", str(planted.parent / "a.json")]))
