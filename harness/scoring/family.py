"""Which maker a model comes from: a judge may favour images from its own family of models."""

from __future__ import annotations

import re

from harness.scoring.run_record import ParticipantRecord

_FAMILIES = {
    "OpenAI": "gpt|chatgpt|dall e|o3|o4",
    "Google": "gemini|imagen|gemma|paligemma|nano banana",
    "Alibaba": "qwen|qwq|qvq|wan|ovis|tongyi|z image",
    "Tencent": "hunyuan|hunyuandit|hunyuanimage",
    "ByteDance": "seed|seedream|doubao|bagel|sdxl lightning",
    "DeepSeek": "deepseek|janus",
    "Zhipu": "cogview|cogvlm|cogvlm2|glm|zai",
    "Kuaishou": "kolors|kwai|keye",
    "Shanghai AI Laboratory": "internvl|internlm|lumina|opengvlab",
    "xAI": "grok|aurora",
    "Meta": "llama|emu|meta llama",
    "Microsoft": "phi|florence|mai",
    "Amazon": "nova|titan",
    "Baidu": "ernie",
    "Stepfun": "step",
}
_PATTERNS = {maker: re.compile(rf"\b(?:{words})(?=\d|\b)") for maker, words in _FAMILIES.items()}


def maker_of(participant: ParticipantRecord) -> str | None:
    """The maker that a participant's name or model reference names; None where it names none or several."""
    named = (
        participant.name,
        participant.options.get("ref"),
        participant.options.get("model"),
        participant.identity.get("model"),
    )
    text = " ".join(str(part) for part in named if part)
    # Hyphens and slashes separate words; a folder's path says nothing about who made the model in it.
    text = re.sub(r"[^a-z0-9.]+", " ", re.sub(r"\S*/\S*/\S*", " ", text.lower()))
    found = [maker for maker, pattern in _PATTERNS.items() if pattern.search(text)]
    return found[0] if len(found) == 1 else None


def family_warning(generator: ParticipantRecord, judge: ParticipantRecord) -> list[str]:
    """Says where a judge rates portraits that a model of its own family generated."""
    maker = maker_of(generator)
    if maker is None or maker_of(judge) != maker:
        return []
    return [
        f"{judge.name} and {generator.name} are both by {maker}: a judge may favour its own family. "
        "Add a judge of a different one: `harness run --judge NAME`"
    ]
