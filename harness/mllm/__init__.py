"""Engine-independent support for open multimodal LLMs: presets, chat prompts, candidate words."""

from __future__ import annotations

import typing as _typing

from harness.mllm.chat import chat_content as chat_content
from harness.mllm.chat import check_image_slot as check_image_slot
from harness.mllm.chat import image_order as image_order
from harness.mllm.chat import plain_prompt as plain_prompt
from harness.mllm.chat import template_digest as template_digest
from harness.mllm.completeness import check_tensors as check_tensors
from harness.mllm.completeness import raise_if_incomplete as raise_if_incomplete
from harness.mllm.model import model_identity as model_identity
from harness.mllm.model import model_template as model_template
from harness.mllm.model_presets import known_reference as known_reference
from harness.mllm.model_presets import preset_of as preset_of
from harness.mllm.model_presets import presets as presets
from harness.mllm.preset_check import ModelPreset as ModelPreset
from harness.mllm.preset_check import check_model as check_model
from harness.mllm.preset_check import known_name as known_name
from harness.mllm.prompter import Prompter as Prompter
from harness.mllm.prompter import find_template as find_template
from harness.mllm.prompter import image_token as image_token
from harness.mllm.prompter import image_token_id as image_token_id
from harness.mllm.prompter import template_text as template_text
from harness.mllm.thinking import SWITCHES as SWITCHES
from harness.mllm.thinking import Thinking as Thinking
from harness.mllm.thinking import Thought as Thought
from harness.mllm.thinking import find_thinking as find_thinking
from harness.mllm.thinking import open_thought as open_thought
from harness.mllm.thinking import with_thought as with_thought
from harness.mllm.tokenizers import load_tokenizer as load_tokenizer
from harness.mllm.words import WordTree as WordTree
from harness.mllm.words import answer_words as answer_words
from harness.mllm.words import candidate_tokens as candidate_tokens
from harness.mllm.words import leading_space as leading_space
from harness.mllm.words import nan_error as nan_error
from harness.mllm.words import prompt_tail as prompt_tail

if _typing.TYPE_CHECKING:
    from harness.mllm.options import ThinkingOptions as ThinkingOptions


def __getattr__(name: str) -> object:
    """`ThinkingOptions`, on first use: it loads pydantic, which listing the presets does not need."""
    if name == "ThinkingOptions":
        from harness.mllm.options import ThinkingOptions

        return ThinkingOptions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
