"""`harness plugin check`: options, output, exit codes, and what is left out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.command import InProcess, Shell
from helpers.plugins import Install

from harness.checking import check as checking
from harness.checking.records import RULES
from harness.testing import plugin as kit
from harness.testing.judge import JudgeContract

GOOD = """
capabilities = frozenset({Capability.CHOICE})
batch_size = 1
def judge(self, batch):
    for r in batch:
        image = r.images[0].image
        yield JudgeReply(r.id, text=sorted(r.question.options)[image.width % len(r.question.options)])
"""


def good(name: str = "mine", body: str = GOOD) -> str:
    """A plugin with a good judge, whose class is made where it is loaded."""
    return plugins.judge(name, body, batch=1).replace("\nimport os\n", '\nimport os\nAPI_VERSION = "1.0"\n')


def failed(done: Any) -> list[str]:
    """The rules that are not held, by the document."""
    return [
        v["rule"] for p in json.loads(done.out)["plugins"] for v in p["verdicts"] if v["state"] == "failed"
    ]


def test_the_kit_knows_the_rules() -> None:
    assert tuple(RULES) == kit.RULES


def test_a_plugin_of_this_project(harness: InProcess) -> None:
    done = harness("plugin", "check", "fer", "--json").ok()
    (plugin,) = json.loads(done.out)["plugins"]
    assert (plugin["plugin"], plugin["failed"]) == ("memobench-plugin-fer", 0)
    held = {(v["component"], v["rule"]) for v in plugin["verdicts"] if v["state"] == "held"}
    assert ("judge fer", "well formed requests are answered") in held
    assert ("detector tiny-face", "it is thread safe") in held


def test_verdicts_are_printed_with_what_to_do(harness: InProcess, install: Install) -> None:
    install("mine", good(), requires=["memobench"])
    done = harness("plugin", "check", "mine", "--static")
    assert done.code == 1
    assert "  x light: importing mine imports " in done.out
    assert "      -> Move the class to a module of its own" in done.out
    assert "1 failed" in done.out
    assert not done.err.count("Traceback")


def test_without_a_name_the_plugin_of_this_folder(
    harness: InProcess, install: Install, tmp_path: Path
) -> None:
    install("mine", good(), requires=["memobench"])
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "mine"\n[project.entry-points.memobench]\nx = "mine"\n'
    )
    done = harness("plugin", "check", "--static", "--json")
    assert [p["plugin"] for p in json.loads(done.out)["plugins"]] == ["mine"]
    (tmp_path / "pyproject.toml").write_text("no TOML [")
    done = harness("plugin", "check", "--static", "--json")
    assert {"mine", "memobench-plugin-echo"} <= {p["plugin"] for p in json.loads(done.out)["plugins"]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ehco"], "Did you mean 'echo'?"),
        (["../x"], "No plugin '../x' is installed."),
        (["echo", "--static", "-o", "x"], "is not KEY=VALUE"),
        (["echo", "--static", "-o", "acuracy=1"], "Did you mean 'accuracy'?"),
        (["echo", "--static", "-o", "ehco.accuracy=1"], "Did you mean 'echo'?"),
        (["echo", "--static", "-o", "echo.accuracy=2"], "less than or equal to 1"),
        (["echo", "--timeout", "0"], "--timeout 0 is no time"),
        (["echo", "--timeout", "nan"], "--timeout nan is no time"),
    ],
)
def test_wrong_requests(arguments: list[str], says: str, harness: InProcess) -> None:
    harness("plugin", "check", *arguments).fails(2, says)


def test_what_needs_a_model_is_left_out_unless_its_options_are_given(
    harness: InProcess, install: Install
) -> None:
    options = "class Options(HarnessOptions):\n    ref: str = option('', 'the model')\n"
    install("mine", good(body=options + GOOD), requires=["memobench"])
    (plugin,) = json.loads(harness("plugin", "check", "mine", "--json").out)["plugins"]
    (left,) = [v for v in plugin["verdicts"] if v["rule"] == "behaviour"]
    assert (left["state"], left["problem"]) == ("skipped", "it needs a model")
    (plugin,) = json.loads(harness("plugin", "check", "mine", "--json", "-o", "mine.ref=tiny").out)["plugins"]
    rules = {v["rule"]: v["state"] for v in plugin["verdicts"]}
    assert rules["well formed requests are answered"] == "held"
    assert "behaviour" not in rules


def test_what_cannot_be_opened_here_is_no_fault(harness: InProcess, install: Install) -> None:
    body = (
        GOOD
        + "def open(self):\n    from harness import MissingPackage\n    raise MissingPackage('mine', 'torch-of-tomorrow')\n"
    )
    install("mine", good(body=body), requires=["memobench"])
    (plugin,) = json.loads(harness("plugin", "check", "mine", "--json").out)["plugins"]
    (opens,) = [v for v in plugin["verdicts"] if v["rule"] == "opens"]
    assert (opens["state"], opens["fix"]) == ("skipped", "Install it: pip install torch-of-tomorrow")


def test_a_judge_that_has_only_stream(harness: InProcess, install: Install) -> None:
    body = """
capabilities = frozenset({Capability.CHOICE})
def stream(self, requests):
    for r in requests:
        try:
            yield JudgeReply(r.id, text=sorted(r.question.options)[r.images[0].image.width % len(r.question.options)])
        except AttributeError as e:
            yield JudgeReply(r.id, error=ReplyError("no_picture", str(e)))
"""
    install("mine", good(body=body), requires=["memobench"])
    assert failed(harness("plugin", "check", "mine", "--json")) == ["light"]


def test_without_pytest_the_rules_are_checked(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch, install: Install
) -> None:
    monkeypatch.setattr(checking, "is_importable", lambda name: name != "pytest")
    done = harness("plugin", "check", "echo", "--json").ok()
    (plugin,) = json.loads(done.out)["plugins"]
    left = [v for v in plugin["verdicts"] if v["rule"] == "behaviour"]
    assert {v["state"] for v in left} == {"skipped"}
    assert "testing" in left[0]["fix"]


def test_declared_failures_name_tests_that_exist() -> None:
    with pytest.raises(TypeError, match="did you mean 'test_one_reply_for_each_request'"):
        type("Mine", (JudgeContract,), {"expected_failures": {"test_one_reply_for_each_reqest": "x"}})


EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.e2e
@pytest.mark.slow
def test_the_examples_pass(shell: Shell, tmp_path: Path) -> None:
    """Each is built as a wheel, installed and checked."""
    site, env = (
        tmp_path / "site",
        {"PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1", "FACET_API_KEY": "none"},
    )
    names = []
    for example in sorted(EXAMPLES.glob("plugin_*")):
        folder = shutil.copytree(
            example, tmp_path / example.name, ignore=shutil.ignore_patterns("__pycache__", "dist")
        )
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        subprocess.run(build, cwd=folder, check=True, capture_output=True, timeout=60)
        (wheel,) = (folder / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as file:
            file.extractall(site)
        names.append(wheel.name.partition("-")[0].replace("_", "-"))
    assert len(names) > 5
    for name in names:
        assert ", 0 failed, " in shell("plugin", "check", name, env=env).ok().out
