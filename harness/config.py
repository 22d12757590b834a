"""Defaults of a project, from `memobench.toml`, and of a user, from the environment.

The file is looked for in the working directory, then in the folders above it up to the one that holds `.git`;
MEMOBENCH_CONFIG names another file. MEMOBENCH_DATA, MEMOBENCH_RUNS, MEMOBENCH_ALLOW and MEMOBENCH_DENY stand above it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.errors import BadOption, HarnessError, nearest
from harness.secrets import names_secret
from harness.toml import read_toml

FILE = "memobench.toml"
VARIABLES = ("MEMOBENCH_CONFIG", "MEMOBENCH_DATA", "MEMOBENCH_RUNS", "MEMOBENCH_ALLOW", "MEMOBENCH_DENY")
KINDS = {
    "judges": "judge",
    "generators": "generator",
    "datasets": "data set",
    "detectors": "detector",
    "executors": "executor",
    "reporters": "reporter",
    "exporters": "exporter",
}
"""Table of the file -> kind of the components whose options it has."""
FOLDERS, PLUGINS = ("data", "runs"), ("allow", "deny")
NEVER = ("trust_remote_code",)
"""Options that a file which came with a folder must not set."""


@dataclass(frozen=True)
class Config:
    """Where things lie, which plugins are loaded, and default options of components."""

    path: Path | None = None
    """The file; None if there is none."""
    data: Path | None = None
    """The folder of imported data sets; None for the usual one."""
    runs: Path = Path("runs")
    allow: tuple[str, ...] | None = None
    """Patterns of distributions whose plugins are loaded; None for all."""
    deny: tuple[str, ...] = ()
    options: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """(kind, NAME or DIST/NAME) -> options."""

    def denied(self, dist: str) -> str:
        """Why a plugin is not loaded; "" if it is."""
        if any(_matches(dist, pattern) for pattern in self.deny):
            return f"denied by {self.source}"
        if self.allow is not None and not any(_matches(dist, pattern) for pattern in self.allow):
            return f"not among the plugins that {self.source} allows"
        return ""

    def options_of(self, kind: str, dist: str, name: str) -> Mapping[str, Any]:
        """The default options of a component."""
        return {**self.options.get((kind, name), {}), **self.options.get((kind, f"{dist}/{name}"), {})}

    @property
    def source(self) -> str:
        """What the configuration is called in messages."""
        return str(self.path) if self.path is not None else "the environment"


def config() -> Config:
    """The configuration of the working directory. Raises `BadOption` that names file and key for an invalid one."""
    path = _file()
    try:
        stamp = None if path is None else os.stat(path).st_mtime_ns
    except OSError:
        stamp = None
    return _read(path, stamp, tuple(os.environ.get(name, "") for name in VARIABLES))


def _file() -> Path | None:
    named = os.environ.get(VARIABLES[0])
    if named:
        return Path(named)
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return None
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / ".git").exists():
            break
    else:
        return None
    return None


@functools.lru_cache(maxsize=8)
def _read(path: Path | None, stamp: int | None, variables: tuple[str, ...]) -> Config:
    found = Config() if path is None else _parse(path)
    _, data, runs, allow, deny = variables
    return Config(
        found.path,
        Path(data).expanduser().absolute() if data else found.data,
        Path(runs).expanduser() if runs else found.runs,
        tuple(_listed(allow)) if allow else found.allow,
        tuple(_listed(deny)) if deny else found.deny,
        found.options,
    )


def _listed(text: str) -> Iterable[str]:
    return (part.strip() for part in text.split(",") if part.strip())


def _matches(dist: str, pattern: str) -> bool:
    return fnmatchcase(_folded(dist), _folded(pattern))


def _folded(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _parse(path: Path) -> Config:
    try:
        document = read_toml(path, "configuration")
    except HarnessError as e:
        raise BadOption(e.message, "Fix it, or remove the file.") from e
    _check_keys(path, "", document, ("folders", "plugins", *KINDS))
    folders, plugins = _table(path, document, "folders"), _table(path, document, "plugins")
    _check_keys(path, "folders.", folders, FOLDERS)
    _check_keys(path, "plugins.", plugins, PLUGINS)
    options = {
        (kind, name): _options(path, table, name, given)
        for table, kind in KINDS.items()
        for name, given in _table(path, document, table).items()
    }
    return Config(
        path,
        _folder(path, folders, "data"),
        _folder(path, folders, "runs") or Path("runs"),
        _patterns(path, plugins, "allow"),
        _patterns(path, plugins, "deny") or (),
        options,
    )


def _check_keys(path: Path, where: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            guess = nearest(key, known)
            raise BadOption(
                f"{path}: there is no key {where + key!r}.",
                f"Did you mean {where + guess!r}?"
                if guess
                else f"Keys: {', '.join(where + k for k in known)}.",
            )


def _table(path: Path, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise BadOption(f"{path}: {name} is no table.", f"Write [{name}].")
    return found


def _folder(path: Path, folders: Mapping[str, Any], name: str) -> Path | None:
    if name not in folders:
        return None
    if not isinstance(folders[name], str) or not folders[name]:
        raise BadOption(f"{path}: folders.{name} is no path.", f'For example: {name} = "results"')
    # A folder of a project lies in the project, wherever the command is started.
    home, given = path.absolute().parent, Path(folders[name]).expanduser()
    return given if name == "runs" and home == Path.cwd() else home / given


def _patterns(path: Path, plugins: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in plugins:
        return None
    given = plugins[name]
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise BadOption(
            f"{path}: plugins.{name} is no list of names.", f'For example: {name} = ["memobench-plugin-*"]'
        )
    return tuple(given)


def _options(path: Path, table: str, name: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise BadOption(f"{path}: {table}.{name} is no table of options.", f"Write [{table}.{name}].")
    for key in given:
        if key in NEVER or key.endswith("_env") or names_secret(key):
            raise BadOption(
                f"{path}: {table}.{name}.{key} is not taken from a file.",
                f"Give it on the command line: -o {key}=...",
            )
    return dict(given)
