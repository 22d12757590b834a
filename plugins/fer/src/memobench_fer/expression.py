"""The expression network of face-api: face crop to probabilities of seven labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness import Face
from memobench_fer.weights import open_session

if TYPE_CHECKING:
    from PIL.Image import Image

FILE = "expression.onnx"
LABELS = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""The network's labels, in the order of its outputs."""
SIDE = 112
MEAN = np.array([122.782, 117.001, 104.298], np.float32)


class ExpressionNet:
    """The loaded network. It runs one picture at a time, so results never depend on the batch."""

    def __init__(self, threads: int, feature: str) -> None:
        self._session: Any = open_session(FILE, threads, feature)

    def log_probabilities(self, crop: Image) -> npt.NDArray[np.float64]:
        """Log-probabilities of `LABELS`, shape (7,), for an RGB crop of a face."""
        (logits,) = self._session.run(None, {"image": preprocess(crop)})
        shifted = logits[0].astype(np.float64) - logits.max()
        return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def preprocess(crop: Image) -> npt.NDArray[np.float32]:
    """The network's input, (1, 3, 112, 112): padded to a square with black, resized, mean subtracted.

    face-api pads too; stretching the crop instead would change the network's output.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    colours = crop if crop.mode == "RGB" else crop.convert("RGB")
    square = ImageOps.pad(colours, (SIDE, SIDE), Pillow.Resampling.BILINEAR)
    pixels = (np.asarray(square, np.float32) - MEAN) / np.float32(255)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def face_crop(image: Image, face: Face) -> Image:
    """Crop to the detector's box in whole pixels, as face-api does; at least one pixel in each direction."""
    left, top = min(int(face.left), image.width - 1), min(int(face.top), image.height - 1)
    width, height = max(1, int(face.width)), max(1, int(face.height))
    return image.crop((left, top, min(left + width, image.width), min(top + height, image.height)))


def centre_crop(image: Image) -> Image:
    """The largest square in the middle of a picture."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
