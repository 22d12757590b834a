"""The built wheel works outside the checkout and contains tasks and prompts."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", str(folder), str(ROOT)], check=True
    )
    (path,) = folder.glob("*.whl")
    return path


def test_contents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "tasks").rglob("*"):
        if path.suffix in (".toml", ".csv"):
            assert f"harness/_tasks/{path.relative_to(ROOT / 'tasks').as_posix()}" in names
    for path in (ROOT / "harness" / "report").rglob("*.*"):
        if path.suffix in (".jinja", ".css", ".js"):
            assert path.relative_to(ROOT).as_posix() in names
    for path in (ROOT / "harness").rglob("*.py"):
        assert path.relative_to(ROOT).as_posix() in names
    assert "harness/py.typed" in names
    assert any(n.endswith("licenses/LICENSE") for n in names)
    tops = {n.split("/")[0] for n in names if ".dist-info" not in n}
    assert tops == {"harness"}, "nothing else is installed"


def test_the_installed_wheel_finds_its_tasks(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = """
import harness, sys
from harness.tasks import catalog
from harness.cli.main import main
assert harness.__file__.startswith(sys.argv[1]), harness.__file__
assert str(catalog.files()["coarse_emotion"][0].path).startswith(sys.argv[1])
assert len(catalog.find_prompts("emotion_600").rows) == 600
main(["run", "--task", "generation", "--model", "echo", "--judge", "echo", "--limit", "6", "-o", "size=64", "--json"])
"""
    echo = ROOT / "plugins" / "echo" / "src"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (site, echo)))}
    done = subprocess.run(
        [sys.executable, "-c", code, str(site)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert '"complete": true' in done.stdout
