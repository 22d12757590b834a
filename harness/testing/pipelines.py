"""Builds tiny real diffusion pipelines with seeded random weights, for tests and benchmarks.

    from harness.testing.pipelines import tiny_pipeline

    folder = tiny_pipeline(tmp_path / "sdxl", "sdxl")    # diffusers.DiffusionPipeline.from_pretrained(folder)

Each pipeline uses the same classes as published models of its family, and its folder has the same layout:
`model_index.json`, and configuration and weights (safetensors) of every component, 1 to 20 MB in total. The images are
meaningless, but determined by prompt and seed. Requires torch, transformers and diffusers, which are imported when a
pipeline is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from harness import RequestError, nearest
from harness.testing.pipeline_families import LANGUAGE_MODEL_FAMILIES
from harness.testing.pipeline_parts import (
    FLOW,
    WIDTH,
    clip,
    clip_tokenizer,
    package,
    seeded,
    t5,
    t5_tokenizer,
    vae,
)
from harness.testing.pipeline_stages import STAGED_FAMILIES

Safety = Literal["passes", "blocks"]
"""A safety checker that passes every image, or blocks every image."""


def tiny_pipeline(
    folder: str | Path, family: str = "sd-1.5", *, seed: int = 0, safety: Safety | None = None
) -> Path:
    """Write a pipeline of a family (see `FAMILIES`) to ``folder`` and return the path.

    Raises `RequestError` for an unknown family, `MissingPackage` without torch, transformers or diffusers.
    """
    target = Path(folder)
    pipeline(family, seed=seed, safety=safety).save_pretrained(target, safe_serialization=True)
    return target


def pipeline(family: str = "sd-1.5", *, seed: int = 0, safety: Safety | None = None) -> Any:
    """Create a pipeline in memory, on the CPU, in float32. Torch's global random state is preserved.

    The default image size is 64 x 64 pixels (others differ: give width and height). ``safety`` adds a safety checker to sd-1.5. Raises
    `RequestError` for an unknown family or an unsupported checker, `MissingPackage` without torch, transformers or
    diffusers.
    """
    if family not in FAMILIES:
        raise RequestError(
            f"There is no tiny pipeline {family!r}.",
            f"Did you mean {nearest(family, FAMILIES)!r}? Known: {', '.join(FAMILIES)}.",
        )
    if safety is not None and family != "sd-1.5":
        raise RequestError(f"{family} has no safety checker.", "Omit safety, or use sd-1.5.")
    torch = package("torch")
    with torch.random.fork_rng(devices=[]):
        built = FAMILIES[family](seed)
        if safety is not None:
            _add_checker(built, seed, safety)
    return built


def _sd15(seed: int) -> Any:
    diffusers = package("diffusers")
    unet = _unet(seed, layers_per_block=1, cross_attention_dim=WIDTH)
    scheduler = diffusers.DDIMScheduler(**_NOISE, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    return diffusers.StableDiffusionPipeline(
        vae=vae(seed),
        text_encoder=clip(seed),
        tokenizer=clip_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(seed: int) -> Any:
    diffusers = package("diffusers")
    unet = _unet(
        seed,
        layers_per_block=2,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        cross_attention_dim=2 * WIDTH,
    )
    return diffusers.StableDiffusionXLPipeline(
        vae=vae(seed),
        unet=unet,
        add_watermarker=False,
        scheduler=diffusers.EulerDiscreteScheduler(**_NOISE, timestep_spacing="leading", steps_offset=1),
        text_encoder=clip(seed),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip(seed + 1, projected=True),
        tokenizer_2=clip_tokenizer(),
    )


def _sd3(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.SD3Transformer2DModel(
            sample_size=32,
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=WIDTH,
            caption_projection_dim=32,
            pooled_projection_dim=2 * WIDTH,
        ),
    )
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae(seed, **FLOW),
        text_encoder=clip(seed, projected=True),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip(seed + 1, projected=True),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5(seed),
        tokenizer_3=t5_tokenizer(),
    )


def _flux(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.FluxTransformer2DModel(
            patch_size=1,
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=[4, 4, 8],
        ),
    )
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae(seed, latent_channels=1, **FLOW),
        text_encoder=clip(seed),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5(seed),
        tokenizer_2=t5_tokenizer(),
        transformer=transformer,
    )


def _pixart(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.PixArtTransformer2DModel(
            sample_size=8,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            in_channels=4,
            out_channels=8,
            caption_channels=WIDTH,
            cross_attention_dim=24,
            attention_bias=True,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
        ),
    )
    return diffusers.PixArtSigmaPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5(seed),
        vae=vae(seed),
        transformer=transformer,
        scheduler=diffusers.DPMSolverMultistepScheduler(),
    )


_NOISE: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}

FAMILIES: Mapping[str, Callable[[int], Any]] = {
    "sd-1.5": _sd15,
    "sdxl": _sdxl,
    "sd3": _sd3,
    "flux": _flux,
    "pixart": _pixart,
    **LANGUAGE_MODEL_FAMILIES,
    **STAGED_FAMILIES,
}
"""Family -> function that builds a pipeline from a seed."""


def _unet(seed: int, **options: Any) -> Any:
    diffusers = package("diffusers")
    return seeded(
        seed,
        lambda: diffusers.UNet2DConditionModel(
            block_out_channels=(32, 64),
            sample_size=32,
            in_channels=4,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            **options,
        ),
    )


def _add_checker(pipeline: Any, seed: int, safety: Safety) -> None:
    transformers = package("transformers")
    module = package("diffusers.pipelines.stable_diffusion.safety_checker")
    vision = {
        "hidden_size": 32,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 30,
        "patch_size": 15,
        "projection_dim": 16,
    }
    config = transformers.CLIPConfig(vision_config=vision, text_config={}, projection_dim=16)
    checker = seeded(seed, lambda: module.StableDiffusionSafetyChecker(config))
    # An image is blocked if its cosine similarity to a concept exceeds the concept's threshold.
    checker.concept_embeds_weights.data.fill_(-2.0 if safety == "blocks" else 2.0)
    checker.special_care_embeds_weights.data.fill_(2.0)
    processor_class = getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
    pipeline.register_modules(
        safety_checker=checker, feature_extractor=processor_class(size=30, crop_size=30)
    )
    pipeline.register_to_config(requires_safety_checker=True)
