"""`harness doctor`: what is installed, what works, what to install for the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from harness._version import __version__
from harness.errors import ExitCode
from harness.escaping import plain
from harness.installing import PLUGINS, distribution, install_command
from harness.registry.registry import registry

PACKAGES = {
    "onnxruntime": "judge fer",
    "resvg_py": "the portraits plugin",
    "pyarrow": "manifest.parquet",
}
"""Optional packages, and what each is for."""


@click.command("doctor")
def command() -> int:
    """Show what is installed, what works, and what to install for the rest."""
    problems = 0
    click.echo(
        f"memobench {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors"
    )
    click.echo("\nplugins")
    for plugin in registry().plugins:
        offers = ", ".join(
            f"{len(items)} {kind}{'s' if len(items) > 1 else ''}"
            for kind, items in plugin.offers.items()
            if items
        )
        problems += bool(plugin.problem)
        _line(
            not plugin.problem,
            f"{plugin.dist} {plugin.version}",
            f"DISABLED: {plugin.problem}" if plugin.problem else offers,
        )
    for name in sorted(
        {distribution(f"memobench_{n}") for n in PLUGINS} - {p.dist for p in registry().plugins}
    ):
        _line(False, name, f"not installed: {install_command(name)}", optional=True)
    click.echo("\npackages")
    for name, use in PACKAGES.items():
        found = importlib.util.find_spec(name) is not None
        missing = f"not installed; for {use}: {install_command(name)}"
        _line(found, name, _version(name) if found else missing, optional=True)
    click.echo("\nmachine")
    for good, name, text in _machine():
        problems += not good
        _line(good, name, text)
    click.echo(
        "\n" + ("everything that is installed works" if not problems else f"{problems} to fix, marked with !")
    )
    return ExitCode.OK


def _line(good: bool, name: str, text: str, *, optional: bool = False) -> None:
    mark = "+" if good else "-" if optional else "!"
    click.echo(f"  {mark} {plain(name):<34} {plain(text)}")


def _version(module: str) -> str:
    for dist in importlib.metadata.packages_distributions().get(module, [module]):
        try:
            return importlib.metadata.version(dist)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "version unknown"


def _machine() -> Iterator[tuple[bool, str, str]]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    existing = next((p for p in (cache, *cache.parents) if p.exists()), Path("/"))
    writable = os.access(existing, os.W_OK)
    yield (
        writable,
        "cache",
        f"{cache / 'memobench'}" + ("" if writable else " cannot be written: set XDG_CACHE_HOME"),
    )
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield free > 1, "disk", f"{free:.1f} GiB free here"
    gpu = shutil.which("nvidia-smi")
    yield True, "accelerator", "nvidia-smi found" if gpu else "none found; everything here works without one"
    yield sys.version_info < (3, 14), "python", "3.10 to 3.13 are tested"
