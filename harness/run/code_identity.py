"""The default identity of a plugin's component: the files of its package and the version of its distribution."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from harness.components.base import Configured

MOST_FILES, MOST_BYTES = 2_000, 200 * 2**20
"""Up to here the contents of files count, Python files first; of all further files only names and sizes."""


def code_identity(cls: type[Configured], version: str) -> dict[str, str] | None:
    """A digest of the code and data that a class comes with, and `version`; None for a class that has no file.

    It covers every file of the top-level package of the class's module (of the first regular one below namespace packages),
    by its path in the package and its content, or the module's file alone. Compiled files are left out.
    """
    roots, module = _package(cls.__module__)
    if not roots:
        source = module and inspect.getsourcefile(cls)
        if not source or not os.path.isfile(source):
            return None
        files = [(os.path.basename(source), Path(source))]
    else:
        files = [found for root in roots for found in _files(root)]
    identity = {"code": _digest(files)}
    return identity | {"version": version} if version else identity


def _package(name: str) -> tuple[list[Path], ModuleType | None]:
    """The folders of the package that a module belongs to, none for a module on its own; and the module of the package."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        found = sys.modules.get(".".join(parts[:end]))
        if found is None:
            return [], None
        if getattr(found, "__file__", None):
            folders = [Path(path) for path in getattr(found, "__path__", ())]
            return [path for path in folders if path.is_dir()], found
    return [], None


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = Path(folder, name)
            if path.suffix not in (".pyc", ".pyo"):
                yield path.relative_to(root).as_posix(), path


def _digest(files: list[tuple[str, Path]]) -> str:
    digest, count, size = hashlib.sha256(), 0, 0
    for name, path in sorted(files, key=lambda found: (not found[0].endswith(".py"), found)):
        try:
            length = path.stat().st_size
            count, size = count + 1, size + length
            within = count <= MOST_FILES and size <= MOST_BYTES
            content = hashlib.sha256(path.read_bytes()).hexdigest() if within else ""
        except OSError:  # a broken link, or a file that nobody may read
            length, content = -1, ""
        digest.update(repr((name, length, content)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
