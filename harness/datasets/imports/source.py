"""Safe access to a downloaded release (folder, zip or table), with limits on size and paths."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from harness.errors import BadData
from harness.images.unread import HEAD, unread_content, unread_name

MAX_FILES = 2_000_000
MAX_FILE = 256 * 2**20
"""Maximum bytes of one picture."""
MAX_TABLE = 4 * 2**30
"""Maximum bytes of one table."""
MAX_TOTAL = 512 * 2**30
"""Maximum total unpacked bytes of an archive."""
MAX_RATIO = 200
"""Maximum compression ratio of entries larger than `SUSPECT` bytes: portraits hardly compress."""
SUSPECT = 2**20
HARMLESS = 2**30
"""Total bytes up to which the ratio is not checked."""
MAX_NAME, MAX_PATH = 240, 1000
"""Maximum bytes of a file name and characters of a path that any file system accepts."""
TABLES = (".parquet", ".csv")
"""Extensions of single-file releases with embedded pictures."""
_JUNK = ("__macosx", "thumbs.db", "desktop.ini")
_DOWNLOAD_AGAIN = "Nothing was imported. Download the release again from its publisher."


class Source(ABC):
    """Files below one root, by path with `/`, in sorted order."""

    name: str
    """The name used in messages."""
    files: Mapping[str, int]
    """Path -> size in bytes."""
    refused: dict[str, str]
    """Path -> why the file is not used."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes]:
        """Open a file for reading."""

    @abstractmethod
    def real_path(self, path: str) -> Path | None:
        """The file's path on disk; None inside an archive."""

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `BadData` beyond `MAX_FILE`, OSError if it cannot be read."""
        if self.files[path] > MAX_FILE:
            raise BadData(f"{path} is larger than {MAX_FILE // 2**20} MiB.", "It is not a portrait.")
        with self.open(path) as file:
            data = file.read(self.files[path] + 1)
            if len(data) > self.files[path]:
                data += file.read(MAX_FILE + 1 - len(data))
        if len(data) > MAX_FILE:
            raise BadData(f"{path} is larger than declared.", "It is not a portrait.")
        return data

    def close(self) -> None:  # noqa: B027 - a folder has nothing to close
        """Close all open files."""


def open_source(path: Path) -> Source:
    """Open a folder, a zip, or a table with embedded pictures. Raises `BadData` for anything else, and for unsafe archives."""
    # Unlike those of Path, these take names that are too long for a file.
    if os.path.isdir(path):
        return _Folder(path)
    if not os.path.exists(path):
        raise BadData(f"{str(path)!r} does not exist.", "Give the folder or the .zip that was downloaded.")
    if not os.path.isfile(path):  # A pipe would be waited for.
        raise BadData(f"{str(path)!r} is neither a file nor a folder.", "Give the folder or the .zip itself.")
    if path.suffix.lower() in TABLES:
        return _Table(path)
    if not zipfile.is_zipfile(path):
        packed = path.suffix.lower() in (".rar", ".7z", ".gz", ".tgz", ".tar", ".xz", ".bz2")
        raise BadData(
            f"{str(path)!r} is neither a folder nor a complete zip.",
            "Unpack it and give the folder." if packed else "Download it again, or give the folder.",
        )
    return _Zip(path)


class _Folder(Source):
    def __init__(self, root: Path) -> None:
        self.name, self.root = str(root), Path(os.path.realpath(root))
        self.refused: dict[str, str] = {}
        self.files = dict(sorted(self._walk("")))
        self.files = _without_unread(self)

    def _walk(self, below: str) -> Iterator[tuple[str, int]]:
        pending = [below]
        count = 0
        while pending:
            folder = pending.pop()
            try:
                entries = list(os.scandir(self.root / folder))
            except OSError as e:
                raise BadData(
                    f"The folder {str(self.root / folder)!r} cannot be read: {e.strerror}.",
                    "Check the permissions.",
                ) from e
            for entry in entries:
                path = f"{folder}/{entry.name}".lstrip("/")
                if _is_junk(path):
                    continue
                count += 1
                if count > MAX_FILES:
                    raise BadData(
                        f"{self.name!r} contains more than {MAX_FILES:,} files.",
                        "Give the release's own folder.",
                    )
                problem = self._problem(entry)
                if problem:
                    self.refused[path] = problem
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    yield path, entry.stat().st_size

    def _problem(self, entry: os.DirEntry[str]) -> str:
        """Why an entry is not used, or an empty string."""
        if not entry.name.isprintable():  # what is not UTF-8 is not printable either
            return "a name that cannot be written"
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
            if not real.startswith(str(self.root) + os.sep):
                return "a link that leaves the folder"
            if os.path.isdir(real):
                return "a link to a folder"
            if not os.path.isfile(real):
                return "a link to nothing"
            return ""
        if entry.is_dir(follow_symlinks=False):
            return ""
        return "" if stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode) else "not a file"

    def open(self, path: str) -> IO[bytes]:
        return (self.root / path).open("rb")

    def real_path(self, path: str) -> Path | None:
        return self.root / path


class _Table(Source):
    def __init__(self, path: Path) -> None:
        self.name, self._path, self.refused = str(path), path, {}
        self.files = {path.name: path.stat().st_size}

    def open(self, path: str) -> IO[bytes]:
        return self._path.open("rb")

    def real_path(self, path: str) -> Path | None:
        return self._path if path else None


class _Zip(Source):
    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.refused: dict[str, str] = {}
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as e:
            raise BadData(f"{self.name!r} is not a complete zip: {e}.", _DOWNLOAD_AGAIN) from e
        try:
            self._entries = self._checked(path.stat().st_size)
        except BaseException:
            self._zip.close()
            raise
        self.files = {name: self._entries[name].file_size for name in sorted(self._entries)}
        self.files = _without_unread(self)

    def _checked(self, packed: int) -> dict[str, zipfile.ZipInfo]:
        """The entries by path, after safety checks."""
        entries: dict[str, zipfile.ZipInfo] = {}
        infos = self._zip.infolist()
        if len(infos) > MAX_FILES:
            raise BadData(f"{self.name!r} contains more than {MAX_FILES:,} entries.", _DOWNLOAD_AGAIN)
        unpacked = sum(i.file_size for i in infos)
        if (
            unpacked > min(MAX_TOTAL, max(HARMLESS, MAX_RATIO * packed))
            or sum(i.compress_size for i in infos) > packed
        ):
            raise BadData(f"{self.name!r} has an implausible compression ratio.", _DOWNLOAD_AGAIN)
        for info in infos:
            path = info.filename.replace("\\", "/")
            problem = _entry_problem(info, path)
            if problem:
                raise BadData(
                    f"{self.name!r} is refused: its entry {info.filename!r} {problem}.", _DOWNLOAD_AGAIN
                )
            if path.endswith("/") or _is_junk(path):
                continue
            if path in entries:
                raise BadData(f"{self.name!r} is refused: it contains {path!r} twice.", _DOWNLOAD_AGAIN)
            if not path.isprintable():
                self.refused[path] = "a name that cannot be written"
                continue
            entries[path] = info
        folders = {path[:end] for path in entries for end, char in enumerate(path) if char == "/"}
        for path in folders & entries.keys():
            raise BadData(f"{self.name!r} is refused: {path!r} is both a file and a folder.", _DOWNLOAD_AGAIN)
        return entries

    def open(self, path: str) -> IO[bytes]:
        return io.BufferedReader(_Entry(self._zip, self._entries[path]))

    def real_path(self, path: str) -> Path | None:
        return None

    def close(self) -> None:
        self._zip.close()


class _Entry(io.RawIOBase):
    """An open archive entry. Decompression errors are raised as OSError, as for any file."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self._name = info.filename
        with self._translated():
            self._file = archive.open(info)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._translated():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            raise
        except Exception as e:  # decompressors raise various exceptions on broken entries
            raise OSError(f"{self._name} in the archive is broken: {e}") from e


