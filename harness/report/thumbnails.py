"""Which pictures the page holds, and their thumbnails: WebP, at most 96 pixels wide and high.

The choice is stratified. A stratum is a run, task, judge, emotion, what became of the question (right, wrong, unparsed, ...)
and whether it changed against the first run. Strata take turns, each giving its next picture, so that rare ones, such as
the replies that could not be read, are there in full before frequent ones fill the rest. Within a stratum the order is that
of BLAKE2b hashes of the seed and the picture's path: the same runs give the same page.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from harness.images.decoding import PictureProblem, decode, read_bytes, real_root
from harness.report.answers import Answers, PictureFile
from harness.report.stored import relative_link

SIZE, QUALITY = 96, 60
DEFAULT = 600
SEED = 0


def choose(answers: Answers, limit: int | None, seed: int = SEED) -> list[int]:
    """The numbers of the pictures to embed, at most `limit` (None for all), in their own order."""
    if limit is None or limit >= len(answers.pictures):
        return list(range(len(answers.pictures)))
    strata: dict[tuple[int, ...], set[int]] = {}
    labels = [answers.rows[name].codes for name in ("task", "judge", "state", "change")]
    emotions = answers.samples["emotion"].codes
    for row in range(len(answers)):
        sample = answers.sample[row]
        shown = [picture for picture in answers.pictures_of[sample] if picture is not None]
        if shown:
            stratum = (answers.run[row], *(codes[row] for codes in labels), emotions[sample])
            strata.setdefault(stratum, set()).update(shown)
    order = {number: _rank(picture, seed) for number, picture in enumerate(answers.pictures)}
    queues = [iter(sorted(pictures, key=order.__getitem__)) for pictures in strata.values()]
    chosen: set[int] = set()
    while queues and len(chosen) < limit:
        queues = [queue for queue in queues if len(chosen) >= limit or _take(queue, chosen)]
    return sorted(chosen)


def _take(queue: Iterator[int], chosen: set[int]) -> bool:
    """Add the next picture that is not chosen yet; False where there is none."""
    for picture in queue:
        if picture not in chosen:
            chosen.add(picture)
            return True
    return False


def _rank(picture: PictureFile, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{picture.path}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def embedded(pictures: Sequence[PictureFile], chosen: Sequence[int]) -> dict[int, str]:
    """Picture -> its thumbnail as base64. Pictures that are missing or broken are left out."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        made = pool.map(lambda number: thumbnail(pictures[number]), chosen)
        return {number: data for number, data in zip(chosen, made, strict=True) if data}


def thumbnail(picture: PictureFile) -> str:
    """A thumbnail as base64; "" where the picture cannot be read."""
    if not picture.root:
        return ""
    try:
        image = decode(read_bytes(real_root(Path(picture.root)), picture.path), picture.path).image
    except PictureProblem:
        return ""
    image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def links(pictures: Sequence[PictureFile], page: Path) -> list[str]:
    """For each picture its address relative to the page; "" where it is missing or lies outside of its data."""
    return [_link(picture, page) for picture in pictures]


def _link(picture: PictureFile, page: Path) -> str:
    inside = os.path.normpath(picture.path)
    if not picture.root or os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir or "\0" in inside:
        return ""
    full = os.path.join(os.path.abspath(picture.root), inside)
    return relative_link(full, page) if os.path.isfile(full) else ""
