"""Creates small data folders: a manifest and tiny pictures that all differ."""

from __future__ import annotations

import csv
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")


def row(number: int) -> dict[str, str]:
    """The manifest row of sample `number`, cycling through emotions, intensities 1 to 5 and twelve subjects."""
    emotion = EMOTIONS[number % 6]
    strength = "" if emotion == "neutral" else str(1 + number // 6 % 5)
    return {
        "image": f"faces/{number:05}.png",
        "id": f"s{number:05}",
        "emotion": emotion,
        "intensity": strength,
        "subject": f"person{number // 6 % 12}",
    }


def picture(path: Path, number: int = 0, size: tuple[int, int] = (24, 16)) -> Path:
    """Write a tiny PNG with a colour unique to `number`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (number % 256, number // 256 % 256, 40 + number // 65536)).save(path)
    return path


def manifest(folder: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(columns or dict.fromkeys(k for r in rows for k in r))
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def make(
    folder: Path,
    n: int = 12,
    *,
    extra: Sequence[Mapping[str, str]] = (),
    offset: int = 0,
    pictures: bool = True,
) -> Path:
    """A data folder of `n` samples, followed by `extra` rows whose pictures the test creates itself."""
    rows = [row(i) for i in range(n)]
    if pictures:
        for number, entry in enumerate(rows):
            picture(folder / entry["image"], number + offset)
    return manifest(folder, [*rows, *extra], list(row(0)))


def bomb(path: Path, width: int = 30_000, height: int = 30_000) -> Path:
    """A small PNG file that declares `width` x `height` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    return path
