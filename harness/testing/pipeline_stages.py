"""Tiny diffusion pipelines of several text encoders or stages: GLM-Image, Kandinsky 5 and HiDream-I1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.testing.pipeline_encoders import (
    BYT5_VOCABULARY,
    PARTS_CHAT,
    picture_processor,
    qwen2_5_vl,
    qwen_tokenizer,
    scheduler,
    text_config,
)
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

_CODEBOOK = 64
_CLIP_TOKENS = 248
_WIDE_LATENTS: dict[str, Any] = {"levels": 1, "mid_block_add_attention": False}
"""A decoder whose images are as wide as latents, for pipelines whose latents are never smaller than 128 x 128."""


def _glm_image(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.GlmImageTransformer2DModel(
            # A patch is 16 pixels wide: the first stage draws a token for each 2 x 2 patches.
            patch_size=8,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            text_embed_dim=WIDTH,
            time_embed_dim=32,
            condition_dim=8,
            prior_vq_quantizer_codebook_size=_CODEBOOK,
        ),
    )
    tokenizer = qwen_tokenizer(
        "<|image|>",
        "<sop>",
        "<eop>",
        bos_token="<|im_start|>",
        image_token="<|image|>",
        grid_bos_token="<sop>",
        grid_eos_token="<eop>",
    )
    return diffusers.GlmImagePipeline(
        tokenizer=transformers.ByT5Tokenizer(),
        processor=transformers.GlmImageProcessor(
            image_processor=transformers.GlmImageImageProcessorPil(),
            tokenizer=tokenizer,
            chat_template=PARTS_CHAT,
        ),
        text_encoder=t5(seed, vocabulary=BYT5_VOCABULARY),
        vision_language_encoder=_glm_language_model(seed, len(tokenizer)),
        vae=vae(seed, latents_mean=[0.0] * 4, latents_std=[1.0] * 4),
        transformer=transformer,
        scheduler=scheduler(),
    )


def _glm_language_model(seed: int, vocabulary: int) -> Any:
    transformers = package("transformers")
    config = transformers.GlmImageConfig(
        text_config={
            **text_config(layers=1, vocabulary=vocabulary),
            "vision_vocab_size": _CODEBOOK,
            # It draws a fixed number of tokens: none may end the drawing.
            "eos_token_id": None,
            # Smaller weights would draw the same tokens for every prompt.
            "initializer_range": 0.5,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0},
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "image_size": 32,
        },
        vq_config={"embed_dim": 16, "num_embeddings": _CODEBOOK, "latent_channels": 16},
        image_token_id=vocabulary - 3,
        image_start_token_id=vocabulary,
        image_end_token_id=vocabulary + 1,
    )
    return seeded(seed, lambda: transformers.GlmImageForConditionalGeneration(config))


def _kandinsky5(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")

    def denoiser() -> Any:
        model = diffusers.Kandinsky5Transformer3DModel(
            in_visual_dim=4,
            out_visual_dim=4,
            in_text_dim=WIDTH,
            in_text_dim2=WIDTH,
            time_dim=32,
            model_dim=32,
            ff_dim=64,
            num_text_blocks=1,
            num_visual_blocks=1,
            axes_dims=(4, 6, 6),
        )
        # They start at zero: the prompt would have no effect.
        for name, weight in model.named_parameters():
            if "modulation" in name:
                weight.data.normal_(std=0.3)
        return model

    return diffusers.Kandinsky5T2IPipeline(
        transformer=seeded(seed, denoiser),
        vae=vae(seed, **_WIDE_LATENTS, **FLOW),
        text_encoder=qwen2_5_vl(seed),
        tokenizer=transformers.Qwen2VLProcessor(
            image_processor=picture_processor(),
            tokenizer=qwen_tokenizer(),
            video_processor=transformers.Qwen2VLVideoProcessor(),
        ),
        text_encoder_2=clip(seed),
        tokenizer_2=clip_tokenizer(),
        scheduler=scheduler(),
    )


def _hidream(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.HiDreamImageTransformer2DModel(
            patch_size=8,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            caption_channels=[WIDTH, WIDTH],
            text_emb_dim=2 * WIDTH,
            # All of them: rounding must not decide which are used.
            num_routed_experts=2,
            num_activated_experts=2,
            axes_dims_rope=(8, 4, 4),
            max_resolution=(128, 128),
            llama_layers=[0, 2],
        ),
    )
    language_model = transformers.LlamaForCausalLM
    return diffusers.HiDreamImagePipeline(
        scheduler=scheduler(),
        vae=vae(seed, **_WIDE_LATENTS, **FLOW),
        text_encoder=clip(seed, projected=True, tokens=_CLIP_TOKENS),
        tokenizer=clip_tokenizer(_CLIP_TOKENS),
        text_encoder_2=clip(seed + 1, projected=True, tokens=_CLIP_TOKENS),
        tokenizer_2=clip_tokenizer(_CLIP_TOKENS),
        text_encoder_3=t5(seed),
        tokenizer_3=t5_tokenizer(),
        text_encoder_4=seeded(seed, lambda: language_model(transformers.LlamaConfig(**text_config()))),
        tokenizer_4=transformers.PreTrainedTokenizerFast(
            tokenizer_object=qwen_tokenizer().backend_tokenizer,
            eos_token="<|im_end|>",
            model_max_length=2048,
        ),
        transformer=transformer,
    )


STAGED_FAMILIES: Mapping[str, Callable[[int], Any]] = {
    "glm-image": _glm_image,
    "kandinsky5": _kandinsky5,
    "hidream": _hidream,
}
"""Family -> function that builds a pipeline from a seed."""
