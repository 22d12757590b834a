"""On what a run ran: versions, hardware, commit. Looked up without importing any of it."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from harness._version import __version__
from harness.registry.registry import registry

ENGINES = ("torch", "vllm", "transformers", "diffusers", "onnxruntime", "openai", "ray")
"""What answers come from: recorded where it is installed."""
_DISTRIBUTIONS = {"onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")}
"""The distributions of a package that has several."""
GPU_SECONDS = 5.0
"""How long `nvidia-smi` may take: on a machine with a driver that hangs, a run must still start."""


def versions() -> dict[str, str]:
    """The versions of memobench, Python, the plugins that work, and the packages that compute answers, if installed."""
    found = {"memobench": __version__, "python": platform.python_version()}
    found |= {p.dist: p.version for p in registry().plugins if p.dist != "memobench" and not p.problem}
    for package in ("numpy", "pillow", *ENGINES):
        version = _version(package)
        if version:
            found[package] = version
    return found


def _version(package: str) -> str:
    for distribution in _DISTRIBUTIONS.get(package, (package,)):
        try:
            return importlib.metadata.version(distribution)
        except Exception:  # not installed, or its metadata is damaged
            continue
    return ""


def hardware() -> dict[str, Any]:
    """Architecture, operating system, processors with their name, and the names of NVIDIA GPUs."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "cpu": _cpu_name(),
        "gpus": list(_gpu_names()),
    }


@functools.cache
def _cpu_name() -> str:
    """The name of the processor; "" if the system does not say."""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model", "cpu model"):
                return " ".join(value.split())[:200]
    except OSError:  # not Linux
        pass
    return platform.processor()[:200]


@functools.cache
def _gpu_names() -> tuple[str, ...]:
    """The names of the GPUs, as `nvidia-smi` shows them; none if there is none, or if it gives no answer in time."""
    program = _program("nvidia-smi")
    if program is None:
        return ()
    try:
        done = subprocess.run(
            [program, "-L"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=GPU_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    if done.returncode:
        return ()
    found = re.findall(r"^GPU \d+: (.+?)(?: \(UUID.*)?$", done.stdout, re.MULTILINE)
    return tuple(name.strip()[:200] for name in found)[:64]


def _program(name: str) -> str | None:
    """The path of a program. Folders of PATH that are not absolute are left out: they are in the working directory."""
    folders = [
        folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)
    ]
    return shutil.which(name, path=os.pathsep.join(folders)) if folders else None


def git_commit() -> str | None:
    """The commit of the folder that the command runs in, if it is a git checkout."""
    program = _program("git")
    if program is None:
        return None
    try:
        # What a checkout configures to be run is not.
        done = subprocess.run(
            [program, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
