"""Checks which packages are installed, without importing them."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from harness import MissingPackage
from memobench_transformers.options import TransformersOptions

INSTALL = "pip install torch 'transformers>=5.8'"
MIN_VERSION = (5, 8)
"""The oldest supported version of transformers."""
_FEATURE = "The judge on transformers"


def require(package: str, feature: str = _FEATURE, install: str = INSTALL) -> None:
    """Raises `MissingPackage`, with the command that installs it, if a package is missing."""
    try:
        found = importlib.util.find_spec(package) is not None
    except ValueError:  # its entry in sys.modules is not a real module
        found = False
    if not found:
        raise MissingPackage(feature, package, install)


def version() -> str:
    """The installed version of transformers. Raises `MissingPackage` without it or without torch."""
    for package in ("torch", "transformers"):
        require(package)
    try:
        installed = importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
    numbers = tuple(int(n) for n in installed.split(".")[:2] if n.isdigit())
    if numbers < MIN_VERSION:
        raise MissingPackage(f"{_FEATURE} (found transformers {installed})", "transformers>=5.8", INSTALL)
    return installed


def check_options(options: TransformersOptions) -> None:
    """Raises `MissingPackage` if an option needs a missing package."""
    if options.quantization != "none":
        for package in ("bitsandbytes", "accelerate"):
            require(package, f"quantization={options.quantization}", "pip install bitsandbytes accelerate")
    if options.device_map is not None:
        require("accelerate", "device_map", "pip install accelerate")
    if options.lora:
        require("peft", "A LoRA adapter", "pip install peft")
