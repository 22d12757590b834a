"""The tiny face detector of face-api: a small one-class YOLO v2 with separable convolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness import Detector, Face, HarnessOptions, option
from memobench_fer import __version__
from memobench_fer.weights import checksums, open_session

if TYPE_CHECKING:
    from PIL.Image import Image

Array = npt.NDArray[np.float32]
Boxes = npt.NDArray[np.float64]

FILE = "tiny_face.onnx"
ANCHORS = np.array(
    [
        [1.603231, 2.094468],
        [6.041143, 7.080126],
        [2.882459, 3.518061],
        [4.266906, 5.178857],
        [9.041765, 10.66308],
    ]
)
"""Width and height of the five anchor boxes, in grid cells (`tinyFaceDetector/const.ts`)."""
MEAN = np.array([117.001, 114.697, 97.404], np.float32)
IOU_THRESHOLD = 0.4
"""Boxes with a larger intersection over union count as one face."""
VIEWS = ((128, 16), (192, 32))
"""Passes per picture: length of its shorter side and least border, in pixels.

The network was trained on small faces with space around them. One pass at its usual 416 pixels misses about every
third face that fills a portrait. Two small passes with a border find them, in half the time.
"""
SMALL_FACES_VIEW = (320, 0)
MAX_ASPECT = 3.0
"""The longer side is scaled to at most this multiple of the shorter side's target."""
STRIDE = 32
"""Pixels per cell of the network's grid."""


class TinyFace(Detector):
    """Finds faces from about a quarter of the picture's shorter side.

    `detect` is thread-safe.
    """

    class Options(HarnessOptions):
        threshold: float = option(0.5, "Minimum confidence for a face, 0 to 1.", ge=0.05, le=0.99)
        small_faces: bool = option(
            False,
            "Add a high-resolution pass for faces down to about a tenth of the picture; twice the time.",
        )
        threads: int = option(1, "CPU threads per picture.", affects_answer=False, ge=1, le=64)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._session: Any = None

    def identity(self) -> Mapping[str, str]:
        return {"version": __version__, "detector_sha256": checksums()[FILE]}

    def open(self) -> None:
        """Load the network. Raises `MissingPackage` if onnxruntime is not installed."""
        if self._session is None:
            self._session = open_session(FILE, self.options.threads, "detector tiny-face")

    def close(self) -> None:
        self._session = None

    def detect(self, image: Image) -> list[Face]:
        """All faces in a picture of any size, most confident first, with boxes clipped to the picture."""
        session = self._session
        if session is None:
            raise RuntimeError("TinyFace.detect was called before open() or after close()")
        views = (*VIEWS, SMALL_FACES_VIEW) if self.options.small_faces else VIEWS
        detections = [
            _detect_once(session, image, side, border, self.options.threshold) for side, border in views
        ]
        boxes = np.concatenate([found[0] for found in detections])
        scores = np.concatenate([found[1] for found in detections])
        kept = _non_max_suppression(boxes, scores)
        return [
            Face(float(x0), float(y0), float(x1 - x0), float(y1 - y0), float(score))
            for (x0, y0, x1, y1), score in zip(boxes[kept], scores[kept], strict=True)
        ]


def _detect_once(session: Any, image: Image, side: int, border: int, threshold: float) -> tuple[Boxes, Boxes]:
    """One pass: boxes (n, 4) in the picture's pixels and confidences (n,), duplicates included."""
    from PIL import Image as Pillow

    factor = min(side / min(image.size), side * MAX_ASPECT / max(image.size))
    width, height = (max(1, round(length * factor)) for length in image.size)
    rows, columns = (math.ceil((length + 2 * border) / STRIDE) for length in (height, width))
    left, top = (columns * STRIDE - width) // 2, (rows * STRIDE - height) // 2
    # A large picture is not copied.
    colours = image if image.mode == "RGB" else image.convert("RGB")
    small = colours.resize((width, height), Pillow.Resampling.BILINEAR, reducing_gap=1.0)
    pixels = np.zeros((1, 3, rows * STRIDE, columns * STRIDE), np.float32)
    view = pixels[0, :, top : top + height, left : left + width]
    view[:] = np.asarray(small).transpose(2, 0, 1)
    view -= MEAN[:, None, None]
    view /= 255
    (grid,) = session.run(None, {"image": pixels})
    boxes, scores = _decode(grid[0], threshold)
    scale = np.array([image.width / width, image.height / height] * 2)
    boxes = np.clip((boxes - [left, top, left, top]) * scale, 0, [image.width, image.height] * 2)
    valid = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 1
    return boxes[valid], scores[valid]


def _decode(grid: Array, threshold: float) -> tuple[Boxes, Boxes]:
    """Boxes (n, 4) in network pixels (left, top, right, bottom) and confidences (n,) above `threshold`."""
    raw = grid.astype(np.float64).reshape(len(ANCHORS), 5, *grid.shape[1:])
    confidence = _sigmoid(raw[:, 4])
    anchor, row, column = np.nonzero(confidence > threshold)
    dx, dy, log_width, log_height, _ = raw[anchor, :, row, column].T
    centre = np.stack([column + _sigmoid(dx), row + _sigmoid(dy)], axis=1)
    half = np.exp(np.stack([log_width, log_height], axis=1)) * ANCHORS[anchor] / 2
    return np.concatenate([centre - half, centre + half], axis=1) * STRIDE, confidence[anchor, row, column]


def _non_max_suppression(boxes: Boxes, scores: Boxes) -> list[int]:
    """Indices of the boxes to keep: the most confident one per face, best first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    remaining = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while remaining.size:
        best, remaining = int(remaining[0]), remaining[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[remaining, :2])
        high = np.minimum(boxes[best, 2:], boxes[remaining, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        remaining = remaining[shared / (areas[best] + areas[remaining] - shared) <= IOU_THRESHOLD]
    return kept


def _sigmoid(x: Boxes) -> Boxes:
    return np.asarray(1 / (1 + np.exp(-x)))
