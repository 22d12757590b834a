"""Whether an imported data set is still what was imported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.home import CHECKSUMS, DOCUMENT, document, imported
from harness.errors import BadData, unknown


@dataclass(frozen=True)
class Difference:
    """One picture that is not as it was: `what` is "missing", "changed" or "unreadable"."""

    image: str
    what: str


def verify(name: str, progress: Callable[[int], None] | None = None) -> tuple[int, Iterator[Difference]]:
    """How many pictures an imported data set has, and those that differ, found as they are iterated over.

    Raises `UnknownName` where there is no such data set, `BadData` where its own files are damaged.
    """
    folder = imported().get(name)
    if folder is None:
        raise unknown("imported data set", name, imported(), "`harness data import` makes one.")
    told = document(folder)
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as e:
        raise BadData(
            f"The data set {name!r} has lost its {CHECKSUMS}: {e.strerror}.", "Import it again."
        ) from e
    if not told or told.get("samples") != len(lines) or any(line[64:66] != "  " for line in lines):
        raise BadData(
            f"The data set {name!r} was changed by hand: {DOCUMENT} and {CHECKSUMS} do not agree.",
            "Import it again with --replace.",
        )
    root = Path(told["root"]) if told.get("root") else folder
    return len(lines), _differences(root, lines, progress)


def _differences(
    root: Path, lines: list[str], progress: Callable[[int], None] | None
) -> Iterator[Difference]:
    for done, line in enumerate(lines, 1):
        wanted, image = line[:64], line[66:]
        try:
            if _digest(root / image) != wanted:
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
