"""Models behind a server that think: what asks them to, and what tells them not to."""

from __future__ import annotations

from typing import Any

from harness import BadOption
from harness.mllm import SWITCHES
from memobench_openai.options import JudgeOptions
from memobench_openai.servers import Server

Json = dict[str, Any]
FIELD = "chat_template_kwargs"
"""The field of a request that vLLM, SGLang and llama.cpp pass to the chat template."""
_NO_EFFORT = ("none", "minimal")


def thinks(options: JudgeOptions) -> bool:
    """Whether the options ask the model to think."""
    effort = options.reasoning_effort
    return options.thinking == "on" or (
        options.thinking == "auto" and effort is not None and effort.lower() not in _NO_EFFORT
    )


def check_thinking(options: JudgeOptions, server: Server) -> None:
    """Refuse options that the server has no field for, or that contradict each other. Raises `BadOption`."""
    given = options.template_arguments
    if not server.templates and (given or options.thinking == "off"):
        named = "template_arguments" if given else "thinking=off"
        raise BadOption(
            f"{named}: this server passes nothing to a chat template.",
            "Say how much it thinks with -o reasoning_effort=..., or set -o server=vllm, sglang or other.",
        )
    for name in SWITCHES:
        if (
            options.thinking != "auto"
            and name in given
            and bool(given[name]) is not (options.thinking == "on")
        ):
            raise BadOption(
                f"thinking={options.thinking} contradicts {name} in template_arguments.",
                "Give one of the two.",
            )


def template_fields(options: JudgeOptions, server: Server) -> Json:
    """The field with the arguments of the chat template; {} without any. `extra_body` takes precedence."""
    arguments: Json = {}
    if options.thinking != "auto" and server.templates:
        arguments = dict.fromkeys(SWITCHES, options.thinking == "on")
    arguments |= options.template_arguments
    extra = options.extra_body.get(FIELD)
    if isinstance(extra, dict):
        arguments |= extra
    return {FIELD: arguments} if arguments else {}
