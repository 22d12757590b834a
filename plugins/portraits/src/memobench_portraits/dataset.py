"""The data set `portraits`: drawn on first use, kept in the user's cache."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import DataSet, HarnessOptions, StorageError
from memobench_portraits import __version__
from memobench_portraits.expression import EMOTIONS
from memobench_portraits.identity import DRAWN_AGE_GROUPS, SKIN_TONES, Identity, identity

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = 384
"""Side of a picture in pixels."""

DATASET_SEEDS = range(1972, 1996)
"""Subject seeds of the data set. Seeds below 1,000,000 are kept for it: the generator never draws them."""

_HAIR = ("long", "quiff", "ponytail", "curls", "braids", "buzz",
         "short", "wavy", "short", "hijab", "curls", "afro",
         "pixie", "receding", "bob", "short", "curly", "bald",
         "short", "bun", "receding", "bob", "curls", "curly")  # fmt: skip
"""The hair of each person: a line for each age group, a column for each skin tone."""
_GLASSES = {3: "round", 6: "square", 11: "round", 14: "square", 19: "round", 22: "square"}

COLUMNS = ("image", "id", "emotion", "intensity", "subject", "generator", "age_group", "gender", "skin_tone",
           "hair", "glasses", "beard")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One picture of the data set: its id, who it shows, and what they show."""

    id: str
    who: Identity
    emotion: str
    strength: int | None
    """1 to 5; None for a neutral face."""

    def row(self) -> dict[str, str]:
        """The picture's line in the manifest."""
        who = self.who
        return {
            "image": f"images/{self.id}.png", "id": self.id, "emotion": self.emotion,
            "intensity": "" if self.strength is None else str(self.strength), "subject": f"s{DATASET_SEEDS.index(who.seed) + 1:02d}",
            "generator": "portraits", "age_group": who.age_group, "gender": who.gender, "skin_tone": who.skin_tone,
            "hair": who.hair, "glasses": who.glasses, "beard": who.beard,
        }  # fmt: skip


def people() -> list[Identity]:
    """The 24 people: every skin tone in every age group, as many women as men in each."""
    found = []
    for n, seed in enumerate(DATASET_SEEDS):
        age, tone = divmod(n, len(SKIN_TONES))
        who = identity(
            seed,
            age_group=DRAWN_AGE_GROUPS[age],
            skin_tone=SKIN_TONES[tone],
            gender=("woman", "man")[(tone + age) % 2],
            hair=_HAIR[n],
            glasses=_GLASSES.get(n, "none"),
        )
        found.append(who)
    return found


def entries() -> list[Entry]:
    """All pictures. Ids are numbered in an order that tells nothing of the labels."""
    wanted: list[tuple[Identity, str, int | None]] = []
    for who in people():
        wanted += [(who, e, s) for e in EMOTIONS if e != "neutral" for s in range(1, 6)]
        wanted.append((who, "neutral", None))
    shuffled = sorted(wanted, key=lambda w: hashlib.sha256(f"{w[0].seed}/{w[1]}/{w[2]}".encode()).digest())
    return [Entry(f"p{n:04d}", *what) for n, what in enumerate(shuffled, start=1)]


def manifest() -> str:
    """The text of the data set's `manifest.csv`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(entry.row() for entry in entries())
    return out.getvalue()


def cache_folder() -> Path:
    """Where the data set of this version lies: `$XDG_CACHE_HOME` or `~/.cache`, then `memobench/portraits/VERSION`."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "memobench" / "portraits" / __version__


class PortraitDataSet(DataSet):
    """Five emotions at five strengths, and a neutral face, of each of 24 people: 624 pictures."""

    class Options(HarnessOptions):
        """The data set has no options."""

    def prepare(self) -> Path:
        """The folder with `manifest.csv`, drawn now if it is not there yet.

        It is written aside and renamed, so it is complete or absent; of two processes that draw it at
        once, the first to finish wins. Raises `StorageError` where the cache cannot be written.
        """
        folder = cache_folder()
        if not (folder / "manifest.csv").is_file():
            try:
                _make(folder)
            except OSError as error:
                raise StorageError(
                    f"The portraits cannot be stored in {str(folder)!r}: {error}.",
                    "Make room there, or set XDG_CACHE_HOME to a folder that can be written.",
                ) from error
        return folder


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write(aside)
        try:
            aside.rename(folder)
        except OSError:
            if not (folder / "manifest.csv").is_file():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write(folder: Path) -> None:
    """Draw the whole data set into an existing folder, the manifest last."""
    from memobench_portraits.workshop import Order, Workshop

    (folder / "images").mkdir()
    ordered = sorted(entries(), key=lambda e: e.who.seed)
    groups = [list(group) for _, group in itertools.groupby(ordered, key=lambda e: e.who.seed)]
    with Workshop() as workshop:
        drawn = [
            workshop.later(workshop.drawn, [Order(e.who, e.emotion, e.strength or 0, SIZE) for e in group])
            for group in groups
        ]
        for group in groups:
            for entry, picture in zip(group, drawn.pop(0).result(), strict=True):
                _save(picture, folder / "images" / f"{entry.id}.png")
    (folder / "manifest.csv").write_text(manifest(), encoding="utf-8", newline="")


def _save(picture: Image, path: Path) -> None:
    """Write a PNG. Run lengths alone are the fastest here, and on drawings no larger than light deflation."""
    picture.save(path, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
