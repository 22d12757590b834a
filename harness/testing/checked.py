"""The process in which `harness plugin check` runs a contract on one component of an installed plugin."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import HarnessError, Specification, make_component
from harness.testing import (
    CommandContract,
    Contract,
    DataSetContract,
    DetectorContract,
    ExecutorContract,
    ExporterContract,
    GeneratorContract,
    ImporterContract,
    JudgeContract,
    MetricContract,
    ReporterContract,
)
from harness.testing.contract import described, first_line, opened

CONTRACTS: Mapping[str, tuple[type[Contract], str]] = {
    "judge": (JudgeContract, "judge"),
    "generator": (GeneratorContract, "generator"),
    "data set": (DataSetContract, "dataset"),
    "detector": (DetectorContract, "detector"),
    "metric": (MetricContract, "metric"),
    "reporter": (ReporterContract, "reporter"),
    "exporter": (ExporterContract, "exporter"),
    "executor": (ExecutorContract, "executor"),
    "importer": (ImporterContract, "importer"),
    "command": (CommandContract, "subcommand"),
}
"""Kind of component -> its contract, and the fixture that makes the component."""
NO_OBJECT = ("command", "importer")
"""Kinds that are made without options."""
FACE = ("a face is found", "needs a portrait that fits the detector: a test of the plugin gives one")
NOT_DECLARED = ("not among the", "the metric is not for")
"""Reasons of tests that are for what a component does not declare: there is no verdict on them."""
_FILE = "from harness.testing.checked import checked_class\n\nTestChecked = checked_class()\n"
_VARIABLE = "MEMOBENCH_CHECKED_COMPONENT"


def main(path: str, request: str) -> None:
    """Run the contract of a component, and write its verdicts to a file, one line each."""
    asked = json.loads(request)
    recorder = Recorder(path, asked["finished"])
    if "opens" not in asked["finished"]:
        recorder.begin("opens")
        ready = _opens(asked, recorder)
        recorder.finish("opens")
        if not ready:
            return
    os.environ[_VARIABLE] = request
    with tempfile.TemporaryDirectory(prefix="memobench-kit-") as folder:
        file = Path(folder) / "test_checked.py"
        file.write_text(_FILE, encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        arguments = [
            str(file),
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            folder,
            "-c",
            f"{folder}/pytest.ini",
        ]
        pytest.main([*arguments, "-p", "no:xdist", "--basetemp", f"{folder}/tmp"], plugins=[recorder])


def made(asked: Mapping[str, Any]) -> Any:
    """The component that is checked."""
    from harness.registry.factory import load_class
    from harness.registry.registry import registry

    name = f"{asked['dist']}/{asked['name']}"
    loaded = load_class(registry().find(asked["kind"], name))
    if asked["kind"] in NO_OBJECT:
        return loaded if asked["kind"] == "command" else loaded()
    given = {**asked["shared"], **asked["own"]}
    options = {key: value for key, value in given.items() if key in loaded.Options.model_fields}
    return make_component(Specification(asked["kind"], name, options))


def _opens(asked: Mapping[str, Any], recorder: Recorder) -> bool:
    """Whether the component can be made and opened; what it lacks for that is no fault of its own."""
    given = asked["shared"] or asked["own"]
    try:
        component = made(asked)
        if asked["kind"] in ("judge", "generator", "detector"):
            opened(component)
            component.close()
            if asked["kind"] == "generator" and component.own_portraits() is not None:
                recorder.verdict(
                    "behaviour", "skipped", "it generates nothing: it has portraits of its own", ""
                )
                return False
    except HarnessError as e:
        recorder.verdict("opens", "failed" if given else "skipped", e.message, e.hint)
        return False
    except BaseException as e:
        fix = "Raise harness.RequestError or MissingPackage, with what to do, for what the user can mend"
        recorder.verdict("opens", "failed", described(e), fix)
        return False
    return True


def checked_class() -> type:
    """The contract of the component that the environment names."""
    asked = json.loads(os.environ[_VARIABLE])
    contract, fixture = CONTRACTS[asked["kind"]]

    def component(self: object) -> Any:
        return made(asked)

    members: dict[str, Any] = {fixture: pytest.fixture(component, name=fixture)}
    if asked["kind"] == "importer":

        def release(self: object) -> Path:
            pytest.skip("needs a release: a test of the plugin gives one")

        members["release"] = pytest.fixture(release, name="release")
    return type("TestChecked", (contract,), members)


class Recorder:
    """Writes what pytest reports, test by test."""

    def __init__(self, path: str, finished: list[str]) -> None:
        self._path, self._finished = path, set(finished)
        self._texts: dict[str, tuple[str, str]] = {}
        self._failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what was run already, and keep what each test says."""
        items[:] = [item for item in items if item.name not in self._finished]
        for item in items:
            self._texts[item.name] = first_line(getattr(item, "function", None))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self.begin(_name(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test, its set-up or its end is done."""
        name = _name(report.nodeid)
        if report.failed and name not in self._failed:
            self._failed.add(name)
            problem, fix = _problem(report), self._texts.get(name, ("", ""))[1]
            if name == "test_a_face_is_found":
                self.verdict(_rule(name), "skipped", FACE[1], "")
            else:
                self.verdict(_rule(name), "failed", problem, fix)
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            reason = reason.removeprefix("Skipped: ")
            if not reason.startswith(NOT_DECLARED):
                self.verdict(_rule(name), "skipped", reason, "")
        elif report.when == "call" and report.passed:
            self.verdict(_rule(name), "held", "", "")
        if report.when == "teardown":
            self.finish(name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What cannot be collected is said."""
        if report.failed:
            self.verdict("behaviour", "failed", str(report.longrepr).strip().splitlines()[-1], "")

    def begin(self, step: str) -> None:
        """Say which step comes now."""
        self._write(begin=step)

    def finish(self, step: str) -> None:
        """Say that a step is done."""
        self._write(end=step)

    def verdict(self, rule: str, state: str, problem: str, fix: str) -> None:
        """Write a verdict."""
        self._write(verdict={"rule": rule, "state": state, "problem": problem, "fix": fix})

    def _write(self, **fields: Any) -> None:
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")


def _name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2]


def _rule(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _problem(report: pytest.TestReport) -> str:
    """The message of a failure, with the place in the plugin where it was raised."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return str(report.longrepr).strip().splitlines()[-1]
    message = str(crash.message).strip()
    first = message.splitlines()[0] if message else ""
    first = first.removeprefix("AssertionError: ").removeprefix("Failed: ")
    kit = Path(__file__).parent
    place = Path(str(crash.path))
    where = "" if kit in place.parents or not place.suffix else f" ({place.name}, line {crash.lineno})"
    return f"{first}{where}"
