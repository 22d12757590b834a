"""Reads and decodes pictures from untrusted files to RGB, with size limits and checks."""

from __future__ import annotations

import errno
import functools
import io
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from harness.images.bare import MAX_SCANNED, bare
from harness.images.formats import FORMATS, MAX_PIXELS, MEDIA_TYPES
from harness.images.problem import PictureProblem as PictureProblem
from harness.images.unread import HEAD, unread_content
from harness.types import JudgeRequest

MAX_BYTES = 256 * 2**20
_LARGE_FILE = 8 * 2**20
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Orientation -> what makes a picture upright."""
_STRIP = 1_000_000
"""Pixels of a strip of a picture that is worked on in parts."""
_PNG_DEPTH = 24
"""Where a PNG states its bits per sample."""
_PLAIN_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}
"""Modes that all decoders turn into the same 8-bit RGB, unless a pixel is transparent."""


def read_bytes(
    root: str, path: str, *, allow_outside: bool = False, reserve: Callable[[int], None] | None = None
) -> bytes:
    """The bytes of the picture at `path` below `root` (a real path). Raises `PictureProblem`.

    `reserve` is called with the size of a large file before it is read; it may wait.
    """
    try:
        # A file object costs more than reading a small picture.
        fd = _open(root, path, allow_outside)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise _no_file(path)
            if status.st_size > MAX_BYTES:
                raise PictureProblem("too_large", f"{path} is larger than {MAX_BYTES // 2**20} MiB")
            if reserve is not None and status.st_size > _LARGE_FILE:
                reserve(status.st_size)
            # A buffer of the largest size for each picture would cost more than reading it.
            data = os.read(fd, status.st_size + 1)
            if len(data) > status.st_size:
                data += os.read(fd, MAX_BYTES + 1 - len(data))
        finally:
            os.close(fd)
    except (FileNotFoundError, NotADirectoryError):
        raise PictureProblem("missing", f"{path} does not exist") from None
    except (OSError, ValueError) as e:
        if isinstance(e, OSError) and e.errno == errno.ENXIO:  # A socket cannot be opened.
            raise _no_file(path) from None
        raise PictureProblem(
            "unreadable", f"{path} cannot be read: {getattr(e, 'strerror', None) or e}"
        ) from None
    if not data:
        raise PictureProblem("empty", f"{path} is empty (zero bytes)")
    return data


_SAFELY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Without O_NONBLOCK, opening a pipe waits for its other end."""


def _open(root: str, path: str, allow_outside: bool) -> int:
    """A descriptor of the file at `path` below `root`, after links are resolved. Raises `OSError`, `PictureProblem`."""
    if allow_outside:
        return os.open(os.path.join(root, path), _SAFELY)
    folder, slash, name = path.rpartition(os.sep)
    inside = _folder_inside(root, folder + slash)
    if inside is None:
        raise _outside(path)
    full = inside + name
    try:
        return os.open(full, _SAFELY | os.O_NOFOLLOW)
    except OSError as e:
        if e.errno != errno.ELOOP:
            raise
    real = os.path.realpath(full)
    if not _inside(root, real):
        raise _outside(path)
    return os.open(real, _SAFELY | os.O_NOFOLLOW)


def _outside(path: str) -> PictureProblem:
    return PictureProblem("outside", f"{path} is outside the data folder; allow it with --allow-outside")


def _no_file(path: str) -> PictureProblem:
    return PictureProblem("unreadable", f"{path} is not a file")


def _inside(root: str, real: str) -> bool:
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


@functools.lru_cache(maxsize=4096)
def _folder_inside(root: str, folder: str) -> str | None:
    """The path of a folder of pictures, with a separator at its end; None if it is not in `root` once links are resolved."""
    # Many pictures share a folder: resolving each folder once saves several system calls per picture.
    full = os.path.join(root, folder, "")
    return full if _inside(root, os.path.realpath(full)) else None


