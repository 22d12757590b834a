"""From nothing to a wheel that is installed, listed, checked and run: the commands of docs/plugins/publish.md, as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.blocks import ROOT, blocks
from helpers.environments import Environment, build

PAGE = ROOT / "docs" / "plugins" / "publish.md"
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.usefixtures("drawn")]
MOST = 6


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment with the core from its wheel."""
    folder = tmp_path_factory.mktemp("publish")
    return Environment.make(folder / "venv", build([ROOT], folder / "dist"))


def test_six_commands_from_nothing(environment: Environment, tmp_path: Path) -> None:
    commands = blocks(PAGE)[0].commands
    assert len(commands) <= MOST
    said = []
    for command in commands:
        command = command.replace("pip ", "python -m pip ", 1) if command.startswith("pip ") else command
        done = environment.run(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        said.append(done.stdout)
    listed, checked, run = said[-3:]
    assert "memobench-plugin-smile" in listed
    assert "0 failed" in checked
    assert "model smile" in run


def test_the_tests_of_a_new_plugin_pass(environment: Environment, tmp_path: Path) -> None:
    done = environment.run("harness plugin new grin --kind metric", tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "memobench-plugin-grin"
    for command in (
        "python -m pip install --no-deps -e .",
        "harness plugin check",
        "python -m pytest -q -p no:cacheprovider",
    ):
        done = environment.run(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
