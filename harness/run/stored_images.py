"""Which generated images a run folder still holds as they were generated."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.run.image_requests import IMAGES
from harness.run.watch import Watch
from harness.store.files import storage_errors
from harness.store.owners import sweep
from harness.store.regular import open_to_read, subfolder
from harness.store.replies import latest_image_replies


def ids_of_stored_images(folder: Path, watch: Watch) -> set[str]:
    """The ids of the requests that have a reply, and whose image is the one that was generated.

    An image that was deleted, emptied or exchanged is removed, so that nothing scores it, and is to be generated again.
    """
    with storage_errors(folder):
        images = subfolder(folder, IMAGES)
    sweep(images)
    replies = latest_image_replies(folder)
    good = {id_ for id_, as_generated in _checked(images, replies) if as_generated}
    for id_ in replies.keys() - good:
        with storage_errors(folder), suppress(FileNotFoundError):
            os.unlink(image_file(images, id_))
    if len(good) < len(replies):
        count = len(replies) - len(good)
        watch.note(
            f"{count} {'image was' if count == 1 else 'images were'} deleted or exchanged after being generated, "
            f"and {'is' if count == 1 else 'are'} generated again"
        )
    return good


def changed_images(folder: Path) -> set[str]:
    """The ids of a run folder's images that were deleted, emptied or exchanged after being generated."""
    replies = latest_image_replies(folder)
    images = subfolder(folder, IMAGES, create=False) if replies else folder
    return {id_ for id_, as_generated in _checked(images, replies) if not as_generated}


def _checked(images: Path, replies: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    with ThreadPoolExecutor(4, thread_name_prefix="memobench-check") as pool:
        checked = pool.map(lambda reply: is_as_generated(images, reply), replies.values())
        yield from zip(replies, checked, strict=True)


def image_file(images: Path, id_: str) -> Path:
    """The file of a request's image."""
    return images / f"{id_.replace(os.sep, '_')}.png"


def is_as_generated(images: Path, reply: Mapping[str, Any]) -> bool:
    """Whether the file of a reply's image has the digest that the reply stores; True for a reply without an image."""
    if reply["outcome"] != "ok":
        return True
    try:
        with open_to_read(image_file(images, reply["id"])) as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return False
    return reply.get("picture") in (None, digest.hexdigest())
