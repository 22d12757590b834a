"""One Ray on this machine for all tests, the command, small data, and plugins that leave traces."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import EMOTIONS
from harness.testing import face_picture
from harness.testing.command import Shell

# Each process of a tiny model needs one thread.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Ray of four CPUs and no GPU, to which this process is connected."""
    from memobench_ray.cluster import connected
    from memobench_ray.options import RayOptions

    with connected(RayOptions(replicas=4)) as ray:
        yield str(ray.get_runtime_context().gcs_address)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of 60 faces in folders named after emotions."""
    root = tmp_path_factory.mktemp("data") / "faces"
    for number in range(60):
        path = root / EMOTIONS[number % 6] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = face_picture(number, 64).image
        assert image is not None
        image.save(path)
    return root


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


JUDGE = '''
import os, signal, time
from pathlib import Path
from harness import Component, HarnessOptions, Judge, JudgeReply, RequestError, hookimpl, option

class Mine(Judge):
    """Answers with the first option, and notes what it was asked."""

    batch_size = 4

    class Options(HarnessOptions):
        notes: str = option("", "folder for notes", affects_answer=False)

    def identity(self):
        return {{"version": "1"}}

    def judge(self, batch):
        for r in batch:
            with open(Path(self.options.notes) / str(os.getpid()), "a") as notes:
                notes.write(r.id + chr(10))
            self.before(r)
            yield JudgeReply(r.id, text=r.question.options[0])

    def once(self, name):
        try:
            (Path(self.options.notes) / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def before(self, r):
        pass

{body}

@hookimpl
def harness_judges():
    return [Component("mine", lambda: Mine)]
'''


class Plugin:
    """A judge `mine` in a folder that only this test sees."""

    def __init__(self, tmp_path: Path, faces: Path) -> None:
        self.site, self.notes, self.faces = tmp_path / "site", tmp_path / "notes", faces
        self.notes.mkdir()
        self.env = {"PYTHONPATH": str(self.site)}

    def install(self, body: str) -> None:
        """`body`: more methods of the judge."""
        self.site.mkdir()
        indented = "\n".join(f"    {line}" for line in body.splitlines())
        (self.site / "mine_judge.py").write_text(JUDGE.format(body=indented))
        info = self.site / "mine_judge-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-judge\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[memobench]\nmine_judge = mine_judge\n")

    def run(self, address: str | None, *more: object) -> list[object]:
        """The arguments of a run; with an address on that Ray, None in this process."""
        found: list[object] = [
            *("run", "--task", "coarse_emotion", "--model", "mine", "-o", f"notes={self.notes}"),
            *("--data", self.faces, "--out", "run", *more),
        ]
        if address is not None:
            env = json.dumps({"env_vars": self.env})
            found += ["--executor", "ray", "--executor-option", f"runtime_env={env}"]
            found += ["--executor-option", "replicas=2"]
            found += ["--executor-option", f"address={address}"] if address else []
        return found

    def asked(self) -> Counter[str]:
        """How often each request was asked."""
        return Counter(
            id_ for path in self.notes.iterdir() if path.name.isdecimal() for id_ in path.read_text().split()
        )


@pytest.fixture
def mine(tmp_path: Path, faces: Path) -> Plugin:
    return Plugin(tmp_path, faces)


@pytest.fixture
def stored() -> Callable[[Path], list[str]]:
    """The ids of the replies of a run, in the order in which they were stored."""

    def ids(run: Path) -> list[str]:
        lines = (run / "replies.jsonl").read_text().splitlines() if (run / "replies.jsonl").exists() else []
        found = []
        for line in lines:
            try:
                found.append(json.loads(line)["id"])
            except ValueError:  # the last line of a run that was killed
                continue
        return found

    return ids


@pytest.fixture
def timeless() -> Callable[[Path], Any]:
    """The results of a run without what differs between two runs of the same."""

    def results(run: Path) -> Any:
        document = json.loads((run / "results.json").read_text())
        for name in ("created", "name"):
            document["run"].pop(name)
        return document

    return results
