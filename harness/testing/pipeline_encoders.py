"""Language models, their tokenizers and decoders as parts of tiny diffusion pipelines, with seeded random weights."""

from __future__ import annotations

from typing import Any

from harness.testing.pipeline_parts import WIDTH, byte_characters, package, seeded

_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PARTS_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% for c in m['content'] %}{{ c['text'] }}{% endfor %}<|im_end|>\n{% endfor %}"
)
BYT5_VOCABULARY = 384
HEADS: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1}


def picture_processor() -> Any:
    transformers = package("transformers")
    return (getattr(transformers, "Qwen2VLImageProcessorPil", None) or transformers.Qwen2VLImageProcessor)()


def scheduler() -> Any:
    return package("diffusers").FlowMatchEulerDiscreteScheduler()


def flux2_vae(seed: int) -> Any:
    diffusers = package("diffusers")
    return seeded(
        seed,
        lambda: diffusers.AutoencoderKLFlux2(
            block_out_channels=(32, 64),
            latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        ),
    )


def video_vae(seed: int) -> Any:
    """The decoder of Qwen-Image, which is that of a video model: pictures are eight times as wide as latents."""
    diffusers = package("diffusers")
    return seeded(
        seed,
        lambda: diffusers.AutoencoderKLQwenImage(
            base_dim=16,
            z_dim=4,
            dim_mult=[1, 2, 2],
            num_res_blocks=1,
            temperal_downsample=[False, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
    )


def dc_options() -> dict[str, Any]:
    return {
        "latent_channels": 4,
        "attention_head_dim": 8,
        "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
        "decoder_block_types": ("ResBlock", "EfficientViTBlock"),
        "encoder_block_out_channels": (16, 16),
        "decoder_block_out_channels": (16, 16),
        "encoder_layers_per_block": (1, 1),
        "decoder_layers_per_block": (1, 1),
        "encoder_qkv_multiscales": ((), (5,)),
        "decoder_qkv_multiscales": ((), (5,)),
    }


def text_config(layers: int = 3, vocabulary: int = 0) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary or len(byte_characters()) + len(_SPECIAL),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": layers,
        "max_position_embeddings": 2048,
        "bos_token_id": None,
        "eos_token_id": len(byte_characters()),
        "pad_token_id": len(byte_characters()),
        **HEADS,
    }


def qwen3(seed: int, name: str, layers: int = 3) -> Any:
    transformers = package("transformers")
    config = transformers.Qwen3Config(**text_config(layers), head_dim=16)
    return seeded(seed, lambda: getattr(transformers, name)(config))


def qwen2_5_vl(seed: int, layers: int = 3) -> Any:
    transformers = package("transformers")
    rotary = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "out_hidden_size": WIDTH,
        "intermediate_size": 16,
        "num_heads": 2,
        "fullatt_block_indexes": [0],
    }
    config = transformers.Qwen2_5_VLConfig(
        text_config={**text_config(layers), "rope_parameters": rotary}, vision_config=vision
    )
    return seeded(seed, lambda: transformers.Qwen2_5_VLForConditionalGeneration(config))


def qwen3_vl_config(vocabulary: int = 0) -> Any:
    rotary = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "out_hidden_size": WIDTH,
        "intermediate_size": 16,
        "num_heads": 2,
        "deepstack_visual_indexes": [],
    }
    return package("transformers").Qwen3VLConfig(
        text_config={**text_config(vocabulary=vocabulary), "head_dim": 16, "rope_parameters": rotary},
        vision_config=vision,
    )


def qwen_tokenizer(*more: str, **named: str) -> Any:
    """One token per byte, with a chat template; `more` are further special tokens, `named` those with a name."""
    special = [*_SPECIAL, *more]
    vocabulary = {token: number for number, token in enumerate([*byte_characters(), *special])}
    return package("transformers").Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        additional_special_tokens=special[1:],
        chat_template=_CHAT,
        model_max_length=2048,
        **named,
    )
