"""Verifies the checksums of an imported data set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.home import CHECKSUMS, DOCUMENT, document, imported
from harness.errors import BadData, unknown


@dataclass(frozen=True)
class Difference:
    """A picture that differs from the import: `what` is "missing", "changed" or "unreadable"."""

    image: str
    what: str


def verify(name: str, progress: Callable[[int], None] | None = None) -> tuple[int, Iterator[Difference]]:
    """The number of pictures of an imported data set, and a lazy iterator over those that differ.

    Raises `UnknownName` if there is no such data set, `BadData` if its metadata is damaged.
    """
    folder = imported().get(name)
    if folder is None:
        raise unknown("imported data set", name, imported(), "Import it with `harness data import`.")
    metadata = document(folder)
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except PermissionError as e:
        raise BadData(
            f"The data set {name!r} cannot be read: {e.strerror}: {str(e.filename)!r}.",
            f"Let its owner run `chmod -R a+rX {folder}`.",
        ) from e
    except OSError as e:
        raise BadData(f"The data set {name!r} has no {CHECKSUMS}: {e.strerror}.", "Import it again.") from e
    if not metadata or metadata.get("samples") != len(lines) or any(line[64:66] != "  " for line in lines):
        raise BadData(
            f"The data set {name!r} was modified: {DOCUMENT} and {CHECKSUMS} do not match.",
            "Import it again: `harness data import KIND PATH --replace`.",
        )
    root = Path(metadata["root"]) if metadata.get("root") else folder
    return len(lines), _differences(root, lines, progress)


def _differences(
    root: Path, lines: list[str], progress: Callable[[int], None] | None
) -> Iterator[Difference]:
    for done, line in enumerate(lines, 1):
        expected, image = line[:64], line[66:]
        try:
            if _digest(root / image) != expected:
                yield Difference(image, "changed")
        except FileNotFoundError:
            yield Difference(image, "missing")
        except OSError:
            yield Difference(image, "unreadable")
        if progress:
            progress(done)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
