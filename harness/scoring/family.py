"""Which maker's family a model belongs to: a judge may favour what its own family draws."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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


def maker_of(participant: Mapping[str, Any]) -> str | None:
    """The maker that the name or reference of a described contender tells; None where it tells none or several."""
    told = " ".join(
        str(part)
        for part in (
            participant["name"],
            participant["options"].get("ref"),
            participant["options"].get("model"),
            participant["identity"].get("model"),
        )
        if part
    )
    # Hyphens and slashes separate words; a folder's path says nothing about who made what lies there.
    told = re.sub(r"[^a-z0-9.]+", " ", re.sub(r"\S*/\S*/\S*", " ", told.lower()))
    found = [maker for maker, pattern in _PATTERNS.items() if pattern.search(told)]
    return found[0] if len(found) == 1 else None


def family_warning(generator: Mapping[str, Any], judge: Mapping[str, Any]) -> list[str]:
    """Says where a judge reads what a model of its own family drew."""
    maker = maker_of(generator)
    if maker is None or maker_of(judge) != maker:
        return []
    return [
        f"{judge['name']} and {generator['name']} are both of {maker}: a judge may favour its own family. "
        "Add a judge of another one: --judge NAME"
    ]
