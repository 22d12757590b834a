"""Differences between servers with an OpenAI-compatible API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memobench_openai.address import Address
from memobench_openai.keys import BASE_URL_ENV, find_key, is_default_endpoint
from memobench_openai.options import EndpointOptions, JudgeOptions
from memobench_openai.proxies import find_proxy

Structured = Literal["json_schema", "guided_choice", "prompt"]


@dataclass(frozen=True)
class Server:
    """What a kind of server supports, according to its documentation."""

    structured: Structured = "json_schema"
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seed: bool = True
    """Whether it accepts a seed. One that does not may reject the whole request."""
    exact: bool = False
    """Whether it returns the log-probability of any requested token."""
    needs_key: bool = False
    templates: bool = False
    """Whether it passes arguments of a request to the chat template."""


SERVERS = {
    "openai": Server(max_tokens_field="max_completion_tokens", needs_key=True),
    "gemini": Server(seed=False, needs_key=True),
    "claude": Server("prompt", seed=False, needs_key=True),
    "ollama": Server(),
    "vllm": Server("guided_choice", exact=True, templates=True),
    "sglang": Server(templates=True),
    "other": Server(templates=True),
}

_HOSTS = {
    "api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gemini",
    "api.anthropic.com": "claude",
}
_OLLAMA_PORT = 11434


def find_server(options: JudgeOptions) -> Server:
    """The kind of server, with the user's overrides. Uses no network, so that runs can be planned offline."""
    address = options.address
    known = SERVERS[server_kind(address) if options.server == "auto" else options.server]
    structured = known.structured if options.structured == "auto" else options.structured
    field = known.max_tokens_field if options.max_tokens_field == "auto" else options.max_tokens_field
    # A local replacement may need no key, even if the original does.
    return Server(
        structured, field, known.seed, known.exact, known.needs_key and not address.local, known.templates
    )


def endpoint_key(options: EndpointOptions, server: Server) -> str:
    """The key for an endpoint; "" if it needs none. Raises `RequestError` if a required key is missing."""
    named = "api_key_env" in options.model_fields_set
    needed = server.needs_key and not options.address.local and not options.address.user
    return find_key(options.address, options.api_key_env, named=named, needed=needed)


def replica_key(options: EndpointOptions, address: Address) -> str:
    """The key for a further server of the same model, by the rule for the first; "" if it gets none."""
    named = "api_key_env" in options.model_fields_set
    return find_key(address, options.api_key_env, named=named, needed=False)


def describe_endpoint(options: EndpointOptions) -> str:
    """The endpoint, what names it, and the proxy on the way, for a dry run. Uses no network."""
    return ", ".join(_described(options, address) for address in options.address.all)


def _described(options: EndpointOptions, address: Address) -> str:
    proxy = find_proxy(address.scheme, address.host, options.proxy, look_up=False)
    named = is_default_endpoint(address)
    return f"{address}{f' (set by {BASE_URL_ENV})' if named else ''}" + (
        f", through {proxy}" if proxy else ""
    )


def server_kind(address: Address) -> str:
    """The kind of server, inferred from its address; "other" if unknown."""
    if address.port == _OLLAMA_PORT:
        return "ollama"
    return _HOSTS.get(address.host, "other")
