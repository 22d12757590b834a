"""Options: those of any use of an endpoint, and those of the judge."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import field_validator, model_validator

from harness import BadOption, RemoteOptions, option
from harness.mllm import ThinkingOptions
from memobench_openai.address import Address, addresses_of
from memobench_openai.keys import BASE_URL_ENV, DEFAULT_ENV, check_no_keys
from memobench_openai.proxies import ProxyMode

_RESERVED_FIELDS = frozenset({"model", "messages", "stream", "n"})
_LATER_OPTIONS = ("top_logprobs", "system_role")

TOP_LOGPROBS = 20
"""Number of top tokens to request: the maximum that OpenAI and vLLM return by default."""


class EndpointOptions(RemoteOptions):
    """Where a model is served and how it is queried. Apart from the endpoint itself, none of it changes answers.

    Host, port and path of the address are part of the identity instead, which never contains a password.
    """

    base_url: str = option(
        "https://api.openai.com/v1",
        "Base URL of the endpoint; most end in /v1. Several, separated by commas, are servers of the same model. If it is "
        "not set, OPENAI_BASE_URL is used, if that is.",
        affects_answer=False,
    )
    api_key_env: str = option(
        DEFAULT_ENV,
        "Name of the environment variable with the key. If it is not set, a key is sent only to OpenAI's hosts and "
        "to this machine.",
        affects_answer=False,
    )
    proxy: ProxyMode = option(
        "auto",
        "auto: the proxy that the environment names, but none for this machine and private networks. env: also for "
        "those. none: no proxy.",
        affects_answer=False,
    )
    fingerprint: Literal["use", "ignore"] = option(
        "use",
        "Whether system_fingerprint tells two releases of the model apart. ignore: for services that change it all the time.",
        affects_answer=False,
    )

    extra_body: dict[str, Any] = option({}, "Additional fields for each request, as a JSON object.")

    @model_validator(mode="before")
    @classmethod
    def _default_endpoint(cls, values: Any) -> Any:
        url = os.environ.get(BASE_URL_ENV, "").strip()
        if not url or not isinstance(values, dict) or "base_url" in values:
            return values
        try:
            addresses_of(url)
        except BadOption as e:
            raise BadOption(
                f"{BASE_URL_ENV}: {e.message}", f"Unset it, or set it to a URL. {e.hint}"
            ) from None
        return values | {"base_url": url}

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return addresses_of(value)

    @property
    def address(self) -> Address:
        """The base URL with its secret parts as attributes; of several the first."""
        return self.base_url if isinstance(self.base_url, Address) else addresses_of(self.base_url)


def check_extra(fields: dict[str, Any], reserved: frozenset[str], hint: str) -> None:
    """Reject API keys and the `reserved` fields in `extra_body`. Raises `BadOption`."""
    check_no_keys(fields, "extra_body")
    taken = sorted(reserved & set(fields))
    if taken:
        raise BadOption(f"extra_body must not contain {', '.join(taken)}.", hint)


def model_name(value: str, component: str, example: str) -> str:
    """Validate the name of a model. Raises `BadOption` if it is empty."""
    if not value.strip():
        raise BadOption(
            f"{component} needs a model name.",
            f"Put it after a colon: --model {component}:{example}.",
        )
    return value.strip()


class JudgeOptions(EndpointOptions, ThinkingOptions):
    """Options of the judge `openai`."""

    ref: str = option("", "Model name, as the endpoint knows it.", validate_default=True)
    server: Literal["auto", "openai", "gemini", "claude", "ollama", "vllm", "sglang", "other"] = option(
        "auto", "Kind of server, if the address does not reveal it; vllm gives exact log-probabilities."
    )
    logprobs: Literal["auto", "on", "off"] = option(
        "auto",
        "Use log-probabilities. auto: only with server=vllm. on: with other servers too, from the top 20 tokens; a reply "
        "without a score for every option counts as unparsed.",
    )
    structured: Literal["auto", "json_schema", "guided_choice", "prompt"] = option(
        "auto",
        "How a choice is enforced: response_format, vLLM's structured outputs, or only the prompt.",
    )
    max_tokens: int = option(
        0,
        "Maximum reply tokens; 0 for the task's limit. Reasoning models need thousands.",
        ge=0,
        le=1_000_000,
    )
    max_tokens_field: Literal["auto", "max_tokens", "max_completion_tokens"] = option(
        "auto", "Name of that field at the endpoint.", affects_answer=False
    )
    top_logprobs: int = option(
        TOP_LOGPROBS,
        "Top tokens to request for log-probabilities, for servers that allow fewer than 20.",
        ge=1,
        le=100,
    )
    system_role: Literal["system", "developer", "user"] = option(
        "system",
        "Role of the task's system message. user: it begins the user's first message, for models without that role.",
    )
    stream: bool = option(
        False, "Let the server stream its replies, for servers that only stream.", affects_answer=False
    )
    detail: Literal["low", "high", "auto"] | None = option(
        None, "Picture resolution for the model, if the endpoint supports it."
    )
    reasoning_effort: str | None = option(None, "Reasoning effort, if the endpoint supports it.")
    omit: list[str] = option(
        [], "Fields to omit for models that reject them, such as temperature,top_p,seed."
    )
    price_cached: float | None = option(
        None, "Price per million prompt tokens from the provider's cache.", affects_answer=False, ge=0.0
    )

    def answer_affecting(self) -> dict[str, Any]:
        """Later options count only where they are set, so that runs from before they existed can be resumed."""
        unset = {n for n in _LATER_OPTIONS if getattr(self, n) == type(self).model_fields[n].default}
        return {name: value for name, value in super().answer_affecting().items() if name not in unset}

    @field_validator("omit", mode="before")
    @classmethod
    def _fields(cls, value: object) -> object:
        """Accept `temperature,seed` as well as a list."""
        return [v.strip() for v in value.split(",") if v.strip()] if isinstance(value, str) else value

    @field_validator("extra_body", mode="after")
    @classmethod
    def _no_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_extra(value, _RESERVED_FIELDS, "The judge sets these fields itself.")
        return value

    @field_validator("ref")
    @classmethod
    def _named(cls, value: str) -> str:
        return model_name(value, "openai", "gpt-4o")
