"""Options: those of any use of an endpoint, and those of the judge."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from harness import BadOption, HarnessOptions, option
from memobench_openai.address import Address
from memobench_openai.keys import DEFAULT_ENV, check_key_name, check_no_keys

_OURS = frozenset({"model", "messages", "stream", "n"})


class EndpointOptions(HarnessOptions):
    """Where a model is served, and how it is asked; none of it changes answers, save which endpoint it is.

    Host, port and path of the address enter the identity instead, where no password can stand.
    """

    base_url: str = option(
        "https://api.openai.com/v1", "Address of the endpoint; most end in /v1.", affects_answer=False
    )
    api_key_env: str = option(
        DEFAULT_ENV,
        "Name of the environment variable with the key. Unless it is given, no key goes to hosts other than "
        "OpenAI's and this machine.",
        affects_answer=False,
    )
    concurrency: int = option(16, "Requests in flight at a time.", affects_answer=False, ge=1, le=1024)
    timeout: float = option(120.0, "Seconds for one attempt.", affects_answer=False, gt=0.0, le=3600.0)
    max_retries: int = option(
        6,
        "How often a request is asked again after a failure that may pass.",
        affects_answer=False,
        ge=0,
        le=100,
    )

    extra_body: dict[str, Any] = option({}, "Further fields of each request, as a JSON object.")
    price_input: float | None = option(
        None, "Price of a million prompt tokens: costs are counted.", affects_answer=False, ge=0.0
    )
    price_output: float | None = option(
        None, "Price of a million reply tokens, those of pictures included.", affects_answer=False, ge=0.0
    )

    @model_validator(mode="after")
    def _both_prices(self) -> EndpointOptions:
        if (self.price_input is None) != (self.price_output is None):
            # No ValueError: pydantic would show all that was given, the URL with its password included.
            raise BadOption("price_input and price_output belong together.", "Give both, or neither.")
        return self

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return Address(value)

    @field_validator("api_key_env")
    @classmethod
    def _name_of_key(cls, value: str) -> str:
        return check_key_name(value)

    @property
    def address(self) -> Address:
        """The base URL with its secret parts, which the option's text does not have."""
        return self.base_url if isinstance(self.base_url, Address) else Address(self.base_url)


def check_extra(fields: dict[str, Any], ours: frozenset[str], hint: str) -> None:
    """Refuse keys in `extra_body`, and fields of `ours`. Raises `BadOption`."""
    check_no_keys(fields, "extra_body")
    taken = sorted(ours & set(fields))
    if taken:
        raise BadOption(f"extra_body must not hold {', '.join(taken)}.", hint)


def model_name(value: str, component: str, example: str) -> str:
    """The name of a model. Raises `BadOption` where there is none."""
    if not value.strip():
        raise BadOption(
            f"{component} needs the name of a model.",
            f"Type it behind a colon: --model {component}:{example}.",
        )
    return value.strip()


class JudgeOptions(EndpointOptions):
    """Options of the judge `openai`."""

    ref: str = option("", "Name of the model, as the endpoint calls it.", validate_default=True)
    server: Literal["auto", "openai", "gemini", "claude", "ollama", "vllm", "sglang", "other"] = option(
        "auto", "What serves the model, where the address does not tell; vllm gives exact log-probabilities."
    )
    logprobs: Literal["auto", "on", "off"] = option(
        "auto",
        "Read by log-probabilities. auto: with server=vllm. on: elsewhere too, from the 20 likeliest tokens; a reply "
        "in which an option has none is unparsed.",
    )
    structured: Literal["auto", "json_schema", "guided_choice", "prompt"] = option(
        "auto",
        "How a choice is enforced: response_format, vLLM's structured outputs, or by the prompt alone.",
    )
    max_tokens: int = option(
        0, "Reply tokens allowed; 0 for the task's. Models that think need thousands.", ge=0, le=1_000_000
    )
    max_tokens_field: Literal["auto", "max_tokens", "max_completion_tokens"] = option(
        "auto", "What the endpoint calls that limit.", affects_answer=False
    )
    detail: Literal["low", "high", "auto"] | None = option(
        None, "How closely pictures are looked at, where the endpoint offers it."
    )
    reasoning_effort: str | None = option(None, "How long the model thinks, where the endpoint offers it.")
    omit: list[str] = option(
        [], "Fields left out for models that refuse them, such as temperature,top_p,seed."
    )
    price_cached: float | None = option(
        None, "Price of a million prompt tokens from the provider's cache.", affects_answer=False, ge=0.0
    )

    @field_validator("omit", mode="before")
    @classmethod
    def _fields(cls, value: object) -> object:
        """Accept `temperature,seed` as well as a list."""
        return [v.strip() for v in value.split(",") if v.strip()] if isinstance(value, str) else value

    @field_validator("extra_body", mode="after")
    @classmethod
    def _no_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_extra(value, _OURS, "The judge fills that in itself.")
        return value

    @field_validator("ref")
    @classmethod
    def _named(cls, value: str) -> str:
        return model_name(value, "openai", "gpt-4o")
