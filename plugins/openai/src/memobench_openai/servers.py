"""How servers differ where they all call themselves compatible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memobench_openai.address import Address
from memobench_openai.keys import find_key
from memobench_openai.options import EndpointOptions, JudgeOptions

Structured = Literal["json_schema", "guided_choice", "prompt"]


@dataclass(frozen=True)
class Server:
    """What a kind of server understands, by its documentation."""

    structured: Structured = "json_schema"
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seed: bool = True
    """Whether it takes a seed; one that does not may refuse the whole request for it."""
    exact: bool = False
    """Whether it gives the log-probability of any token asked for."""
    needs_key: bool = False


SERVERS = {
    "openai": Server(max_tokens_field="max_completion_tokens", needs_key=True),
    "gemini": Server(seed=False, needs_key=True),
    "claude": Server("prompt", seed=False, needs_key=True),
    "ollama": Server(),
    "vllm": Server("guided_choice", exact=True),
    "sglang": Server(),
    "other": Server(),
}

_HOSTS = {
    "api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gemini",
    "api.anthropic.com": "claude",
}
_OLLAMA_PORT = 11434


def find_server(options: JudgeOptions) -> Server:
    """The kind of server, and what the user says otherwise. Asks nothing: plans are made without a network."""
    address = options.address
    known = SERVERS[by_address(address) if options.server == "auto" else options.server]
    structured = known.structured if options.structured == "auto" else options.structured
    field = known.max_tokens_field if options.max_tokens_field == "auto" else options.max_tokens_field
    # A stand-in on this machine may need no key, whatever it stands in for.
    return Server(structured, field, known.seed, known.exact, known.needs_key and not address.local)


def endpoint_key(options: EndpointOptions, server: Server) -> str:
    """The key for an endpoint; "" where it needs none. Raises `RequestError` where it needs one that is not there."""
    named = "api_key_env" in options.model_fields_set
    needed = server.needs_key and not options.address.local and not options.address.user
    return find_key(options.address, options.api_key_env, named=named, needed=needed)


def by_address(address: Address) -> str:
    """The kind of server that an address tells, or "other"."""
    if address.port == _OLLAMA_PORT:
        return "ollama"
    return _HOSTS.get(address.host, "other")
