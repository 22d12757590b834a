"""What a model's folder or page on the hub says of it, before diffusers is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any

from harness import MissingPackage, RequestError
from harness.hub import Preset, Resolved, resolve

INDEX = "model_index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_STORED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def version() -> str:
    """The installed diffusers. Raises `MissingPackage` where it, torch or transformers is missing."""
    for name in ("torch", "transformers", "diffusers"):
        if importlib.util.find_spec(name) is None:
            raise MissingPackage("Drawing with diffusers", name, f"pip install {name}")
    return importlib.metadata.version("diffusers")


class Reference:
    """A pipeline that can be had. Raises `RequestError` with what to change."""

    def __init__(self, ref: str, revision: str | None) -> None:
        self.model: Resolved = resolve(ref, revision, config=INDEX)
        self.index: dict[str, Any] = self.model.read_json(INDEX)
        name = self.index.get("_class_name")
        if isinstance(name, list):
            raise RequestError(
                f"{ref!r} draws with Python code that its repository holds, which is never run.",
                "Name a model that diffusers itself has a pipeline for: harness list models",
            )
        if not isinstance(name, str):
            raise RequestError(
                f"{ref!r} is no pipeline of diffusers: its {INDEX} names no class.",
                "Give the folder that `pipeline.save_pretrained` wrote.",
            )
        self.pipeline = name
        if self.model.path is not None and self.model.kind == "local":
            self._check_parts(self.model.path)

    @property
    def scheduler(self) -> str:
        """The class of the model's own scheduler; "" where it names none."""
        entry = self.index.get("scheduler")
        return str(entry[1]) if isinstance(entry, list) and len(entry) == 2 else ""

    def dtype(self, asked: str, preset: Preset | None) -> str:
        """The type of numbers to draw with: as asked, the preset's, as stored in a folder, or bfloat16."""
        if asked != "auto":
            return asked
        if preset is not None and preset.get("dtype"):
            return str(preset.get("dtype"))
        return _stored_type(self.model.path) if self.model.kind == "local" and self.model.path else "bfloat16"

    def _check_parts(self, folder: Path) -> None:
        for name, entry in self.index.items():
            if name.startswith("_") or not isinstance(entry, list) or len(entry) != 2 or entry[0] is None:
                continue
            part = folder / name
            if not part.is_dir():
                raise RequestError(
                    f"{self.model.ref!r} is not complete: its part {name!r} is missing.",
                    "Download the model completely.",
                )
            pickled = next((file for pattern in _PICKLED for file in part.glob(pattern)), None)
            if pickled is not None and not any(part.glob("*.safetensors")):
                raise RequestError(
                    f"{self.model.ref!r} has the weights of {name!r} in {pickled.name!r} only, a format that can run "
                    "code when it is read.",
                    "Convert them to safetensors: pipeline.save_pretrained(FOLDER, safe_serialization=True).",
                )


def _stored_type(folder: Path) -> str:
    """The type of the denoiser's numbers, from the head of its file."""
    for part in ("transformer", "unet"):
        for file in sorted((folder / part).glob("*.safetensors")):
            with file.open("rb") as stream:
                head = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            types = [v["dtype"] for k, v in head.items() if k != "__metadata__"]
            return _STORED.get(types[0], "bfloat16") if types else "bfloat16"
    return "bfloat16"
