"""Parts of tiny diffusion pipelines: decoders, text encoders and tokenizers with seeded random weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from harness import MissingPackage

WIDTH = 32
"""Width of the text encoders."""

FLOW: dict[str, Any] = {
    "shift_factor": 0.0609,
    "scaling_factor": 1.5035,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}


def vae(seed: int, latent_channels: int = 4, levels: int = 2, **options: Any) -> Any:
    """Images are as wide as latents at one level, twice as wide at two."""
    diffusers = package("diffusers")
    return seeded(
        seed,
        lambda: diffusers.AutoencoderKL(
            block_out_channels=[32, 64][:levels],
            in_channels=3,
            out_channels=3,
            latent_channels=latent_channels,
            down_block_types=["DownEncoderBlock2D"] * levels,
            up_block_types=["UpDecoderBlock2D"] * levels,
            **options,
        ),
    )


def clip(seed: int, *, projected: bool = False, tokens: int = 77) -> Any:
    transformers = package("transformers")
    characters = len(byte_characters())
    config = transformers.CLIPTextConfig(
        vocab_size=2 * characters + 2,
        bos_token_id=2 * characters,
        eos_token_id=2 * characters + 1,
        pad_token_id=2 * characters + 1,
        hidden_size=WIDTH,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        projection_dim=WIDTH,
        max_position_embeddings=tokens,
    )
    model = transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel
    return seeded(seed, lambda: model(config))


def t5(seed: int, vocabulary: int = 98) -> Any:
    transformers = package("transformers")
    config = transformers.T5Config(
        vocab_size=vocabulary,
        d_model=WIDTH,
        d_kv=8,
        d_ff=37,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
    )
    return seeded(seed, lambda: transformers.T5EncoderModel(config))


def clip_tokenizer(longest: int = 77) -> Any:
    """One token per character, with separate tokens at the end of a word."""
    characters = byte_characters()
    tokens = [*characters, *(c + "</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return package("transformers").CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=longest)


def t5_tokenizer() -> Any:
    """One token per printable ASCII character."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0)]
    pieces += [(chr(c), -3.0) for c in range(33, 127)]
    return package("transformers").T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=64)


def byte_characters() -> list[str]:
    """The 256 characters that represent bytes in byte-level tokenizers."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return [chr(b) for b in shown] + [chr(256 + n) for n in range(len(hidden))]


def seeded(seed: int, build: Callable[[], Any]) -> Any:
    package("torch").manual_seed(seed)
    return build().eval()


def package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        raise MissingPackage(
            "building a pipeline for tests", missing, "pip install torch transformers diffusers"
        ) from error
