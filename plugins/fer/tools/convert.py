"""Converts the networks of the npm package `@vladmandic/face-api` to the ONNX files in `memobench_fer/data`.

    npm pack @vladmandic/face-api@1.7.15
    python tools/convert.py vladmandic-face-api-1.7.15.tgz

Needs `onnx`, `onnxruntime` and numpy. It verifies the tarball's checksum, is reproducible byte for byte, and writes
nothing unless onnxruntime agrees with the numpy layers in `face_api.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import face_api
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 13, 8
DATA = Path(__file__).parents[1] / "src" / "memobench_fer" / "data"
FILTER, DEPTHWISE, UNCHANGED = (3, 2, 0, 1), (2, 3, 0, 1), None
"""Permutations of the package's filter axes (height, width, in, out) to ONNX's order."""


class Graph:
    """Builds an ONNX graph; each method adds one layer and returns the name of its output."""

    def __init__(self, weights: dict[str, face_api.Weight]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str, axes: tuple[int, ...] | None = None) -> str:
        """A tensor of the package; 8-bit tensors stay quantised and get a node that scales them."""
        weight = self.weights[name]
        stored = self.constant(name, weight.raw if axes is None else weight.raw.transpose(axes))
        if weight.scale is None:
            return stored
        scale = self.constant(f"{name}:scale", np.array(weight.scale, np.float32))
        zero = self.constant(f"{name}:zero", np.array(weight.zero, np.uint8))
        return self.op("DequantizeLinear", stored, scale, zero)

    def conv(self, x: str, name: str, **attributes: Any) -> str:
        return self.op(
            "Conv", x, self.weight(f"{name}/filters", FILTER), self.weight(f"{name}/bias"), **attributes
        )

    def separable(self, x: str, name: str, **attributes: Any) -> str:
        """A depthwise convolution, then a pointwise one with bias."""
        depthwise = self.weight(f"{name}/depthwise_filter", DEPTHWISE)
        channels = self.weights[f"{name}/depthwise_filter"].raw.shape[2]
        x = self.op("Conv", x, depthwise, group=channels, **attributes)
        return self.op(
            "Conv", x, self.weight(f"{name}/pointwise_filter", FILTER), self.weight(f"{name}/bias")
        )

    def model(self, out: str, size: list[Any], shape: list[Any]) -> bytes:
        """The graph from `image` to `out`, serialised as an ONNX file."""
        source = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, *size])
        result = helper.make_tensor_value_info(out, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "face-api", [source], [result], self.tensors)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, producer_name="memobench-plugin-fer", opset_imports=opset, ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def expression_model(weights: dict[str, face_api.Weight]) -> bytes:
    """The expression network: crops (batch, 3, 112, 112) to logits (batch, 7)."""
    g, x = Graph(weights), "image"
    for block in range(4):
        name = f"dense{block}/conv"
        layer = g.conv if block == 0 else g.separable
        out1 = g.op("Relu", layer(x, f"{name}0", strides=[2, 2], pads=[0, 0, 1, 1]))
        out2 = g.separable(out1, f"{name}1", pads=[1, 1, 1, 1])
        sum2 = g.op("Add", out1, out2)
        sum3 = g.op("Add", sum2, g.separable(g.op("Relu", sum2), f"{name}2", pads=[1, 1, 1, 1]))
        sum4 = g.op("Add", sum3, g.separable(g.op("Relu", sum3), f"{name}3", pads=[1, 1, 1, 1]))
        x = g.op("Relu", sum4)
    features = g.op("Flatten", g.op("AveragePool", x, kernel_shape=[7, 7]))
    logits = g.op("Gemm", features, g.weight("fc/weights", UNCHANGED), g.weight("fc/bias"))
    return g.model(logits, [112, 112], ["batch", 7])


def tiny_face_model(weights: dict[str, face_api.Weight]) -> bytes:
    """The detector: images (batch, 3, height, width), multiples of 32, to (batch, 25, height / 32, width / 32)."""
    g = Graph(weights)
    x = g.op("LeakyRelu", g.conv("image", "conv0"), alpha=face_api.LEAK)
    pool = {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}
    for layer in range(1, 6):
        x = g.op("MaxPool", x, strides=[2, 2], **pool)
        x = g.op("LeakyRelu", g.separable(x, f"conv{layer}", pads=[1, 1, 1, 1]), alpha=face_api.LEAK)
    grid = g.conv(g.op("MaxPool", x, strides=[1, 1], **pool), "conv8")
    return g.model(grid, ["height", "width"], ["batch", 25, "rows", "columns"])


def check(
    model: bytes, reference: Callable[[face_api.Array], face_api.Array], size: tuple[int, int]
) -> float:
    """The largest difference between onnxruntime and numpy on random images. Exits if it reaches 1e-3."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed in range(3):
        image = np.random.default_rng(seed).uniform(-0.5, 0.6, (*size, 3)).astype(np.float32)
        (got,) = session.run(None, {"image": image.transpose(2, 0, 1)[None]})
        expected = reference(image)
        got = np.moveaxis(got[0], 0, -1) if got.ndim == 4 else got[0]
        worst = max(worst, float(np.abs(got - expected).max()))
    if not worst < 1e-3:
        raise SystemExit(f"onnxruntime and numpy differ by {worst}")
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tarball", type=Path)
    parser.add_argument("--out", type=Path, default=DATA)
    args = parser.parse_args()
    files = face_api.read_tarball(args.tarball)
    expression = face_api.read_weights(files, "face_expression_model")
    tiny_face = face_api.read_weights(files, "tiny_face_detector_model")
    models = {"expression.onnx": expression_model(expression), "tiny_face.onnx": tiny_face_model(tiny_face)}
    worst = check(models["expression.onnx"], lambda x: face_api.expression_logits(expression, x), (112, 112))
    print(f"expression: onnxruntime and numpy differ by at most {worst:.1e}")
    worst = check(models["tiny_face.onnx"], lambda x: face_api.tiny_face_grid(tiny_face, x), (160, 256))
    print(f"tiny_face: onnxruntime and numpy differ by at most {worst:.1e}")
    used = sorted(
        n for n in files if n.startswith(("model/face_expression", "model/tiny_face_detector", "LICENSE"))
    )
    source = {
        "package": face_api.PACKAGE,
        "version": face_api.VERSION,
        "registry": "npm",
        "license": "MIT",
        "tarball_sha256": face_api.TARBALL_SHA256,
        "source_sha256": {n: hashlib.sha256(files[n]).hexdigest() for n in used},
        "sha256": {n: hashlib.sha256(data).hexdigest() for n, data in models.items()},
    }
    args.out.mkdir(parents=True, exist_ok=True)
    for name, data in models.items():
        (args.out / name).write_bytes(data)
    (args.out / "LICENSE-face-api").write_bytes(files["LICENSE"])
    (args.out / "SOURCE.json").write_text(json.dumps(source, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
