"""The data set `portraits`: generated on first use and cached."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import os
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import DataSet, HarnessOptions, RequestError, StorageError
from memobench_portraits import __version__
from memobench_portraits.cache import complete
from memobench_portraits.expression import EMOTIONS
from memobench_portraits.identity import DEFAULT_AGE_GROUPS, SKIN_TONES, Identity, identity

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = 384
"""Side of a picture in pixels."""

DATASET_SEEDS = range(1972, 1996)
"""Subject seeds of the data set. Seeds below 1,000,000 are reserved for it: the generator never uses them."""

_HAIR = ("long", "quiff", "ponytail", "curls", "braids", "buzz",
         "short", "wavy", "short", "hijab", "curls", "afro",
         "pixie", "receding", "bob", "short", "curly", "bald",
         "short", "bun", "receding", "bob", "curls", "curly")  # fmt: skip
"""Each person's hair: one row per age group, one column per skin tone."""
_GLASSES = {3: "round", 6: "square", 11: "round", 14: "square", 19: "round", 22: "square"}

MANIFEST = "manifest.csv"
COLUMNS = (
    "image",
    "id",
    "emotion",
    "intensity",
    "subject",
    "generator",
    "age_group",
    "gender",
    "skin_tone",
    "hair",
    "glasses",
    "beard",
)


@dataclass(frozen=True)
class Entry:
    """One picture of the data set: id, person and expression."""

    id: str
    who: Identity
    emotion: str
    strength: int | None
    """1 to 5; None for a neutral face."""

    def row(self) -> dict[str, str]:
        """The picture's row in the manifest."""
        who = self.who
        return {
            "image": _file(self),
            "id": self.id,
            "emotion": self.emotion,
            "intensity": "" if self.strength is None else str(self.strength),
            "subject": f"s{DATASET_SEEDS.index(who.seed) + 1:02d}",
            "generator": "portraits",
            "age_group": who.age_group,
            "gender": who.gender,
            "skin_tone": who.skin_tone,
            "hair": who.hair,
            "glasses": who.glasses,
            "beard": who.beard,
        }


def people() -> list[Identity]:
    """The 24 people: every skin tone in every age group, with women and men balanced in both."""
    found = []
    for n, seed in enumerate(DATASET_SEEDS):
        age, tone = divmod(n, len(SKIN_TONES))
        who = identity(
            seed,
            age_group=DEFAULT_AGE_GROUPS[age],
            skin_tone=SKIN_TONES[tone],
            gender=("woman", "man")[(tone + age) % 2],
            hair=_HAIR[n],
            glasses=_GLASSES.get(n, "none"),
        )
        found.append(who)
    return found


def entries() -> list[Entry]:
    """All pictures. The order of the ids reveals nothing about the labels."""
    pictures: list[tuple[Identity, str, int | None]] = []
    for who in people():
        pictures += [(who, e, s) for e in EMOTIONS if e != "neutral" for s in range(1, 6)]
        pictures.append((who, "neutral", None))
    shuffled = sorted(pictures, key=lambda w: hashlib.sha256(f"{w[0].seed}/{w[1]}/{w[2]}".encode()).digest())
    return [Entry(f"p{n:04d}", *picture) for n, picture in enumerate(shuffled, start=1)]


def manifest() -> str:
    """The content of `manifest.csv`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(entry.row() for entry in entries())
    return out.getvalue()


def cache_folder() -> Path:
    """`memobench/portraits/VERSION` in `$XDG_CACHE_HOME` or `~/.cache`. Raises `RequestError` if there is neither."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    try:
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError as error:  # no HOME, and a user id without an entry, as in some containers
        raise RequestError(
            "The cache folder of the portraits is unknown: HOME is not set, and this user has no home folder.",
            "Set XDG_CACHE_HOME to a folder that you can write.",
        ) from error
    return root / "memobench" / "portraits" / __version__


class PortraitDataSet(DataSet):
    """24 people with five emotions at five strengths and a neutral face: 624 pictures."""

    class Options(HarnessOptions):
        pass

    def prepare(self) -> Path:
        """The folder with `manifest.csv`, generated if it does not exist, and mended where a file is missing or changed.

        It is written to a temporary folder and renamed, so it is complete or absent. Raises `StorageError` if the cache
        cannot be written, `RequestError` if another user's cannot be read.
        """
        folder = cache_folder()
        try:
            complete(folder, [MANIFEST, *(_file(entry) for entry in entries())], write)
        except PermissionError as error:
            if not os.path.lexists(folder):
                raise _not_stored(folder, error) from error
            raise RequestError(
                f"The portraits in {str(folder)!r} cannot be read or mended: {error.strerror}.",
                f"Let their owner run `chmod -R a+rX {folder}`, or set XDG_CACHE_HOME to a folder of your own.",
            ) from error
        except OSError as error:
            raise _not_stored(folder, error) from error
        return folder


def _not_stored(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The portraits cannot be stored in {str(folder)!r}: {error}.",
        "Free some space, or set XDG_CACHE_HOME to a writable folder.",
    )


def _file(entry: Entry) -> str:
    return f"images/{entry.id}.png"


def write(folder: Path, names: Collection[str] = ()) -> None:
    """Write the data set, or only the files `names` of it, into an existing folder, the manifest last."""
    from memobench_portraits.pool import PortraitSpec, RenderPool

    (folder / "images").mkdir()
    wanted = [entry for entry in entries() if not names or _file(entry) in names]
    ordered = sorted(wanted, key=lambda e: e.who.seed)
    groups = [list(group) for _, group in itertools.groupby(ordered, key=lambda e: e.who.seed)]
    with RenderPool() as pool:
        futures = [
            pool.submit(
                pool.render_all, [PortraitSpec(e.who, e.emotion, e.strength or 0, SIZE) for e in group]
            )
            for group in groups
        ]
        for group in groups:
            for entry, picture in zip(group, futures.pop(0).result(), strict=True):
                _save(picture, folder / _file(entry))
    if not names or MANIFEST in names:
        (folder / MANIFEST).write_text(manifest(), encoding="utf-8", newline="")


def _save(picture: Image, path: Path) -> None:
    """Write a PNG. Run-length encoding is fastest, and no larger than light deflation on drawings."""
    picture.save(path, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
