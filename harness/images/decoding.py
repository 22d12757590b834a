"""Reads and decodes pictures from untrusted files to RGB, with size limits and checks."""

from __future__ import annotations

import functools
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from harness.images.formats import FORMATS, MAX_PIXELS, MEDIA_TYPES
from harness.images.unread import HEAD, unread_content

MAX_BYTES = 256 * 2**20
_ORIENTATION = 0x0112
_PNG_DEPTH = 24
"""Where a PNG states its bits per sample."""
_PLAIN_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}
"""Modes that all decoders turn into the same 8-bit RGB, unless a pixel is transparent."""


class PictureProblem(Exception):
    """Why a picture cannot be used: `kind` is machine-readable, the message is for users."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def read_bytes(root: str, path: str, *, allow_outside: bool = False) -> bytes:
    """The bytes of the picture at `path` below `root` (a real path). Raises `PictureProblem`."""
    full = os.path.join(root, path)
    try:
        status = os.lstat(full)
        if not allow_outside and not _inside(root, full, stat.S_ISLNK(status.st_mode)):
            raise PictureProblem(
                "outside", f"{path} is outside the data folder; allow it with --allow-outside"
            )
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(full)
        if not stat.S_ISREG(status.st_mode):
            raise PictureProblem("unreadable", f"{path} is not a file")
        if status.st_size > MAX_BYTES:
            raise PictureProblem("too_large", f"{path} is larger than {MAX_BYTES // 2**20} MiB")
        with open(full, "rb", buffering=0) as file:
            data = file.readall()
    except (FileNotFoundError, NotADirectoryError):
        raise PictureProblem("missing", f"{path} does not exist") from None
    except (OSError, ValueError) as e:
        raise PictureProblem(
            "unreadable", f"{path} cannot be read: {getattr(e, 'strerror', None) or e}"
        ) from None
    if not data:
        raise PictureProblem("empty", f"{path} is empty (zero bytes)")
    return data


def _inside(root: str, full: str, link: bool) -> bool:
    """Whether a path is below the root after links are resolved."""
    real = os.path.realpath(full) if link else _real_folder(os.path.dirname(full))
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


@functools.lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    # Many pictures share a folder: resolving each folder once saves several system calls per picture.
    return os.path.realpath(folder)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A complete picture as every judge sees it."""

    image: Image.Image
    """8-bit RGB, upright, without transparency."""
    media_type: str
    plain: bool
    """Whether any decoder obtains these pixels from the file once `strip_metadata` has removed its metadata."""


def decode(data: bytes, path: str) -> Decoded:
    """Decode a file: orientation and transparency are what it says, whatever its format.

    Raises `PictureProblem` unless the file is a complete picture.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureProblem("too_large", f"{width}x{height} pixels are more than {MAX_PIXELS:,}")
        media_type = MEDIA_TYPES[image.format or ""]
        image.load()
        depth = data[_PNG_DEPTH] if media_type == "image/png" else 8
        plain = image.mode in _PLAIN_MODES and depth <= 8 and _is_still(data, media_type)
        turned = _is_turned(image)
        image = _with_transparent_colour(image, data, depth)
        rgb, transparent = _flatten(ImageOps.exif_transpose(image) if turned else image)
        plain = plain and not turned and not transparent
        return Decoded(_without_metadata(rgb) if rgb.info else rgb, media_type, plain)
    except PictureProblem as problem:
        raise PictureProblem(problem.kind, f"{path}: {problem}") from None
    except Image.DecompressionBombError:
        raise PictureProblem("too_large", f"{path} has more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        unread = unread_content(data[:HEAD])
        reason = f"{path}: {unread}" if unread else f"{path} is not a picture in a known format"
        raise PictureProblem("not_a_picture", reason) from None
    except Exception as e:  # decoders raise arbitrary exceptions on broken files
        raise PictureProblem("broken", f"{path} is broken: {e}") from None


def _is_still(data: bytes, media_type: str) -> bool:
    """Whether a file is of a format that all decoders read, and holds one picture only once its metadata is stripped."""
    if media_type == "image/webp":
        return not (data[12:16] == b"VP8X" and data[20] & 0x02)  # bit 1: animation
    return media_type in ("image/png", "image/jpeg")


def _is_turned(image: Image.Image) -> bool:
    """Whether the EXIF or XMP orientation says that the picture is stored turned or flipped."""
    try:
        return image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # broken metadata says nothing about the pixels
        return False


def _with_transparent_colour(image: Image.Image, data: bytes, depth: int) -> Image.Image:
    """The image with the transparent colour of a PNG of `depth` bits applied: Pillow compares it with pixels of 8 bits."""
    colour = image.info.get("transparency")
    if image.mode == "L" and isinstance(colour, int) and depth < 8:
        image.info["transparency"] = colour * 255 // (2**depth - 1)
    elif image.mode == "RGB" and isinstance(colour, tuple) and depth == 16:
        # Pillow drops the low byte of each value, so they are read apart.
        low = Image.open(io.BytesIO(data), formats=("PNG",))
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
        values = np.asarray(image).astype(np.uint16) << 8 | np.asarray(low)
        clear = (values == np.array(colour, np.uint16)).all(axis=-1)
        image.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
        del image.info["transparency"]
    return image


def _without_metadata(image: Image.Image) -> Image.Image:
    """The pixels only: prompts and comments in a file may reveal its label."""
    copy = image.copy()
    copy.info = {}
    return copy


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB: upright, transparency composited over white, 16-bit greys scaled rather than clipped."""
    return _flatten(ImageOps.exif_transpose(image) if _is_turned(image) else image)[0]


def _flatten(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture of `to_rgb`, and whether any pixel was transparent."""
    if image.mode.startswith("I"):
        return _flatten_deep_grey(image)
    if image.mode == "F":
        raise PictureProblem("unsupported", "floating-point pictures have no known range")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min(initial=255) == 255:
            return image.convert("RGB"), False
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB"), True
    return (image if image.mode == "RGB" else image.convert("RGB")), False


def _flatten_deep_grey(image: Image.Image) -> tuple[Image.Image, bool]:
    values = np.asarray(image)
    # "I;16" is always 16-bit; "I" may hold 8-bit or 16-bit values.
    top = 65535.0 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 255.0
    grey = np.clip(values.astype(np.float64) * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
    clear = values == image.info.get("transparency", -1)
    grey[clear] = 255
    return Image.fromarray(grey).convert("RGB"), bool(clear.any())


def real_root(root: Path) -> str:
    """The data folder's real path; pictures must be below it."""
    return os.path.realpath(root)
