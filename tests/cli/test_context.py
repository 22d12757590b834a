"""What a component is given when a run opens it: a folder that is kept with the run, and a way to tell the user something."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install

RUN = ("run", "--task", "coarse_emotion", "--model", "batched", "--data", "faces", "--out", "run")
BATCHED = """
def identity(self):
    return {"version": "1"}

def open(self, context):
    self.log = context.state / "asked"
    known = len(self.log.read_text().split()) if self.log.exists() else 0
    context.logger.info("%d known", known)
    context.logger.debug("never shown")

def judge(self, batch):
    for r in batch:
        with self.log.open("a") as log:
            log.write(r.sample_id + chr(10))
        if r.sample_id == "s00007":
            raise ValueError("stop here") if os.environ.get("BREAK") else KeyError("x")
        yield JudgeReply(r.id, text=r.question.options[0])
"""
DRAWS = """
def open(self, context=None):
    (context.state / "opened").touch()

def generate(self, batch):
    return [ImageReply(r.id, Image.new("RGB", (16, 16), (9, 9, 9))) for r in batch]
"""


def states(run: Path) -> list[str]:
    return sorted(p.relative_to(run / "state").as_posix() for p in (run / "state").rglob("*") if p.is_file())


def test_a_judge_finds_its_folder_again(harness: InProcess, install: Install, faces: Path) -> None:
    install("batched", plugins.judge("batched", BATCHED))
    first = harness(*RUN).fails(3)
    assert "batched: 0 known" in first.err
    assert "never shown" not in first.err
    second = harness(*RUN).fails(3)
    assert "batched: 12 known" in second.err, "what it wrote is still there"
    (name,) = states(faces.parent / "run")
    assert name.startswith("batched-")
    assert harness("verify", "run").code in (0, 3), "the folder of a component is no damage"
    fresh = harness(*RUN, "--fresh").fails(3)
    assert "batched: 0 known" in fresh.err, "--fresh begins with an empty folder"


def test_a_generator_and_a_judge_have_folders_of_their_own(
    harness: InProcess, install: Install, tmp_path: Path
) -> None:
    install("draws", plugins.generator("draws", DRAWS))
    run = ("run", "--task", "t2i_emotion", "--model", "draws", "--judge", "echo", "--limit", "4")
    harness(*run, "--out", "run").ok()
    (name,) = states(tmp_path / "run")
    assert name.endswith("/opened")


def test_nothing_is_written_for_a_component_that_asks_for_nothing(harness: InProcess, faces: Path) -> None:
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run").ok()
    assert not (faces.parent / "run" / "state").exists()


def test_a_link_in_place_of_the_folder_is_refused(
    harness: InProcess, install: Install, faces: Path, tmp_path: Path
) -> None:
    install("batched", plugins.judge("batched", BATCHED))
    harness(*RUN).fails(3)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    state = tmp_path / "run" / "state"
    import shutil

    shutil.rmtree(state)
    state.symlink_to(elsewhere)
    harness(*RUN).fails(2, "a link")
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--executor", "lcoal"), "Did you mean 'local'?"),
        (("--executor-option", "replicas=2"), "no option 'replicas'"),
        (("--data-option", "size=3"), "none of the data is a registered data set"),
        (("--data-option", "portraits.size=3"), "'portraits' is not a registered data set of this run"),
        (("--detector-option", "size=3"), "--detector-option is not used"),
    ],
)
def test_options_that_reach_nothing_are_refused(
    given: tuple[str, ...], message: str, harness: InProcess, faces: Path
) -> None:
    run = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run")
    harness(*run, *given).refuses(2, message)
    assert not Path("run").exists()


def test_options_reach_data_sets_and_detectors(harness: InProcess, install: Install, tmp_path: Path) -> None:
    from helpers import data

    data.make(tmp_path / "few", 6)
    data.make(tmp_path / "many", 12)
    install(
        "choosy",
        """
from pathlib import Path
from harness import Component, DataSet, Detector, Face, HarnessOptions, hookimpl, option

