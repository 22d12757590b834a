"""The tiny pipelines load like published ones and are reproducible."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import MissingPackage, RequestError
from harness.testing.pipelines import FAMILIES, pipeline, tiny_pipeline

CLASSES = {
    "sd-1.5": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "flux": "FluxPipeline",
    "pixart": "PixArtSigmaPipeline",
}


def digests(folder: Path) -> dict[str, str]:
    files = folder.rglob("*.safetensors")
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def generate(loaded: Any, prompt: str, seed: int) -> bytes:
    torch = sys.modules["torch"]
    loaded.set_progress_bar_config(disable=True)
    options = (
        {"use_resolution_binning": False, "clean_caption": False} if "PixArt" in type(loaded).__name__ else {}
    )
    output = loaded(
        prompt,
        num_inference_steps=2,
        width=32,
        height=32,
        **options,
        generator=torch.Generator().manual_seed(seed),
    )
    data: bytes = output.images[0].tobytes()
    return data


@pytest.mark.e2e
@pytest.mark.parametrize("family", FAMILIES)
def test_images_are_determined_by_prompt_and_seed(family: str, tmp_path: Path) -> None:
    import diffusers

    folder = tiny_pipeline(tmp_path / "a new folder", family)
    assert json.loads((folder / "model_index.json").read_text())["_class_name"] == CLASSES[family]
    assert sum(f.stat().st_size for f in folder.rglob("*")) < 13_000_000
    loaded = diffusers.DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    pictures = [
        generate(loaded, *arguments)
        for arguments in (("A happy man", 1), ("A happy man", 2), ("A sad woman", 1))
    ]
    assert len(set(pictures)) == 3
    assert pictures[0] == generate(pipeline(family), "A happy man", 1)


@pytest.mark.e2e
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_depend_only_on_the_seed(family: str, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = (digests(tiny_pipeline(tmp_path / name, family)) for name in ("first", "again"))
    assert torch.equal(state, torch.get_rng_state()), "torch's global random state is preserved"
    other = digests(tiny_pipeline(tmp_path / "other", family, seed=1))
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[k] != other[k] for k in first)


@pytest.mark.e2e
@pytest.mark.parametrize("safety", ["blocks", "passes"])
def test_the_safety_checker_blocks_all_images_or_none(safety: Any) -> None:
    checked = pipeline("sd-1.5", safety=safety)
    checked.set_progress_bar_config(disable=True)
    output = checked(["A man", "A woman"], num_inference_steps=1, width=32, height=32)
    assert output.nsfw_content_detected == [safety == "blocks"] * 2
    assert all((max(high for _, high in i.getextrema()) == 0) is (safety == "blocks") for i in output.images)


def test_unsupported_pipelines_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="'sdx'") as raised:
        pipeline("sdx")
    assert "Did you mean 'sdxl'?" in raised.value.hint
    with pytest.raises(RequestError, match="no safety checker"):
        pipeline("flux", safety="blocks")
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingPackage, match="diffusers"):
        pipeline("sdxl")