def _entry_problem(info: zipfile.ZipInfo, name: str) -> str:
    """Why an archive entry with a given path is unsafe, or ""."""
    if not name:
        return "has no name"
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "has an absolute path"
    if ".." in name.split("/"):
        return "is outside the target folder"
    if (
        any(len(part.encode("utf-8", "replace")) > MAX_NAME for part in name.split("/"))
        or len(name) > MAX_PATH
    ):
        return "has a name that is too long"
    if any(ord(c) < 32 for c in name):
        return "has a name with invalid characters"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.file_size > SUSPECT and info.file_size > MAX_RATIO * max(1, info.compress_size):
        return f"would unpack to {info.file_size / max(1, info.compress_size):,.0f} times its size"
    return ""


def _without_unread(source: Source) -> dict[str, int]:
    """The files of a source without pictures in formats that are not read, such as HEIC: these are refused by name."""
    kept = {}
    for path, size in source.files.items():
        problem = unread_name(path)
        if problem:
            with suppress(OSError), source.open(path) as file:
                # Some files are called .heic although they are JPEG.
                problem = unread_content(file.read(HEAD))
        if problem:
            source.refused[path] = problem
        else:
            kept[path] = size
    return kept


def _is_junk(path: str) -> bool:
    """Whether a file was created by an operating system or editor."""
    return any(part.startswith(".") or part.casefold() in _JUNK for part in path.split("/"))
