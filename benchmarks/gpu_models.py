"""Models for `bench_gpu.py`: published architectures and tiny ones, with seeded random weights made where they run.

A folder holds what a published model's folder holds, except for the weights: `without_weights` and `Pipeline.write`
make it from the tiny models of `harness.testing`, whose tokenizers need no network. While `made_in_memory` is active,
transformers and diffusers build what they would have read: in the memory of the device, in its data type.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import diffusers
import torch
import transformers as library
from safetensors.torch import save_file

from harness.testing import models, pipelines

transformers: Any = library
SEED = 0
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Judge:
    """A multimodal LLM: the tiny model whose tokenizer and processor it has, and what differs from it by file."""

    write: Callable[[Path], Path]
    files: Mapping[str, Changes] = field(default_factory=dict)


@dataclass(frozen=True)
class Pipeline:
    """A text-to-image pipeline: the family of its tiny pipeline, and what differs from that by component."""

    family: str
    side: int
    steps: int
    guidance: float
    parts: Mapping[str, Changes] = field(default_factory=dict)


_LLAVA_7B = Judge(
    lambda folder: models.tiny_llava(folder, image=336, patch=14),
    {
        "config.json": {
            "dtype": "bfloat16",
            "vision_feature_layer": -2,
            "vision_config": {
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "projection_dim": 768,
                "initializer_range": 0.02,
            },
            "text_config": {
                "vocab_size": 32064,
                "hidden_size": 4096,
                "intermediate_size": 11008,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "head_dim": 128,
                "max_position_embeddings": 4096,
                "initializer_range": 0.02,
            },
        }
    },
)
_QWEN_7B = Judge(
    models.tiny_qwen2_5_vl,
    {
        "config.json": {
            "dtype": "bfloat16",
            "vision_config": {
                "depth": 32,
                "hidden_size": 1280,
                "intermediate_size": 3420,
                "num_heads": 16,
                "out_hidden_size": 3584,
                "window_size": 112,
                "fullatt_block_indexes": [7, 15, 23, 31],
                "initializer_range": 0.02,
            },
            "text_config": {
                "vocab_size": 152064,
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "head_dim": 128,
                "max_position_embeddings": 128000,
                "max_window_layers": 28,
                "layer_types": ["full_attention"] * 28,
                "rope_parameters": {"mrope_section": [16, 24, 24], "rope_theta": 1e6},
                "initializer_range": 0.02,
            },
        },
        "processor_config.json": {
            # As published: 4 to 16384 tokens of 28 x 28 pixels, so that a picture is not scaled.
            "image_processor": {"size": {"shortest_edge": 56 * 56, "longest_edge": 16384 * 28 * 28}}
        },
    },
)
JUDGES: Mapping[str, Mapping[str, Judge]] = {
    "full": {"llava": _LLAVA_7B, "qwen2.5-vl": _QWEN_7B},
    "tiny": {"llava": Judge(models.tiny_llava), "qwen2.5-vl": Judge(models.tiny_qwen2_5_vl)},
}
"""Size -> name -> model: LLaVA 1.5 7B and Qwen2.5-VL 7B, and the tiny models of the same classes."""

_CLIP_L: Changes = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
}
_CLIP_G: Changes = {
    "vocab_size": 49408,
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}
_T5_XXL: Changes = {
    "vocab_size": 32128,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_decoder_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
    "dense_act_fn": "gelu_new",
    "is_gated_act": True,
}
_VAE: Changes = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
_UNET_15: Changes = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
    "layers_per_block": 2,
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}
_UNET_XL: Changes = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", *("CrossAttnDownBlock2D",) * 2),
    "up_block_types": (*("CrossAttnUpBlock2D",) * 2, "UpBlock2D"),
    "layers_per_block": 2,
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "cross_attention_dim": 2048,
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 6 * 256 + 1280,
}
_MMDIT_X: Changes = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "caption_projection_dim": 1536,
    "pooled_projection_dim": 2048,
    "pos_embed_max_size": 384,
    "qk_norm": "rms_norm",
    "dual_attention_layers": tuple(range(13)),
}
PIPELINES: Mapping[str, Mapping[str, Pipeline]] = {
    "full": {
        "sd-1.5": Pipeline("sd-1.5", 512, 20, 7.5, {"unet": _UNET_15, "vae": _VAE, "text_encoder": _CLIP_L}),
        "sdxl": Pipeline(
            "sdxl",
            1024,
            20,
            5.0,
            {"unet": _UNET_XL, "vae": _VAE, "text_encoder": _CLIP_L, "text_encoder_2": _CLIP_G},
        ),
        "sd-3.5-medium": Pipeline(
            "sd3",
            1024,
            20,
            4.5,
            {
                "transformer": _MMDIT_X,
                "vae": {**_VAE, "latent_channels": 16},
                "text_encoder": _CLIP_L,
                "text_encoder_2": _CLIP_G,
                "text_encoder_3": _T5_XXL,
            },
        ),
    },
    "tiny": {
        "sd-1.5": Pipeline("sd-1.5", 64, 4, 7.5),
        "sdxl": Pipeline("sdxl", 64, 4, 5.0),
        "sd-3.5-medium": Pipeline("sd3", 64, 4, 4.5),
    },
}
"""Size -> name -> pipeline, with the sizes of the published models; fewer steps, which favour the bare loop."""


def write_judge(judge: Judge, folder: Path) -> Path:
    """Write a model's folder without its weights and return the path."""
    judge.write(folder)
    (folder / "model.safetensors").unlink()
    for name, changes in judge.files.items():
        file = folder / name
        known = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(_merged(known, changes), indent=1), encoding="utf-8")
    return _marked(folder)


