"""Options of every judge or generator behind a web service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import field_validator, model_validator

from harness.components.options import HarnessOptions, option
from harness.errors import BadOption
from harness.remote.keys import check_key_name

if TYPE_CHECKING:
    from typing_extensions import Self


class RemoteOptions(HarnessOptions):
    """How a service is asked and what it charges. None of it changes answers, and none of it is the service itself.

    A component derives its `Options` from this class, adds its own, such as the model's name, and may give these other
    defaults: at least `api_key_env`, if the service needs a key.
    """

    api_key_env: str = option(
        "", "Name of the environment variable with the key; empty for none.", affects_answer=False
    )
    concurrency: int = option(
        16, "Maximum number of requests in flight.", affects_answer=False, ge=1, le=1024
    )
    timeout: float = option(
        120.0, "Timeout of one attempt in seconds.", affects_answer=False, gt=0.0, le=3600.0
    )
    wait: float = option(
        600.0,
        "Seconds to wait for a server that says it is still loading (503).",
        affects_answer=False,
        ge=0.0,
        le=86_400.0,
    )
    max_retries: int = option(
        6,
        "How often a request is retried after a transient failure.",
        affects_answer=False,
        ge=0,
        le=100,
    )
    price_input: float | None = option(
        None, "Price per million prompt tokens; enables cost tracking.", affects_answer=False, ge=0.0
    )
    price_output: float | None = option(
        None, "Price per million reply tokens, including those of pictures.", affects_answer=False, ge=0.0
    )

    @model_validator(mode="after")
    def _both_prices(self) -> Self:
        if (self.price_input is None) != (self.price_output is None):
            # Not a ValueError: pydantic would show all input values, including a URL with its password.
            raise BadOption("price_input and price_output must be set together.", "Give both or neither.")
        return self

    @field_validator("api_key_env")
    @classmethod
    def _key_name(cls, value: str) -> str:
        default = cls.model_fields["api_key_env"].default
        return check_key_name(value, default or "MY_KEY")
