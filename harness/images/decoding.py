"""Reads and decodes pictures from untrusted files to RGB, with size limits and checks."""

from __future__ import annotations

import functools
import io
import os
import stat
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from harness.images.formats import FORMATS, MAX_PIXELS

MAX_BYTES = 256 * 2**20


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


def decode(data: bytes, path: str) -> tuple[Image.Image, str]:
    """RGB pixels with EXIF orientation applied, and the media type. Raises `PictureProblem` unless the file is a complete picture."""
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureProblem("too_large", f"{width}x{height} pixels are more than {MAX_PIXELS:,}")
        media_type = image.get_format_mimetype() if hasattr(image, "get_format_mimetype") else None
        image.load()
        if image.format in ("JPEG", "TIFF", "WEBP", "PNG") and image.getexif().get(0x0112, 1) != 1:
            image = ImageOps.exif_transpose(image)
        rgb = to_rgb(image)
        return (_without_metadata(rgb) if rgb.info else rgb), media_type or "image/png"
    except PictureProblem as problem:
        raise PictureProblem(problem.kind, f"{path}: {problem}") from None
    except Image.DecompressionBombError:
        raise PictureProblem("too_large", f"{path} has more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        raise PictureProblem("not_a_picture", f"{path} is not a picture in a known format") from None
    except Exception as e:  # decoders raise arbitrary exceptions on broken files
        raise PictureProblem("broken", f"{path} is broken: {e}") from None


def _without_metadata(image: Image.Image) -> Image.Image:
    """The pixels only: prompts and comments in a file may reveal its label."""
    copy = image.copy()
    copy.info = {}
    return copy


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB: transparency is composited over white, 16-bit greys are scaled rather than clipped."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        # "I;16" is always 16-bit; "I" may hold 8-bit or 16-bit values.
        top = 65535.0 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 255.0
        grey = np.clip(values * (255.0 / top) + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode == "F":
        raise PictureProblem("unsupported", "floating-point pictures have no known range")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def real_root(root: Path) -> str:
    """The data folder's real path; pictures must be below it."""
    return os.path.realpath(root)