def write_pipeline(pipeline: Any, folder: Path) -> Path:
    """Write the folder of a pipeline in memory, without weights, and return the path."""
    pipeline.save_config(folder)
    for name, part in pipeline.components.items():
        if part is not None:
            (folder / name).mkdir()
    return _marked(folder)


def _marked(folder: Path) -> Path:
    """A model's folder needs a file of weights. This one has no tensor of the model."""
    save_file({"seed": torch.tensor([SEED])}, folder / "seeded.safetensors")
    return folder


def _merged(known: dict[str, Any], changes: Changes) -> dict[str, Any]:
    return known | {
        key: _merged(known[key], value) if isinstance(value, Mapping) else value
        for key, value in changes.items()
    }


def make_pipeline(wanted: Pipeline, device: str, dtype: torch.dtype) -> Any:
    """A pipeline with random weights on `device`."""
    tiny = pipelines.pipeline(wanted.family, seed=SEED)
    parts = {
        name: _grown(part, wanted.parts.get(name, {}), device, dtype)
        if isinstance(part, torch.nn.Module)
        else part
        for name, part in tiny.components.items()
    }
    settings = {k: v for k, v in tiny.config.items() if not isinstance(v, (tuple, list))}
    accepted = inspect.signature(type(tiny).__init__).parameters
    given = {"add_watermarker": False, **settings, **parts}
    made = type(tiny)(**{name: value for name, value in given.items() if name in accepted})
    _widen_colours(made.vae)
    return made


def _grown(part: Any, changes: Changes, device: str, dtype: torch.dtype) -> Any:
    """The same class with another configuration and its own weights."""
    with _created_on(device, dtype):
        if isinstance(part, transformers.PreTrainedModel):
            config = type(part.config)(**{**part.config.to_dict(), **changes})
            return type(part)(config).eval()
        # Values that diffusers lists as defaults of the tiny model would stand above the changes.
        known = {key: value for key, value in part.config.items() if key != "_use_default_values"}
        return type(part).from_config({**known, **changes}).eval()


@torch.inference_mode()
def _widen_colours(vae: Any) -> None:
    """Scale the last layer, so that pictures are not grey all over: their PNG files would be small, and quickly made."""
    generator = torch.Generator("cpu").manual_seed(SEED)
    latents = torch.randn(1, vae.config.latent_channels, 32, 32, generator=generator)
    spread = vae.decode(latents.to(vae.device, vae.dtype)).sample.float().std()
    with torch.no_grad():
        for parameter in vae.decoder.conv_out.parameters():
            parameter.mul_(float(0.5 / spread))


@contextmanager
def _created_on(device: str, dtype: torch.dtype) -> Iterator[None]:
    """New parameters are on `device`, of type `dtype`, and determined by the seed."""
    before = torch.get_default_dtype()
    torch.manual_seed(SEED)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def made_in_memory(device: str, dtype: torch.dtype, pipeline: Any = None) -> Iterator[None]:
    """Load nothing: transformers builds a model from its configuration on `device`; diffusers returns `pipeline`."""

    def from_configuration(folder: str, **_: Any) -> tuple[Any, dict[str, Any]]:
        config = transformers.AutoConfig.from_pretrained(folder)
        with _created_on(device, dtype):
            return transformers.AutoModelForImageTextToText.from_config(config, dtype=dtype), {}

    def as_given(folder: str, **_: Any) -> Any:
        return pipeline

    judges = mock.patch.object(
        transformers.AutoModelForImageTextToText, "from_pretrained", from_configuration
    )
    with judges, mock.patch.object(diffusers.DiffusionPipeline, "from_pretrained", as_given):
        yield
