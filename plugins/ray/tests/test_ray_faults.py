"""What dies, is missing or does not fit."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memobench_ray.cluster import check_address
from memobench_ray.executor import RayExecutor

import harness
from harness import Judge, JudgeReply, Listed, RequestError, Work
from harness.testing.command import Shell

pytestmark = pytest.mark.e2e


def test_a_process_that_is_killed_loses_nothing(
    shell: Shell, mine: Any, cluster: str, stored: Callable[[Path], list[str]]
) -> None:
    mine.install(
        "def before(self, r):\n    time.sleep(0.02)\n    self.n = getattr(self, 'n', 0) + 1\n"
        "    if self.n == 10 and self.once('killed'):\n        os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = shell(*mine.run(cluster), env=mine.env).ok()
    assert "another one takes its place" in done.err
    ids = stored(shell.folder / "run")
    assert len(ids) == len(set(ids)) == 60
    asked = mine.asked()
    assert set(asked) == set(ids)
    assert 1 <= sum(n - 1 for n in asked.values()) <= 10, "only what the process had begun was asked again"


def test_a_request_that_ends_two_processes_fails_alone(
    shell: Shell, mine: Any, cluster: str, stored: Callable[[Path], list[str]]
) -> None:
    # About one request in 30 does it.
    mine.install("def before(self, r):\n    if r.id < '08':\n        os._exit(1)")
    done = shell(*mine.run(cluster), env=mine.env)
    ids, poison = set(stored(shell.folder / "run")), [i for i in mine.asked() if i < "08"]
    assert len(ids) == 60 - len(poison)
    if poison:
        done.fails(3, "two processes ended with this request in hand")
        assert all(1 <= mine.asked()[i] <= 2 for i in poison)


def test_a_plugin_that_is_not_installed_there(shell: Shell, mine: Any, cluster: str) -> None:
    mine.install("")
    asked = [str(a).replace(str(mine.site), "") for a in mine.run(cluster)]
    shell(*asked, env=mine.env).refuses(2, "mine")


def test_a_model_that_cannot_start_there(shell: Shell, mine: Any, cluster: str) -> None:
    mine.install("def open(self):\n    raise RequestError('The weights are gone.', 'Fetch them.')")
    shell(*mine.run(cluster), env=mine.env).refuses(2, "The weights are gone.", "Fetch them.")


@pytest.mark.usefixtures("cluster")
def test_what_a_model_raises_is_its_own_error() -> None:
    from ray import cloudpickle

    here = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(here)
    try:
        work = Work(Made(fails=True))
        with pytest.raises(Exception, match="no weights") as raised:
            list(RayExecutor(RayExecutor.Options(replicas=1)).run(work, Listed([])))
    finally:
        cloudpickle.unregister_pickle_by_value(here)
    assert type(raised.value).__name__ == "ValueError"
    assert work.raised is raised.value, "the executor is not blamed"
    assert raised.value.memobench_place.startswith("in Made.open, test_ray_faults.py line ")  # type: ignore[attr-defined]


def test_a_process_that_ends_while_it_starts(shell: Shell, mine: Any, cluster: str) -> None:
    mine.install("def open(self):\n    os.kill(os.getpid(), signal.SIGKILL)")
    shell(*mine.run(cluster), env=mine.env).refuses(3, "while it started", "ran out of memory or crashed")


def test_no_gpu(shell: Shell, mine: Any, cluster: str) -> None:
    mine.install("")
    given = ("--executor-option", "num_gpus=1")
    shell(*mine.run(cluster), *given, env=mine.env).refuses(2, "1 GPUs", "the most are 0 GPUs")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://127.0.0.1:10001", "cannot stream replies"),
        ("nonsense", "not HOST:PORT"),
        ("127.0.0.1:1", "Nothing answers"),
    ],
)
def test_a_wrong_address(address: str, message: str, shell: Shell, mine: Any) -> None:
    mine.install("")
    shell(*mine.run(address), env=mine.env).refuses(2, message)


def test_an_address_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memobench_ray.cluster.ANSWER", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(RequestError, match="is no Ray"):
        check_address(f"127.0.0.1:{server.getsockname()[1]}")


def test_the_time_limit(shell: Shell, mine: Any, cluster: str, stored: Callable[[Path], list[str]]) -> None:
    # One process hangs, and the request hangs again wherever it is asked.
    mine.install(
        "def before(self, r):\n    if self.once('hung'):\n        (Path(self.options.notes) / 'which').write_text(r.id)\n"
        "    which = Path(self.options.notes) / 'which'\n"
        "    if which.exists() and which.read_text() == r.id and os.environ.get('HANG'):\n        time.sleep(1000)"
    )
    mine.env["HANG"] = "1"
    done = shell(*mine.run(cluster, "--timeout", 3), env=mine.env).fails(3, "timeout")
    ids = stored(shell.folder / "run")
    assert len(ids) == 59, done
    mine.env["HANG"] = ""
    shell(*mine.run(cluster), env=mine.env).ok()
    assert len(set(stored(shell.folder / "run"))) == 60


class Made(Judge):
    """Made in Python."""

    def __init__(self, lock: Any = None, *, fails: bool = False) -> None:
        super().__init__()
        self.lock, self.fails = lock, fails

    def open(self) -> None:
        if self.fails:
            raise ValueError("no weights")

    def judge(self, batch: Any) -> Any:
        return [JudgeReply(r.id, text="happy") for r in batch]


@pytest.mark.usefixtures("cluster")
def test_objects_made_in_python(faces: Path, tmp_path: Path) -> None:
    from ray import cloudpickle

    with pytest.raises(RequestError, match="cannot be sent to another process"):
        next(RayExecutor().run(Work(Made(threading.Lock())), Listed([])))
    here = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(here)
    try:
        done = harness.evaluate(
            "coarse_emotion", model=Made(), data=faces, out=tmp_path / "run", executor="ray", limit=12
        )
    finally:
        cloudpickle.unregister_pickle_by_value(here)
    assert done.tasks[0].n == 12
