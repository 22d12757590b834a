"""The built wheel works outside the checkout and contains tasks and prompts."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EARLIER = Path(__file__).parent / "earlier_wheels"
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


def test_the_wheels_of_an_earlier_version_work_with_this_core(wheel: Path, tmp_path: Path) -> None:
    listed = dict(reversed(line.split()) for line in (EARLIER / "SHA256SUMS").read_text().splitlines())
    digests = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in EARLIER.glob("*.whl")}
    assert digests == listed
    site = tmp_path / "site"
    for built in (wheel, *EARLIER.glob("*.whl")):
        zipfile.ZipFile(built).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def harness(*arguments: str) -> str:
        code = "import sys; from harness.cli.main import main; main(sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    plugins = {row["plugin"]: row for row in json.loads(harness("list", "plugins", "--json"))}
    for name in digests:
        row = plugins[name.partition("-")[0].replace("_", "-")]
        assert (row["state"], row["api"]) == ("works", None), (
            "an earlier one states no version of the interface"
        )
    judged = ("run", "--task", "coarse_emotion", "--data", "portraits", "--limit", "12", "--json")
    for model in ("echo", "fer"):
        assert json.loads(harness(*judged, "--model", model, "--out", model))["run"]["complete"]
    drawn = (
        "run",
        "--task",
        "t2i_emotion",
        "--model",
        "portraits",
        "--judge",
        "echo",
        "--limit",
        "4",
        "--out",
        "drawn",
    )
    assert json.loads(harness(*drawn, "--json"))["run"]["complete"]
    if importlib.util.find_spec("inspect_ai"):
        harness("export", "echo", "--format", "inspect")
        assert list((tmp_path / "echo" / "inspect").glob("*.eval"))
    asked = (*judged[:-1], "--model", "openai:m", "-o", "base_url=http://127.0.0.1:9/v1", "--dry-run")
    assert "contacts: http://127.0.0.1:9/v1" in harness(*asked)
    for model in ("vllm", "transformers", "diffusers"):
        assert "options" in harness("show", model)
