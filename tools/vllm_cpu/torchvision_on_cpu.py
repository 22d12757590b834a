"""Lets `import torchvision` work beside the CPU build of torch, though the published wheel is linked to CUDA.

Its compiled part cannot be loaded then, and its import fails because two operators are not declared. They are declared
here, just before it is imported for the first time; nothing happens in processes that never import it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _Declare(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname != "torchvision":
            return
        sys.meta_path.remove(self)
        import torch

        for name in OPERATORS:
            try:
                torch.library.define(f"torchvision::{name}", SIGNATURE)
            except RuntimeError:  # a build that has them already
                continue


sys.meta_path.insert(0, _Declare())
