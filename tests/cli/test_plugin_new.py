"""`harness plugin new`: every kind builds as a wheel, passes its own tests, lint and types, and the check."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers.command import InProcess, Shell

from harness.scaffold.new import KINDS

BIN = Path(sys.executable).parent


def tool(folder: Path, *arguments: object, env: dict[str, str]) -> str:
    """What a command prints in a folder. Fails unless it succeeds."""
    done = subprocess.run(
        [str(a) for a in arguments],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"{arguments[0]}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy remembers from kind to kind."""
    return tmp_path_factory.mktemp("types")


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind: str, shell: Shell, tmp_path: Path, types: Path) -> None:
    made = shell("plugin", "new", "smile", "--kind", kind).ok()
    folder, site = tmp_path / "memobench-plugin-smile", tmp_path / "site"
    assert "harness plugin check memobench-plugin-smile" in made.out
    env = {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}

    tool(folder, BIN / "ruff", "check", ".", env=env)
    tool(folder, BIN / "ruff", "format", "--check", ".", env=env)
    tool(folder, sys.executable, "-m", "hatchling", "build", "-t", "wheel", env=env)
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)

    tool(folder, BIN / "mypy", "--cache-dir", types, env={**env, "MYPYPATH": "src"})
    assert " passed" in tool(folder, sys.executable, "-m", "pytest", "-q", env=env)
    checked = shell("plugin", "check", "smile", env=env).ok()
    assert ", 0 failed, " in checked.out
    assert "memobench-plugin-smile" in shell("list", "plugins", env=env).ok().out
    assert "$" + "{" not in "".join(
        p.read_text() for p in folder.rglob("*") if p.suffix in (".py", ".md", ".toml")
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Smile", "smile"), ("my smile", "my-smile"), ("9lives", "my-9lives"), ("a_b", "a-b"), ("-x", "x"), ("é", "smile"),
     ("../x", "x"), ("memobench-plugin-Big", "big"), ("x" * 60, "x" * 50), ("", "smile")],
)  # fmt: skip
def test_names_that_do_not_fit(name: str, nearest: str, harness: InProcess, tmp_path: Path) -> None:
    harness("plugin", "new", "--kind", "judge", "--", name).fails(2, f"harness plugin new {nearest}")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(harness: InProcess, tmp_path: Path) -> None:
    harness("plugin", "new", "smile", "--kind", "metric").ok()
    before = sorted(tmp_path.rglob("*"))
    harness("plugin", "new", "memobench-plugin-smile", "--kind", "judge").fails(2, "exists already")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "kind"), [("echo", "judge"), ("accuracy", "metric"), ("coarse-emotion", "task")]
)
def test_names_of_others(name: str, kind: str, harness: InProcess, tmp_path: Path) -> None:
    harness("plugin", "new", name, "--kind", kind).fails(2, "is that of memobench", "Choose another name")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(
    harness: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.chdir(closed)
    closed.rmdir()
    harness("plugin", "new", "smile", "--kind", "judge").fails(2, "Nothing can be written here")
