"""Makes `import torchvision` work with the CPU build of torch, although the published wheel is linked to CUDA.

The wheel's compiled extension cannot be loaded then, and the import fails because two operators are not declared.
This module declares them just before the first import; it has no effect in processes that never import torchvision.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import MetaPathFinder
else:
    MetaPathFinder = object  # Every start of Python runs this: `importlib.abc` takes 50 ms.

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
            except RuntimeError:  # this build declares them
                continue


sys.meta_path.insert(0, _Declare())