class Decoded(NamedTuple):
    """A complete picture as every judge sees it."""

    image: Image.Image
    """8-bit RGB, upright, without transparency."""
    media_type: str
    plain: bool
    """Whether any decoder obtains these pixels from the file once `strip_metadata` has removed its metadata."""


def decode(data: bytes, path: str, reserve: Callable[[int], None] | None = None) -> Decoded:
    """Decode a file: orientation and transparency are what it says, whatever its format.

    `reserve` is called with the bytes of memory that decoding takes, before it takes them; it may wait.
    Raises `PictureProblem` unless the file is a complete picture.
    """
    try:
        return _decode(data, reserve or (lambda _: None))
    except PictureProblem as problem:
        raise PictureProblem(problem.kind, f"{path}: {problem}", retryable=problem.retryable) from None
    except Image.DecompressionBombError:
        raise PictureProblem("too_large", f"{path} has more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        unread = unread_content(data[:HEAD])
        reason = f"{path}: {unread}" if unread else f"{path} is not a picture in a known format"
        raise PictureProblem("not_a_picture", reason) from None
    except Exception as e:  # decoders raise arbitrary exceptions on broken files
        if _is_memory(e):
            raise PictureProblem("memory", f"{path}: {NO_MEMORY}", retryable=True) from None
        raise PictureProblem("broken", f"{path} is broken: {e}") from None


NO_MEMORY = "decoding it takes more memory than there is"
BYTES_PER_PIXEL = 4
"""In memory, of an RGB picture."""
_WHILE_DECODING = 2
"""Pictures of that size that decoding holds at once."""


def _is_memory(error: Exception) -> bool:
    # Decoders name it in several ways.
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def _decode(data: bytes, reserve: Callable[[int], None]) -> Decoded:
    found = bare(data)
    image: Image.Image = Image.open(io.BytesIO(found.data), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureProblem("too_large", f"{width}x{height} pixels are more than {MAX_PIXELS:,}")
    if width * height * found.scans > MAX_SCANNED:
        raise PictureProblem("too_large", f"{found.scans} scans are too many for {width}x{height} pixels")
    reserve(width * height * BYTES_PER_PIXEL * _WHILE_DECODING)
    media_type = MEDIA_TYPES[image.format or ""]
    image.load()
    depth = data[_PNG_DEPTH] if media_type == "image/png" else 8
    plain = image.mode in _PLAIN_MODES and depth <= 8 and _is_still(data, media_type)
    orientation = _stored_orientation(image) if found.orientation is None else found.orientation
    image = _with_transparent_colour(image, found.data, depth)
    if orientation in _UPRIGHT:
        image = _turned(image, orientation)
    rgb, transparent = _flatten(image)
    plain = plain and orientation not in _UPRIGHT and not transparent
    return Decoded(_without_metadata(rgb), media_type, plain)


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """The picture upright. What is known of its transparency stays."""
    upright = image.transpose(_UPRIGHT[orientation])
    upright.info = dict(image.info)
    return upright


def _is_still(data: bytes, media_type: str) -> bool:
    """Whether a file is of a format that all decoders read, and holds one picture only once its metadata is stripped."""
    if media_type == "image/webp":
        return not (data[12:16] == b"VP8X" and data[20] & 0x02)  # bit 1: animation
    return media_type in ("image/png", "image/jpeg")


def _stored_orientation(image: Image.Image) -> int:
    """The EXIF or XMP orientation, 1 to 8; 0 where it says nothing."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
        return found if found in range(1, 9) else 0
    except Exception:  # broken metadata says nothing about the pixels
        return 0


def _with_transparent_colour(image: Image.Image, data: bytes, depth: int) -> Image.Image:
    """The image with the transparent colour of a PNG of `depth` bits applied: Pillow compares it with pixels of 8 bits."""
    colour = image.info.get("transparency")
    if image.mode == "L" and isinstance(colour, int) and depth < 8:
        image.info["transparency"] = colour * 255 // (2**depth - 1)
    elif image.mode == "RGB" and isinstance(colour, tuple) and depth == 16:
        # Pillow drops the low byte of each value, so they are read apart.
        low = Image.open(io.BytesIO(data), formats=("PNG",))
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
        high_bytes, low_bytes = np.array(colour) >> 8, np.array(colour) & 255
        alpha = Image.new("L", image.size)
        rows = max(1, _STRIP // max(1, image.width))
        for top in range(0, image.height, rows):
            box = (0, top, image.width, min(top + rows, image.height))
            clear = (np.asarray(image.crop(box)) == high_bytes) & (np.asarray(low.crop(box)) == low_bytes)
            alpha.paste(Image.fromarray(np.where(clear.all(axis=-1), 0, 255).astype(np.uint8)), (0, top))
        image.putalpha(alpha)
        del image.info["transparency"]
    return image


def _without_metadata(image: Image.Image) -> Image.Image:
    """The pixels only: prompts and comments in a file may reveal its label."""
    if type(image) is Image.Image:
        image.info = {}
        return image
    # The class of a format keeps more than `info`; only the pixels go on, and are not copied.
    pixels = Image.Image()._new(image.im)
    pixels.info = {}
    return pixels


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB: upright, transparency composited over white, 16-bit greys scaled rather than clipped."""
    orientation = _stored_orientation(image)
    return _flatten(_turned(image, orientation) if orientation in _UPRIGHT else image)[0]


def _flatten(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture of `to_rgb`, and whether any pixel was transparent."""
    if image.mode.startswith("I"):
        return _flatten_deep_grey(image)
    if image.mode == "F":
        raise PictureProblem("unsupported", "floating-point pictures have no known range")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _by_strips(image, _over_white)
    return (image if image.mode == "RGB" else image.convert("RGB")), False


def _by_strips(
    image: Image.Image, flatten: Callable[[Image.Image], tuple[Image.Image, bool]]
) -> tuple[Image.Image, bool]:
    """What `flatten` makes of a picture, strip by strip: it holds several copies of what it works on."""
    rows = max(1, _STRIP // max(1, image.width))
    if image.height <= rows:
        return flatten(image)
    whole, any_clear = Image.new("RGB", image.size), False
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        flat, clear = flatten(strip)
        whole.paste(flat, (0, top))
        any_clear = any_clear or clear
    return whole, any_clear


def _over_white(image: Image.Image) -> tuple[Image.Image, bool]:
    image = image.convert("RGBA")
    if np.asarray(image.getchannel("A")).min(initial=255) == 255:
        return image.convert("RGB"), False
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB"), True


def _flatten_deep_grey(image: Image.Image) -> tuple[Image.Image, bool]:
    # "I;16" is always 16-bit; "I" may hold 8-bit or 16-bit values.
    extremes: Any = image.getextrema()
    top = 65535.0 if image.mode.startswith("I;16") or extremes[1] > 255 else 255.0
    transparent = image.info.get("transparency", -1)

    def flatten(part: Image.Image) -> tuple[Image.Image, bool]:
        values = np.asarray(part)
        grey = np.clip(values.astype(np.float64) * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
        clear = values == transparent
        grey[clear] = 255
        return Image.fromarray(grey).convert("RGB"), bool(clear.any())

    return _by_strips(image, flatten)


def with_pixels(request: JudgeRequest) -> JudgeRequest:
    """The request with its pictures' files decoded to the pixels that `JudgeRequest.images` have for judges that take pixels.

    For executors with `sends_files`, where the judge runs. Raises `PictureProblem` where memory does not suffice.
    """
    decoded = {
        p.digest: replace(p, image=decode(p.data, "the picture").image, data=None)
        for p in request.images
        if p.data is not None
    }
    return replace(request, images=tuple(decoded.get(p.digest, p) for p in request.images))


def real_root(root: Path) -> str:
    """The data folder's real path; pictures must be below it."""
    return os.path.realpath(root)
