"""Finds the pictures of a release by the names used in tables, and checks picture files."""

from __future__ import annotations

import io
import posixpath
import warnings
from collections.abc import Iterable
from pathlib import PurePosixPath

from PIL import Image, UnidentifiedImageError

from harness.datasets.file_names import fold_name
from harness.images.formats import FORMATS, MAX_PIXELS, PICTURES
from harness.images.unread import HEAD, unread_content


class PictureIndex:
    """Finds pictures by path or name, in any case and Unicode form, with or without extension and leading folders.

    It tracks which pictures were referenced, so that the others can be reported.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(p for p in paths if is_picture(p))
        self._referenced: set[str] = set()
        self._by_name: dict[str, list[str]] = {}
        for path in self.paths:
            self._by_name.setdefault(_stem(fold_name(path).rpartition("/")[2]), []).append(path)
        self._folders_matter = any(
            len({posixpath.dirname(path) for path in paths}) > 1 for paths in self._by_name.values()
        )

    def find(self, name: str) -> list[str]:
        """The pictures that a name may refer to: none, one, or several if it is ambiguous.

        If no two pictures share a file name, folders in `name` are ignored. Otherwise the last folder in `name` must
        be the picture's folder.
        """
        found = self.matching(name)
        self._referenced.update(found)
        return found

    def unreferenced(self) -> list[str]:
        """The pictures that no name has referred to so far."""
        return [path for path in self.paths if path not in self._referenced]

    def matching(self, name: str) -> list[str]:
        """As `find`, without counting as a reference."""
        given = posixpath.normpath(name.replace("\\", "/")).strip("/")
        wanted = fold_name(given)
        found = self._by_name.get(_stem(wanted.rpartition("/")[2]), [])
        for fits in (_is_path, _ends_in, _ends_in_stem):
            close = [path for path in found if fits(fold_name(path), wanted) or fits(wanted, fold_name(path))]
            if close:
                exact = [path for path in close if fits(path, given) or fits(given, path)]
                return exact if len(close) > 1 and exact else close
        if "/" in wanted and self._folders_matter:
            parent = posixpath.basename(posixpath.dirname(wanted))
            found = [p for p in found if posixpath.basename(posixpath.dirname(fold_name(p))) == parent]
        return [path for path in found if _has_name(fold_name(path), wanted)] or found


def is_picture(path: str) -> bool:
    """Whether a file has a picture extension."""
    return PurePosixPath(path.casefold()).suffix in PICTURES


def problem_of(data: bytes) -> str:
    """Why a picture file is unusable, or "". Decodes it only if it looks truncated."""
    if not data:
        return "empty (zero bytes)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _inspect(data)
    except UnidentifiedImageError:
        return unread_content(data[:HEAD]) or "not a picture in a known format"
    except Image.DecompressionBombError:
        return f"more than {MAX_PIXELS:,} pixels"
    except Exception as e:  # decoders raise arbitrary exceptions on broken files
        return f"broken: {e}"


def _inspect(data: bytes) -> str:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return f"{width}x{height} pixels are more than {MAX_PIXELS:,}"
        if not _looks_complete(data, image.format):
            image.load()
    return ""


def _looks_complete(data: bytes, form: str | None) -> bool:
    """Whether a file has the end marker of its format; decoding would take about a hundred times as long."""
    if form == "PNG":
        return b"IEND" in data[-64:]
    return form == "JPEG" and b"\xff\xd9" in data[-64:]


def _stem(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix in PICTURES else path


def _is_path(path: str, wanted: str) -> bool:
    return path == wanted


def _ends_in(path: str, wanted: str) -> bool:
    return f"/{path}".endswith(f"/{wanted}")


def _ends_in_stem(path: str, wanted: str) -> bool:
    return f"/{_stem(path)}".endswith(f"/{_stem(wanted)}")


def _has_name(path: str, wanted: str) -> bool:
    return path.rpartition("/")[2] == wanted.rpartition("/")[2]
