"""Which endpoints get a key, and options that must not contain one."""

from __future__ import annotations

import os
import re
from typing import Any

from harness import BadOption
from harness.remote import holds_key, read_key
from memobench_openai.address import Address

DEFAULT_ENV = "OPENAI_API_KEY"
BASE_URL_ENV = "OPENAI_BASE_URL"
_KEY_NAME = re.compile(
    r"(?i)(.*[-_])?(api[-_]?key|auth|authorization|bearer|passw(or)?d|secret|credentials?|cookie|(access|auth|id)?[-_]?token)"
)


def check_no_keys(value: Any, where: str) -> None:
    """Reject keys in an option that is stored with the run. Raises `BadOption`, without the value."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in entries:
        # A token of the vocabulary, such as "<image>", is none; nor are their numbers.
        named = (
            _KEY_NAME.fullmatch(str(name)) and not isinstance(inner, (int, float)) and str(inner)[:1] != "<"
        )
        if named or (isinstance(inner, str) and holds_key(inner)):
            raise BadOption(
                f"{where} contains what looks like a key, which would be stored with the run.",
                "Pass keys by environment variable: -o api_key_env=NAME.",
            )
        check_no_keys(inner, where)


def find_key(address: Address, env: str, *, named: bool, needed: bool) -> str:
    """The key for an endpoint; "" if there is none and none is needed.

    `named`: the user chose the variable. The default variable is meant for OpenAI: servers on this machine and the one
    in OPENAI_BASE_URL get it too, other hosts do not. Raises `RequestError` if a required key is missing or malformed.
    """
    hosts = ("openai.com", "openai.azure.com")
    allowed = named or address.local or address.host.endswith(hosts) or is_default_endpoint(address)
    return read_key(env if allowed else "", str(address), needed=needed or (named and bool(env)))


def is_default_endpoint(address: Address) -> bool:
    """Whether OPENAI_BASE_URL names this endpoint: key and URL in the environment belong together."""
    try:
        return Address(os.environ.get(BASE_URL_ENV, "")) == address
    except BadOption:
        return False
