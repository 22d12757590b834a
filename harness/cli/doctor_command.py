"""`harness doctor`: what is installed, what works, what to install for the rest."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from harness._version import __version__
from harness.config import FILE, config
from harness.datasets.home import data_home
from harness.errors import ExitCode, HarnessError
from harness.escaping import plain
from harness.hub.certificates import certificate_problem
from harness.installing import PLUGINS, distribution, install_command, install_extra, is_importable
from harness.registry.factory import preset_problem
from harness.registry.plugin import Plugin, RegisteredComponent
from harness.registry.registry import registry

PACKAGES = {
    "onnxruntime": "judge fer",
    "resvg_py": "the portraits plugin",
    "pyarrow": "Parquet: manifests, and samples with harness export",
    "jinja2": "harness report",
    "altair": "harness report and plot",
    "vl_convert": "harness report and plot",
}
"""Optional packages, and what each is for."""
REPORT = ("jinja2", "altair", "vl_convert")
"""Those of the extra `report`."""


@click.command("doctor")
def command() -> int:
    """Show what is installed, what works, and what to install for the rest."""
    problems = 0
    click.echo(
        f"memobench {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors"
    )
    for title, lines in (
        ("configuration", _configuration),
        ("plugins", _plugins),
        ("packages", _packages),
        ("machine", _machine),
    ):
        click.echo(f"\n{title}")
        for state, name, text in lines():
            problems += state == "!"
            click.echo(f"  {state} {plain(name):<34} {plain(text)}")
    click.echo(
        "\n" + ("everything that is installed works" if not problems else f"{problems} to fix, marked with !")
    )
    return ExitCode.OK


Line = tuple[str, str, str]
"""A mark ("+" works, "-" is missing but optional, "!" is to be fixed), a name, and a text."""


def _checked(name: str, check: Callable[[], Line]) -> Line:
    """One line of the report: a check that fails hides no other."""
    try:
        return check()
    except HarnessError as e:
        return "!", name, str(e)
    except Exception as e:
        return "!", name, f"cannot be determined: {type(e).__name__}: {e}"


def _configuration() -> Iterator[Line]:
    chosen = config()
    where = str(chosen.path) if chosen.path else f"none: no {FILE} here, and MEMOBENCH_CONFIG is not set"
    yield "+" if chosen.path else "-", "file", where
    yield "+", "runs", str(chosen.runs)
    yield from (
        ("+", name, ", ".join(patterns))
        for name, patterns in (("plugins allowed", chosen.allow), ("plugins denied", chosen.deny))
        if patterns
    )
    for (kind, name), options in chosen.options.items():
        yield "+", f"options of {kind} {name}", ", ".join(f"{k}={v}" for k, v in options.items())


def _plugins() -> Iterator[Line]:
    for plugin in registry().plugins:
        offers = ", ".join(
            f"{len(items)} {kind}{'s' if len(items) > 1 else ''}"
            for kind, items in plugin.offers.items()
            if items
        )
        name = f"{plugin.dist} {plugin.version}"
        if config().denied(plugin.dist):
            yield "-", name, plugin.problem
            continue
        if plugin.problem:
            remedy = f". {plugin.remedy}" if plugin.remedy else ""
            yield "!", name, f"DISABLED: {plugin.problem}{remedy}"
            continue
        presets = [p for p in (preset_problem(f) for f in _own(plugin) if f.component.defaults) if p]
        wrong = [*plugin.faults, *presets]
        more = [*registry().clashes(plugin), *plugin.remarks]
        text = f"{offers}; DISABLED: {'; '.join(wrong)}" if wrong else offers
        yield "!" if wrong else "+", name, "; ".join([text, *more])
    missing = {distribution(f"memobench_{n}") for n in PLUGINS} - {p.dist for p in registry().plugins}
    yield from (("-", name, f"not installed: {install_command(name)}") for name in sorted(missing))


def _own(plugin: Plugin) -> Iterator[RegisteredComponent]:
    """The components that a plugin offers."""
    for kind, items in plugin.offers.items():
        if kind != "task folder":
            yield from (RegisteredComponent(kind, item, plugin.dist) for item in items)


def _packages() -> Iterator[Line]:
    yield from (_checked(name, functools.partial(_package, name)) for name in PACKAGES)


def _package(name: str) -> Line:
    if not is_importable(name):
        command = install_extra("report") if name in REPORT else install_command(name)
        return "-", name, f"not installed; for {PACKAGES[name]}: {command}"
    return "+", name, _version(name)


def _version(module: str) -> str:
    for dist in importlib.metadata.packages_distributions().get(module, [module]):
        try:
            return importlib.metadata.version(dist)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "version unknown"


def _machine() -> Iterator[Line]:
    checks = {
        "cache": _cache,
        "imported data": _data,
        "certificates": _certificates,
        "disk": _disk,
        "accelerator": _accelerator,
        "python": _python,
    }
    yield from (_checked(name, check) for name, check in checks.items())


def _cache() -> Line:
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError:
        return "!", "cache", "unknown: HOME is not set, and this user has no home folder: set XDG_CACHE_HOME"
    return _folder("cache", root / "memobench", "XDG_CACHE_HOME")


def _data() -> Line:
    return _folder("imported data", data_home(), "XDG_DATA_HOME")


def _folder(name: str, folder: Path, variable: str) -> Line:
    """Whether a folder can be used, or created in the nearest folder that exists."""
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if os.path.isdir(existing) and os.access(existing, os.W_OK | os.X_OK):
        return "+", name, str(folder)
    readable = existing == folder and os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)
    text = f"{folder} cannot be {'written' if readable or existing != folder else 'used'}"
    return "-" if readable else "!", name, f"{text}: change its permissions, or set {variable}"


def _certificates() -> Line:
    problem = certificate_problem()
    return "!" if problem else "+", "certificates", problem or "no variable names a missing file"


def _disk() -> Line:
    free = shutil.disk_usage(".").free / 2**30
    return "+" if free > 1 else "!", "disk", f"{free:.1f} GiB free here"


def _accelerator() -> Line:
    gpu = shutil.which("nvidia-smi")
    return "+", "accelerator", "nvidia-smi found" if gpu else "none found; everything here works without one"


def _python() -> Line:
    return "+" if sys.version_info < (3, 14) else "!", "python", "3.10 to 3.13 are tested"
