"""Fixtures for all tests; `helpers` has their implementation."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from helpers import command, data, plugins
from helpers import people as people_data

from harness.registry.registry import registry

_numbers = count()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes the caches and data of the user who runs it, or sees what another test imported."""
    # `mktemp` would look at all that it made before.
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_numbers))
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
    yield
    data_home = str(home / "xdg_data_home")
    if os.environ.get("XDG_DATA_HOME") != data_home or Path(data_home).exists():
        registry.cache_clear()


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """`make_data(n, name="faces")`: a data folder of `n` tiny portraits below the test's own folder."""

    def make(n: int = 12, name: str = "faces", **options: object) -> Path:
        return data.make(tmp_path / name, n, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def faces(make_data: Callable[..., Path]) -> Path:
    """Twelve tiny portraits, two of each emotion."""
    return make_data()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Four people in two emotions at five intensities, in the folder `people` of the test."""
    return people_data.make_people(tmp_path / "people")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[plugins.Install]:
    """`install(NAME, SOURCE)`: a plugin of one module, visible to this process and to commands that it starts."""
    installer = plugins.Installer(tmp_path / "site", monkeypatch)
    yield installer.install
    installer.unload()


@pytest.fixture
def harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[command.InProcess]:
    """`harness("run", ...)`: the command line in this process, in the test's own folder. Fast."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    runner = command.InProcess(capsys)
    yield runner
    runner.restore()


@pytest.fixture
def shell(tmp_path: Path) -> command.Shell:
    """`shell("run", ...)`: the installed command in a separate process, in the test's own folder."""
    return command.Shell(tmp_path)