class Choosy(DataSet):
    class Options(HarnessOptions):
        which: str = option("few", "which folder")
    def prepare(self):
        return Path(self.options.which).resolve()

class Many(Detector):
    class Options(HarnessOptions):
        faces: int = option(0, "how many faces it finds")
    def detect(self, image):
        return [Face(0, 0, 8, 8)] * self.options.faces

@hookimpl
def harness_datasets():
    return [Component("choosy", lambda: Choosy)]

@hookimpl
def harness_detectors():
    return [Component("aaa", lambda: Many)]
""",
    )
    run = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", "choosy", "--json")
    assert harness(*run, "--out", "one").ok().task["n"] == 6
    assert harness(*run, "--data-option", "which=many", "--out", "two").ok().task["n"] == 12
    assert harness(*run, "--data-option", "choosy.which=many", "--out", "three").ok().task["n"] == 12
    harness(*run, "--data-option", "whihc=many", "--out", "four").refuses(2, "Did you mean 'which'?")
    draw = (
        "run",
        "--task",
        "t2i_emotion",
        "--model",
        "portraits",
        "--judge",
        "echo",
        "--limit",
        "4",
        "--json",
    )
    done = harness(*draw, "--detector-option", "faces=2", "--out", "drawn").ok()
    assert done.task["faces"]["several"] == 4


EXECUTOR = """
from harness import Component, Executor, hookimpl

class Odd(Executor):
    def run(self, work, requests):
        work.open()
        for number, reply in enumerate(work.stream(requests)):
            if number == {after}:
                raise RuntimeError("the link broke")
            yield reply

@hookimpl
def harness_executors():
    return [Component("odd", lambda: Odd)]
"""


def test_an_executor_that_fails_is_named(harness: InProcess, install: Install, faces: Path) -> None:
    install("odd-executor", EXECUTOR.format(after=3))
    run = ("run", "--task", "coarse_emotion", "--data", "faces", "--executor", "odd")
    done = harness(*run, "--model", "echo", "--out", "run").fails(3)
    assert "the executor Odd: the link broke" in done.err
    install("bad-judge", plugins.judge("bad", "def open(self):\n    raise RuntimeError('no weights')"))
    harness(*run, "--model", "bad", "--out", "two").refuses(3, "The judge 'bad' could not be started")


def test_an_executor_that_cannot_start_is_named(harness: InProcess, install: Install, faces: Path) -> None:
    install("odd-executor", EXECUTOR.format(after=3).replace("work.open()", "raise OSError('no cluster')"))
    run = ("run", "--task", "coarse_emotion", "--data", "faces", "--executor", "odd", "--model", "echo")
    harness(*run, "--out", "run").refuses(3, "The executor 'Odd' could not be started: OSError: no cluster")


BEFORE = """
from harness import Component, Executor, Judge, JudgeReply, Reporter, hookimpl, lazy

class Old(Judge):
    def open(self):
        self.opened = True
    def judge(self, batch):
        assert self.opened
        return [JudgeReply(r.id, text=r.question.options[0]) for r in batch]

class OldExecutor(Executor):
    def run(self, judge, requests):
        try:
            judge.open()
            yield from judge.stream(requests)
        finally:
            judge.close()

class OldReporter(Reporter):
    def render(self, results, *, width=100, color=False):
        return results.run.model + chr(10)

@hookimpl
def harness_judges():
    return [Component("old", lambda: Old, "a summary", {}, ("older",))]

@hookimpl
def harness_executors():
    return [Component("old", lambda: OldExecutor)]

@hookimpl
def harness_reporters():
    return [Component("old", lambda: OldReporter)]
"""


def test_a_plugin_from_before_the_interface_had_a_version_works(
    harness: InProcess, install: Install, faces: Path
) -> None:
    install("old-plugin", BEFORE)
    run = ("run", "--task", "coarse_emotion", "--data", "faces", "--model", "older", "--executor", "old")
    assert harness(*run, "--out", "run", "--json").ok().task["answered"] == 12
    assert harness("show", "run", "--format", "old").ok().out == "old\n"
    assert "states no API_VERSION" in harness("doctor").ok().out
