"""Reads and checks a model's `model_index.json` without importing diffusers."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import MissingPackage, RequestError
from harness.hub import Preset, Resolved, resolve
from memobench_diffusers.components import check_names, pipeline_class, resolve_component

INDEX = "model_index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_STORED_DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def diffusers_version() -> str:
    """The version of diffusers. Raises `MissingPackage` if it, torch or transformers is not installed."""
    for name in ("torch", "transformers", "diffusers"):
        if importlib.util.find_spec(name) is None:
            raise MissingPackage("The generator diffusers", name, f"pip install {name}")
    return importlib.metadata.version("diffusers")


class Reference:
    """An available pipeline. Raises `RequestError` with a hint if it cannot be used."""

    def __init__(self, ref: str, revision: str | None, components: Mapping[str, str] | None = None) -> None:
        given = components or {}
        self.model: Resolved = resolve(ref, revision, config=INDEX)
        self.index: dict[str, Any] = self.model.read_json(INDEX)
        name = self.index.get("_class_name")
        if isinstance(name, list):
            raise RequestError(
                f"{ref!r} needs Python code from its repository, which is never run.",
                "Use a model whose pipeline is part of diffusers: harness list models",
            )
        if not isinstance(name, str):
            raise RequestError(
                f"{ref!r} is not a diffusers pipeline: its {INDEX} names no class.",
                "Use a folder written by `pipeline.save_pretrained`.",
            )
        self.pipeline = name
        self._check_names(given)
        if self.model.path is not None and self.model.kind == "local":
            self._check_components(self.model.path, given)
        self.components = {part: resolve_component(part, where) for part, where in given.items()}

    @property
    def scheduler(self) -> str:
        """The class of the model's own scheduler; "" if it names none."""
        entry = self.index.get("scheduler")
        return str(entry[1]) if isinstance(entry, list) and len(entry) == 2 else ""

    def dtype(self, requested: str, preset: Preset | None) -> str:
        """The data type: as requested, the preset's, as stored in a local folder, or bfloat16."""
        if requested != "auto":
            return requested
        if preset is not None and preset.get("dtype"):
            return str(preset.get("dtype"))
        return (
            _stored_dtype(self.model.path) if self.model.kind == "local" and self.model.path else "bfloat16"
        )

    def _check_names(self, given: Mapping[str, str]) -> None:
        # Most names are known from the index; for others, diffusers has to be imported.
        if all(is_component(name, self.index.get(name)) for name in given):
            return
        diffusers_version()
        known = pipeline_class(self.pipeline)
        if known is not None:
            check_names(known, given)

    def _check_components(self, folder: Path, given: Mapping[str, str]) -> None:
        for name, entry in self.index.items():
            if not is_component(name, entry) or name in given:
                continue
            part = folder / name
            if not part.is_dir():
                raise RequestError(
                    f"{self.model.ref!r} is incomplete: its component {name!r} is missing.",
                    "Download the whole model again.",
                )
            pickled = next((file for pattern in _PICKLED for file in part.glob(pattern)), None)
            if pickled is not None and not any(part.glob("*.safetensors")):
                raise RequestError(
                    f"{self.model.ref!r} has the weights of {name!r} only in {pickled.name!r}, a format that can run "
                    "code when loaded.",
                    "Convert them to safetensors: pipeline.save_pretrained(FOLDER, safe_serialization=True).",
                )


def is_component(name: str, entry: Any) -> bool:
    """Whether an entry of the index names a component: its library and its class. Others are settings, which may be lists."""
    pair = isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)
    return pair and not name.startswith("_")


def _stored_dtype(folder: Path) -> str:
    """The denoiser's data type, from the header of its safetensors file."""
    for part in ("transformer", "unet"):
        for file in sorted((folder / part).glob("*.safetensors")):
            with file.open("rb") as stream:
                header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            types = [v["dtype"] for k, v in header.items() if k != "__metadata__"]
            return _STORED_DTYPES.get(types[0], "bfloat16") if types else "bfloat16"
    return "bfloat16"
