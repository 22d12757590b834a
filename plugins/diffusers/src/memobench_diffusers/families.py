"""Differences between pipeline families that cannot be derived from the signature of `__call__`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

REWRITING_OFF: Mapping[str, Any] = MappingProxyType(
    {
        "use_resolution_binning": False,
        "complex_human_instruction": None,
        "caption_upsample_temperature": None,
        "clean_caption": False,
        "enable_prompt_rewrite": False,
        "use_pe": False,
    }
)
"""Arguments that switch off changes to the prompt or the size, for every pipeline that accepts them.

Resolution binning generates at a different size and rescales. The human instruction, caption upsampling, LongCat's prompt
rewriting and ERNIE's prompt enhancer (`pe`) have a language model rewrite the prompt. Caption cleaning edits the text, but only if two optional packages are installed.
"""

_PAIR = ("prompt_embeds", "negative_prompt_embeds")
_POOLED = (*_PAIR, "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
_MASKED = (
    "prompt_embeds",
    "prompt_attention_mask",
    "negative_prompt_embeds",
    "negative_prompt_attention_mask",
)


@dataclass(frozen=True)
class Family:
    """How one pipeline class differs from the default."""

    embeddings: tuple[str, ...] = ()
    """Call arguments that receive the values returned by `encode_prompt`, in order; () if it cannot be called separately."""
    guidance_argument: str = "guidance_scale"
    """Call argument for the guidance scale."""
    cfg_argument: str = "guidance_scale"
    """Call argument that enables classifier-free guidance, and so the negative prompt."""
    cfg_above: float = 1.0
    """The value above which that argument enables it."""
    encode_singly: bool = False
    """The encoder pads to the longest prompt of a batch, so embeddings are reproducible only at batch size 1; or it runs the
    tokenizer once for each prompt."""
    generate_singly: bool = False
    """A part of the pipeline draws from the first image's generator for the whole batch, or reads the padding of shorter
    prompts, so each image gets its own call."""
    needs_negative: bool = False
    """The call encodes an empty negative prompt once, not for each image of a batch, so the embeddings must be given."""
    encode_arguments: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that `__call__` passes to `encode_prompt` in addition to its own."""


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "StableDiffusionPipeline": Family(_PAIR),
        "StableDiffusionXLPipeline": Family(_POOLED),
        "StableDiffusion3Pipeline": Family(_POOLED),
        "KolorsPipeline": Family(_POOLED),
        "FluxPipeline": Family(
            ("prompt_embeds", "pooled_prompt_embeds", "text_ids"), cfg_argument="true_cfg_scale"
        ),
        "Flux2Pipeline": Family(("prompt_embeds", "text_ids")),
        "Flux2KleinPipeline": Family(("prompt_embeds", "text_ids"), encode_singly=True, needs_negative=True),
        "PixArtAlphaPipeline": Family(_MASKED),
        "PixArtSigmaPipeline": Family(_MASKED),
        "SanaPipeline": Family(_MASKED),
        "AuraFlowPipeline": Family(_MASKED),
        "Lumina2Pipeline": Family(_MASKED),
        "Kandinsky3Pipeline": Family(
            (*_PAIR, "attention_mask", "negative_attention_mask"), encode_arguments={"_cut_context": True}
        ),
        "CogView4Pipeline": Family(_PAIR, encode_singly=True),
        "QwenImagePipeline": Family(
            ("prompt_embeds", "prompt_embeds_mask"), "true_cfg_scale", "true_cfg_scale", encode_singly=True
        ),
        "QwenImage21Pipeline": Family(
            ("prompt_embeds", "prompt_embeds_mask", "image_pad_mask"),
            "true_cfg_scale",
            "true_cfg_scale",
            encode_singly=True,
        ),
        "ZImagePipeline": Family(_PAIR, cfg_above=0.0),
        "Krea2Pipeline": Family(("prompt_embeds", "prompt_embeds_mask"), cfg_above=0.0),
        "OvisImagePipeline": Family((*_PAIR, "text_ids", "negative_text_ids")),
        "ChromaPipeline": Family(
            (
                "prompt_embeds",
                "text_ids",
                "prompt_attention_mask",
                "negative_prompt_embeds",
                "negative_text_ids",
                "negative_prompt_attention_mask",
            )
        ),
        "SanaSprintPipeline": Family(("prompt_embeds", "prompt_attention_mask")),
        "GlmImagePipeline": Family(generate_singly=True),
        "Kandinsky5T2IPipeline": Family(generate_singly=True),
        "HunyuanImagePipeline": Family((), "distilled_guidance_scale"),
        "StableCascadeCombinedPipeline": Family((), "prior_guidance_scale", "prior_guidance_scale"),
    }
)
"""Pipeline classes that differ from the default."""


def family_of(pipeline_class: str) -> Family:
    """The entry of a pipeline class; the default for classes that are not listed."""
    return FAMILIES.get(pipeline_class, Family())
