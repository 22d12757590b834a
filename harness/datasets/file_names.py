"""Finds files by names that differ from theirs only in Unicode form, in case or by backslashes."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path


def fold_name(name: str) -> str:
    """A name or path without case, in one Unicode form (NFC)."""
    if name.isascii():
        return name.casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class FileNames:
    """Finds the real paths of files below a root, from listings of its folders."""

    def __init__(self, entries: Callable[[str], Iterable[str]]) -> None:
        """`entries` lists the names in a folder, given its path with `/` ("" is the root)."""
        self._entries = entries
        self._names: dict[str, frozenset[str]] = {}
        self._folded: dict[str, dict[str, list[str]]] = {}

    def find(self, path: str) -> list[str]:
        """The paths of existing files that a name may refer to: the name itself if there is one, else all others.

        Absolute paths, and those with "..", are not looked up: they are returned as they are.
        """
        slashed = path.replace("\\", "/")
        if slashed.startswith("/") or (".." in slashed and ".." in slashed.split("/")):
            return [path]
        folder, _, name = path.rpartition("/")
        if name in self._listing(folder):
            return [path]
        parts = [part for part in slashed.split("/") if part not in ("", ".")]
        found = [""]
        for part in parts:
            found = [
                f"{parent}/{name}".lstrip("/") for parent in found for name in self._matches(parent, part)
            ]
        return found

    def _listing(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            self._names[folder] = frozenset(self._entries(folder))
        return self._names[folder]

    def _matches(self, folder: str, name: str) -> list[str]:
        """The names in a folder that are equal to `name`, else that differ in Unicode form alone, else in case too."""
        listing = self._listing(folder)
        if name in listing:
            return [name]
        if folder not in self._folded:
            by_fold = self._folded[folder] = {}
            for entry in listing:
                by_fold.setdefault(fold_name(entry), []).append(entry)
        found = sorted(self._folded[folder].get(fold_name(name), ()))
        form = unicodedata.normalize("NFC", name)
        return [entry for entry in found if unicodedata.normalize("NFC", entry) == form] or found


def files_on_disk(root: Path) -> FileNames:
    """The files below a folder on disk. A folder that cannot be listed counts as empty."""

    def entries(folder: str) -> list[str]:
        try:
            return os.listdir(root / folder)
        except (OSError, ValueError):
            return []

    return FileNames(entries)


def files_among(paths: Iterable[str]) -> FileNames:
    """The files with the given paths."""
    children: dict[str, set[str]] = {}
    for path in paths:
        while path:
            folder, _, name = path.rpartition("/")
            names = children.setdefault(folder, set())
            if name in names:
                break
            names.add(name)
            path = folder
    return FileNames(lambda folder: children.get(folder, ()))
