"""Where families of pipelines differ. Everything else follows from the signature of a pipeline's call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

NEUTRAL: Mapping[str, Any] = MappingProxyType(
    {
        "use_resolution_binning": False,
        "complex_human_instruction": None,
        "caption_upsample_temperature": None,
        "clean_caption": False,
    }
)
"""Arguments set in every family that has them, so that prompt and size are what was asked for.

Resolution binning draws at another size and scales; the human instruction and caption upsampling have a language model
rewrite the prompt; cleaning changes its letters, and only where two optional packages are installed.
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
    """What is special about one pipeline class."""

    embeddings: tuple[str, ...] = ()
    """What `encode_prompt` returns, by the names under which the call takes it; () where it cannot be called apart."""
    guidance: str = "guidance_scale"
    """The call's name for the strength of guidance."""
    classifier_free: str = "guidance_scale"
    """The argument that turns classifier-free guidance, and with it the negative prompt, on where it is above 1."""
    alone: bool = False
    """Prompts are padded to the longest of their batch: each must be encoded alone to give the same picture always."""
    encode: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that the pipeline's call gives to `encode_prompt` beside those that it was given itself."""


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "StableDiffusionPipeline": Family(_PAIR),
        "StableDiffusionXLPipeline": Family(_POOLED),
        "StableDiffusion3Pipeline": Family(_POOLED),
        "KolorsPipeline": Family(_POOLED),
        "FluxPipeline": Family(
            ("prompt_embeds", "pooled_prompt_embeds", "text_ids"), classifier_free="true_cfg_scale"
        ),
        "Flux2Pipeline": Family(("prompt_embeds", "text_ids")),
        "Flux2KleinPipeline": Family(("prompt_embeds", "text_ids")),
        "PixArtAlphaPipeline": Family(_MASKED),
        "PixArtSigmaPipeline": Family(_MASKED),
        "SanaPipeline": Family(_MASKED),
        "AuraFlowPipeline": Family(_MASKED),
        "Lumina2Pipeline": Family(_MASKED),
        "Kandinsky3Pipeline": Family(
            (*_PAIR, "attention_mask", "negative_attention_mask"), encode={"_cut_context": True}
        ),
        "CogView4Pipeline": Family(_PAIR, alone=True),
        "QwenImagePipeline": Family(
            ("prompt_embeds", "prompt_embeds_mask"), "true_cfg_scale", "true_cfg_scale", alone=True
        ),
        "HunyuanImagePipeline": Family((), "distilled_guidance_scale"),
        "StableCascadeCombinedPipeline": Family((), "prior_guidance_scale", "prior_guidance_scale"),
    }
)
"""Pipeline classes of diffusers that need more than the common treatment."""


def family_of(pipeline_class: str) -> Family:
    """What is special about a pipeline class; the common treatment for those that are not known."""
    return FAMILIES.get(pipeline_class, Family())
