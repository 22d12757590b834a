"""The tiny face detector of face-api: a small YOLO v2 with separable convolutions and one class."""

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
"""Width and height of the five prior boxes, in cells (`tinyFaceDetector/const.ts`)."""
MEAN = np.array([117.001, 114.697, 97.404], np.float32)
OVERLAP = 0.4
"""Two boxes that overlap by more than this (intersection over union) are one face."""
VIEWS = ((128, 16), (192, 32))
"""How a picture is shown to the network: its shorter side, and the least border around it, in pixels.

The network was made for faces with room around them, seen small. A picture shown once at its usual 416 pixels hides
about every third face that fills a portrait; the border of these two views makes up for it, at half the time.
"""
SMALL_FACES_VIEW = (320, 0)
LONGEST = 3.0
"""The longer side is shown at most this many times as long as the shorter one should be."""
STRIDE = 32
"""Pixels from one cell of the network's grid to the next."""


class TinyFace(Detector):
    """Finds faces at least about a quarter as tall as the picture's shorter side.

    `detect` may be called from many threads.
    """

    class Options(HarnessOptions):
        """Options of the detector."""

        threshold: float = option(0.5, "Least confidence for a face, 0 to 1.", ge=0.05, le=0.99)
        small_faces: bool = option(
            False, "Look once more, closely, for faces down to about a tenth of the picture; twice the time."
        )
        threads: int = option(1, "Processor threads for one picture.", affects_answer=False, ge=1, le=64)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._session: Any = None

    def identity(self) -> Mapping[str, str]:
        """Version of this plugin and digest of the weights."""
        return {"version": __version__, "detector_sha256": checksums()[FILE]}

    def open(self) -> None:
        """Load the network. Raises `MissingPackage` without onnxruntime."""
        if self._session is None:
            self._session = open_session(FILE, self.options.threads, "detector tiny-face")

    def close(self) -> None:
        """Free the network."""
        self._session = None

    def detect(self, image: Image) -> list[Face]:
        """All faces in an RGB picture of any size, the most certain first, boxes cut at the picture's edges."""
        session = self._session
        if session is None:
            raise RuntimeError("TinyFace.detect was called before open() or after close()")
        views = (*VIEWS, SMALL_FACES_VIEW) if self.options.small_faces else VIEWS
        seen = [_look(session, image, side, border, self.options.threshold) for side, border in views]
        boxes = np.concatenate([view[0] for view in seen])
        scores = np.concatenate([view[1] for view in seen])
        kept = _distinct(boxes, scores)
        return [
            Face(float(x0), float(y0), float(x1 - x0), float(y1 - y0), float(score))
            for (x0, y0, x1, y1), score in zip(boxes[kept], scores[kept], strict=True)
        ]


def _look(session: Any, image: Image, side: int, border: int, threshold: float) -> tuple[Boxes, Boxes]:
    """Boxes (n, 4) in the picture's pixels and confidences (n,), seen at one size, with doubles."""
    from PIL import Image as Pillow

    factor = min(side / min(image.size), side * LONGEST / max(image.size))
    width, height = (max(1, round(length * factor)) for length in image.size)
    rows, columns = (math.ceil((length + 2 * border) / STRIDE) for length in (height, width))
    left, top = (columns * STRIDE - width) // 2, (rows * STRIDE - height) // 2
    small = image.convert("RGB").resize((width, height), Pillow.Resampling.BILINEAR, reducing_gap=1.0)
    pixels = np.zeros((1, 3, rows * STRIDE, columns * STRIDE), np.float32)
    view = pixels[0, :, top : top + height, left : left + width]
    view[:] = np.asarray(small).transpose(2, 0, 1)
    view -= MEAN[:, None, None]
    view /= 255
    (grid,) = session.run(None, {"image": pixels})
    boxes, scores = _decode(grid[0], threshold)
    scale = np.array([image.width / width, image.height / height] * 2)
    boxes = np.clip((boxes - [left, top, left, top]) * scale, 0, [image.width, image.height] * 2)
    whole = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 1
    return boxes[whole], scores[whole]


def _decode(grid: Array, threshold: float) -> tuple[Boxes, Boxes]:
    """Boxes (n, 4) in the shown pixels (left, top, right, bottom), and confidences (n,) above `threshold`."""
    raw = grid.astype(np.float64).reshape(len(ANCHORS), 5, *grid.shape[1:])
    confidence = _sigmoid(raw[:, 4])
    anchor, row, column = np.nonzero(confidence > threshold)
    dx, dy, log_width, log_height, _ = raw[anchor, :, row, column].T
    centre = np.stack([column + _sigmoid(dx), row + _sigmoid(dy)], axis=1)
    half = np.exp(np.stack([log_width, log_height], axis=1)) * ANCHORS[anchor] / 2
    return np.concatenate([centre - half, centre + half], axis=1) * STRIDE, confidence[anchor, row, column]


def _distinct(boxes: Boxes, scores: Boxes) -> list[int]:
    """Numbers of the boxes that are left when each face keeps its most certain one, best first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while waiting.size:
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[waiting, :2])
        high = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        waiting = waiting[shared / (areas[best] + areas[waiting] - shared) <= OVERLAP]
    return kept


def _sigmoid(x: Boxes) -> Boxes:
    return np.asarray(1 / (1 + np.exp(-x)))
