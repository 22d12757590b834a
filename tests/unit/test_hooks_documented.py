"""Every hook is documented and called, as shown by a plugin that implements all of them."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.plugins import Install
from helpers.tasks import task

from harness import hookspecs
from harness.registry.factory import CLASSES, OBJECTS, WITHOUT_OPTIONS, load_class, make
from harness.registry.plugin import HOOKS
from harness.registry.registry import registry

SPECS = {name: value for name, value in vars(hookspecs).items() if name.startswith("harness_")}

EVERYTHING = """
from pathlib import Path
import click
import numpy as np
from harness import (Component, DataSet, Detector, Executor, Exporter, Face, Generator, HarnessOptions, ImageReply, Judge,
                     JudgeReply, Metric, Reporter, hookimpl, make_component, option)
from harness.datasets.imports import Importer, Record

HERE = Path(__file__).parent

class AGenerator(Generator):
    def generate(self, batch):
        from PIL import Image
        return [ImageReply(r.id, Image.new("RGB", (8, 8), "white")) for r in batch]

class AJudge(Judge):
    def judge(self, batch):
        return [JudgeReply(r.id, text="happy") for r in batch]

class ADataSet(DataSet):
    def prepare(self):
        return HERE / "faces"

class ADetector(Detector):
    def detect(self, image):
        return [Face(0, 0, 8, 8), Face(0, 0, 4, 4)]

class AMetric(Metric):
    kinds = frozenset({"choice"})
    def estimate(self, scores, weights):
        return np.full(len(weights), 0.42)

class AReporter(Reporter):
    def render(self, results, *, width=100, color=False):
        return "reported " + results["run"]["model"] + chr(10)

class AnExporter(Exporter):
    output = "exported.txt"
    def write(self, source, out):
        rows = list(source.samples())
        out.write_text(f"{len(rows)} of {source.results.run.model}: {source.question(rows[0])}")
        return [out]

class AnExecutor(Executor):
    class Options(HarnessOptions):
        mark: str = option("executed", "the file that it writes", affects_answer=False)

    def run(self, work, requests):
        (HERE / self.options.mark).write_text(f"{work.specification.kind} {work.specification.name}")
        remade = make_component(work.specification)
        assert type(remade) is type(work.component)
        work.open()
        yield from work.stream(requests)
        work.close()

class AnImporter(Importer):
    name, summary, label = "a_release", "pictures named after emotions", "intended"
    def read(self, source, options, report):
        for path in sorted(source.files):
            yield Record(path, path, emotion=path.rpartition("-")[2].partition(".")[0])

@click.command()
@click.option("--twice", is_flag=True)
def a_command(twice):
    # Says something.
    click.echo("said " * (2 if twice else 1))
    return 3 if twice else 0

@hookimpl
def harness_importers():
    return [Component("a_release", lambda: AnImporter, "pictures named after emotions")]

@hookimpl
def harness_commands():
    return [Component("say", lambda: a_command, "say something")]

@hookimpl
def harness_generators():
    return [Component("a_generator", lambda: AGenerator)]

@hookimpl
def harness_judges():
    return [Component("a_judge", lambda: AJudge)]

@hookimpl
def harness_datasets():
    return [Component("a_dataset", lambda: ADataSet)]

@hookimpl
def harness_detectors():
    return [Component("a_detector", lambda: ADetector)]

@hookimpl
def harness_metrics():
    return [Component("a_metric", lambda: AMetric)]

@hookimpl
def harness_reporters():
    return [Component("a_reporter", lambda: AReporter)]

@hookimpl
def harness_exporters():
    return [Component("an_exporter", lambda: AnExporter)]

@hookimpl
def harness_executors():
    return [Component("an_executor", lambda: AnExecutor)]

@hookimpl
def harness_tasks():
    return [HERE / "tasks"]
"""

TASK = task("a_task", "a_metric", "a_dataset")

GENERATOR_TASK = """
name = "a_generator_task"
role = "generator"
stage = "coarse"
prompt_set = "a_set"
asks = ["a_task"]
detector = "a_detector"
[[metrics]]
name = "a_metric"
asks = "a_task"
primary = true
"""


@pytest.fixture
def everything(install: Install, tmp_path: Path) -> Path:
    """A plugin that implements every hook; returns its folder."""
    from helpers import data

    site = tmp_path / "site"
    data.make(site / "faces", 6)
    (site / "tasks" / "prompts").mkdir(parents=True)
    (site / "tasks" / "a_task.toml").write_text(TASK)
    (site / "tasks" / "a_generator_task.toml").write_text(GENERATOR_TASK)
    (site / "tasks" / "prompts" / "a_set.csv").write_text("prompt,emotion\nx,happy\ny,sad\n")
    install("everything", EVERYTHING)
    return site


@pytest.mark.parametrize("name", SPECS)
def test_hook_is_documented(name: str) -> None:
    doc = inspect.getdoc(SPECS[name]) or ""
    assert len(doc.split()) >= 5, f"{name} does not document what it returns"
    assert inspect.signature(SPECS[name]).return_annotation is not inspect.Signature.empty
    assert name in HOOKS.values(), f"the registry does not call {name}"


@pytest.mark.parametrize("name", SPECS)
def test_hook_is_called(name: str, everything: Path) -> None:
    (kind,) = [k for k, hook in HOOKS.items() if hook == name]
    (plugin,) = [p for p in registry().plugins if p.dist == "everything"]
    assert not plugin.problem
    assert len(plugin.offers[kind]) == 1
    if kind != "task folder":
        (found,) = [f for f in registry().components(kind) if f.dist == "everything"]
        loaded, base = load_class(found), CLASSES[kind]()
        if kind in OBJECTS:
            assert isinstance(loaded, base)
        else:
            assert issubclass(loaded, base)
            assert loaded() if kind in WITHOUT_OPTIONS else make(found)


def test_a_judge_run_of_one_plugin(everything: Path, tmp_path: Path) -> None:
    from harness import evaluate

    result = evaluate("a_task", "a_judge", out=tmp_path / "run", executor="an_executor")
    assert result.metric("a_metric") == pytest.approx(0.42)
    assert (result.tasks[0]["n"], result.failed) == (6, 0)
    assert (everything / "executed").read_text() == "judge everything/a_judge"
    assert make(registry().find("reporter", "a_reporter")).render(result.results) == "reported a_judge\n"


def test_a_generator_run_of_one_plugin(everything: Path, tmp_path: Path) -> None:
    from harness import evaluate

    result = evaluate(
        "a_generator_task",
        "a_generator",
        judge="a_judge",
        out=tmp_path / "run",
        executor="an_executor",
        executor_options={"mark": "marked"},
    )
    assert (everything / "marked").read_text() == "judge everything/a_judge", "the judge came last"
    (entry,) = result.tasks
    assert (entry["n"], entry["answered"]) == (2, 2)
    assert entry["faces"] == {"none": 0, "one": 0, "several": 2}


def test_an_importer_and_a_command_of_a_plugin(everything: Path, harness: InProcess, tmp_path: Path) -> None:
    from helpers import data

    data.picture(tmp_path / "release" / "one-happy.png", 1)
    data.picture(tmp_path / "release" / "two-sad.png", 2)
    done = harness("data", "import", "A Release", "release", "--dry-run", "--json").ok()
    assert '"samples": 2' in done.out
    assert "a_release" in harness("data", "import", "--help").ok().out
    assert harness("say").ok().out == "said \n"
    assert harness("say", "--twice").code == 3
    harness("sya").fails(2, "Did you mean 'say'?")
    assert "say" not in harness("--help").ok().out, "the help loads no plugin"
