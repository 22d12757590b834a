"""Fresh virtual environments for wheels that a test builds: no network, no build isolation, dependencies from this environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of build isolation
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def build(sources: Iterable[Path], wheels: Path) -> list[Path]:
    """Build the wheels of source folders; returns all in `wheels`."""
    command = [*PIP, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", str(wheels)]
    subprocess.run([*command, *map(str, sources)], check=True, timeout=300)
    return sorted(wheels.glob("*.whl"))


@dataclass
class Environment:
    """A virtual environment; what is not installed in it is found in the environment of the tests."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, wheels: Iterable[Path] = ()) -> Environment:
        """Make it in `folder`, and install wheels."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
        (site,) = (folder / "lib").glob("python*/site-packages")
        outer = sysconfig.get_path("purelib")
        (site / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n", encoding="utf-8")
        found = cls(folder)
        if wheels := list(wheels):
            done = found.run(
                "python -m pip install --no-deps --no-index " + " ".join(map(str, wheels)), folder
            )
            assert done.returncode == 0, done.stdout + done.stderr
        return found

    def run(self, command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Type a command line in a folder."""
        path = os.pathsep.join(
            [str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        )
        environment = os.environ | OFFLINE | {"PATH": path, "VIRTUAL_ENV": str(self.folder)}
        return subprocess.run(
            command, shell=True, cwd=folder, env=environment | self.variables | variables, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
