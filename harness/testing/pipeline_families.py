"""Tiny diffusion pipelines whose text encoder is a language model: FLUX.2 klein, Z-Image, Qwen-Image and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.testing.pipeline_encoders import (
    BYT5_VOCABULARY,
    HEADS,
    PARTS_CHAT,
    dc_options,
    flux2_vae,
    picture_processor,
    qwen2_5_vl,
    qwen3,
    qwen3_vl_config,
    qwen_tokenizer,
    scheduler,
    text_config,
    video_vae,
)
from harness.testing.pipeline_parts import (
    FLOW,
    WIDTH,
    package,
    seeded,
    t5,
    t5_tokenizer,
    vae,
)


def _flux2_klein(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.Flux2Transformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            # The hidden states of three layers, side by side.
            joint_attention_dim=3 * WIDTH,
            timestep_guidance_channels=32,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
    )
    return diffusers.Flux2KleinPipeline(
        scheduler=scheduler(),
        vae=flux2_vae(seed),
        # It reads the 9th, 18th and 27th hidden state.
        text_encoder=qwen3(seed, "Qwen3ForCausalLM", layers=28),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
        is_distilled=False,
    )


def _z_image(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.ZImageTransformer2DModel(
            in_channels=4,
            dim=32,
            n_layers=2,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=WIDTH,
            axes_dims=[8, 4, 4],
            axes_lens=[256, 32, 32],
        ),
    )
    return diffusers.ZImagePipeline(
        scheduler=scheduler(),
        vae=vae(seed, **FLOW),
        text_encoder=qwen3(seed, "Qwen3Model"),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )


def _qwen_image(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(8, 4, 4),
        ),
    )
    return diffusers.QwenImagePipeline(
        scheduler=scheduler(),
        vae=video_vae(seed),
        text_encoder=qwen2_5_vl(seed),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )


def _krea2(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.Krea2Transformer2DModel(
            in_channels=16,
            num_layers=2,
            attention_head_dim=16,
            intermediate_size=64,
            timestep_embed_dim=32,
            text_hidden_dim=WIDTH,
            num_text_layers=2,
            text_num_attention_heads=2,
            text_num_key_value_heads=2,
            text_intermediate_size=64,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(8, 4, 4),
            **HEADS,
        ),
    )
    return diffusers.Krea2Pipeline(
        scheduler=scheduler(),
        vae=video_vae(seed),
        text_encoder=seeded(seed, lambda: transformers.Qwen3VLModel(qwen3_vl_config())),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
        text_encoder_select_layers=(1, 2),
    )


def _ovis_image(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.OvisImageTransformer2DModel(
            in_channels=16,
            out_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(8, 4, 4),
        ),
    )
    return diffusers.OvisImagePipeline(
        scheduler=scheduler(),
        vae=vae(seed, **FLOW),
        text_encoder=qwen3(seed, "Qwen3Model"),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )


def _chroma(seed: int) -> Any:
    diffusers = package("diffusers")
    transformer = seeded(
        seed,
        lambda: diffusers.ChromaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
            approximator_num_channels=8,
            approximator_hidden_dim=32,
            approximator_layers=1,
        ),
    )
    return diffusers.ChromaPipeline(
        scheduler=scheduler(),
        vae=vae(seed, **FLOW),
        text_encoder=t5(seed),
        tokenizer=t5_tokenizer(),
        transformer=transformer,
    )


def _longcat_image(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.LongCatImageTransformer2DModel(
            # The pipeline takes 16 channels for granted, packed by four.
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=[8, 4, 4],
        ),
    )
    tokenizer = qwen_tokenizer()
    return diffusers.LongCatImagePipeline(
        scheduler=scheduler(),
        vae=vae(seed, latent_channels=16, **FLOW),
        text_encoder=qwen2_5_vl(seed),
        tokenizer=tokenizer,
        text_processor=transformers.Qwen2VLProcessor(
            image_processor=picture_processor(),
            tokenizer=tokenizer,
            video_processor=transformers.Qwen2VLVideoProcessor(),
        ),
        transformer=transformer,
    )


def _sana_sprint(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.SanaTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=16,
            num_cross_attention_heads=2,
            cross_attention_head_dim=16,
            cross_attention_dim=32,
            caption_channels=WIDTH,
            sample_size=32,
            qk_norm="rms_norm_across_heads",
            guidance_embeds=True,
        ),
    )
    config = transformers.Gemma2Config(**text_config(), head_dim=16)
    return diffusers.SanaSprintPipeline(
        tokenizer=qwen_tokenizer(),
        text_encoder=seeded(seed, lambda: transformers.Gemma2Model(config)),
        vae=seeded(seed, lambda: diffusers.AutoencoderDC(**dc_options())),
        transformer=transformer,
        scheduler=diffusers.SCMScheduler(),
    )


def _qwen_image_2_1(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.QwenImage21Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            context_in_dim=WIDTH,
            axes_dims_rope=(8, 4, 4),
        ),
    )
    decoder = seeded(
        seed,
        lambda: diffusers.AutoencoderKLQwenImage21(
            base_dim=8,
            decoder_base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1, 1],
            num_res_blocks=1,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
    )
    tokenizer = qwen_tokenizer("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    processor = transformers.Qwen3VLProcessor(
        image_processor=picture_processor(),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen3VLVideoProcessor(),
        chat_template=PARTS_CHAT,
    )
    return diffusers.QwenImage21Pipeline(
        scheduler=scheduler(),
        vae=decoder,
        text_encoder=seeded(
            seed, lambda: transformers.Qwen3VLForConditionalGeneration(qwen3_vl_config(len(tokenizer)))
        ),
        processor=processor,
        transformer=transformer,
    )


def _ernie_image(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")

    def denoiser() -> Any:
        model = diffusers.ErnieImageTransformer2DModel(
            hidden_size=32,
            num_attention_heads=2,
            num_layers=2,
            ffn_hidden_size=64,
            in_channels=16,
            out_channels=16,
            text_in_dim=WIDTH,
            rope_axes_dim=(4, 6, 6),
        )
        # They start at zero: the prompt would have no effect.
        for weight in (model.adaLN_modulation[1].weight, model.final_linear.weight):
            weight.data.normal_(std=0.3)
        return model

    config = transformers.Mistral3Config(
        text_config={"model_type": "ministral3", **text_config(), "head_dim": 16},
        vision_config={
            "model_type": "pixtral",
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "head_dim": 8,
            "image_size": 28,
            "patch_size": 14,
        },
    )
    return diffusers.ErnieImagePipeline(
        transformer=seeded(seed, denoiser),
        vae=flux2_vae(seed),
        text_encoder=seeded(seed, lambda: transformers.Mistral3Model(config)),
        tokenizer=qwen_tokenizer(),
        scheduler=scheduler(),
    )


def _hunyuan_image(seed: int) -> Any:
    diffusers, transformers = package("diffusers"), package("transformers")
    transformer = seeded(
        seed,
        lambda: diffusers.HunyuanImageTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=16,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=WIDTH,
            text_embed_2_dim=WIDTH,
            rope_axes_dim=(8, 8),
        ),
    )
    decoder = seeded(
        seed,
        lambda: diffusers.AutoencoderKLHunyuanImage(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(32, 32, 32),
            layers_per_block=1,
            spatial_compression_ratio=4,
            sample_size=32,
            scaling_factor=1.0,
        ),
    )
    return diffusers.HunyuanImagePipeline(
        scheduler=scheduler(),
        vae=decoder,
        text_encoder=qwen2_5_vl(seed, layers=4),
        tokenizer=qwen_tokenizer(),
        text_encoder_2=t5(seed, vocabulary=BYT5_VOCABULARY),
        tokenizer_2=transformers.ByT5Tokenizer(),
        transformer=transformer,
        guider=diffusers.AdaptiveProjectedMixGuidance(),
    )


LANGUAGE_MODEL_FAMILIES: Mapping[str, Callable[[int], Any]] = {
    "flux2-klein": _flux2_klein,
    "z-image": _z_image,
    "qwen-image": _qwen_image,
    "krea2": _krea2,
    "ovis-image": _ovis_image,
    "chroma": _chroma,
    "longcat-image": _longcat_image,
    "sana-sprint": _sana_sprint,
    "qwen-image-2.1": _qwen_image_2_1,
    "ernie-image": _ernie_image,
    "hunyuan-image": _hunyuan_image,
}
"""Family -> function that builds a pipeline from a seed."""
