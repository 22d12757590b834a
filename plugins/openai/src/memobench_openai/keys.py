"""API keys: read from the environment and never shown. `Secrets` redacts all text before output."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from harness import BadOption, RequestError
from memobench_openai.address import Address

DEFAULT_ENV = "OPENAI_API_KEY"
BASE_URL_ENV = "OPENAI_BASE_URL"
_HIDDEN = "[hidden]"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_START = re.compile(r"(sk|pk|rk|hf|gsk|xai|r8|nvapi|key|AIza|AKIA|eyJ)([-_]|(?<=AIza|AKIA)|(?<=eyJ))")
_KEY_NAME = re.compile(
    r"(?i)(.*[-_])?(api[-_]?key|auth|authorization|bearer|passw(or)?d|secret|credentials?|cookie|(access|auth|id)?[-_]?token)"
)
_KEY_TEXT = re.compile(
    r"\b(?:sk|gsk|xai|hf|nvapi)[-_][A-Za-z0-9_*.-]{8,}|\bAIza[A-Za-z0-9_*-]{8,}|(?i:bearer) \S+"
)
_MIN_SECRET = 3
"""Shorter secrets protect nothing, and hiding them would mangle ordinary text."""
_MIN_HIDDEN_IN_DATA = 8
"""Shorter secrets ("EMPTY", "ollama") may be words of an answer; they are hidden in error messages only."""


def check_key_name(name: str) -> str:
    """Validate the name of an environment variable. Raises `BadOption`, without the value, if it looks like a key."""
    if not name or (_NAME.fullmatch(name) and (name in os.environ or not looks_like_key(name))):
        return name
    raise BadOption(
        "api_key_env takes the name of an environment variable, but the value looks like a key.",
        f"Store the key in a variable and pass its name: export {DEFAULT_ENV}=..., then -o api_key_env={DEFAULT_ENV}. "
        "A key typed on the command line stays in the shell history, so replace it.",
    )


def looks_like_key(text: str) -> bool:
    """Whether a text is more likely a key than a variable name."""
    if _KEY_START.match(text) or not _NAME.fullmatch(text):
        return True
    # Names consist of words; a long mix of letters and digits is not a word.
    word = max(text.split("_"), key=len)
    return len(word) >= 16 and (sum(map(str.isdigit, word)) >= 4 or word not in (word.upper(), word.lower()))


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
        if named or (isinstance(inner, str) and (_KEY_START.match(inner) or _KEY_TEXT.search(inner))):
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
    if not env or not allowed:
        if needed:
            raise RequestError(
                f"{address} needs a key.",
                "Store the key in an environment variable and pass its name: -o api_key_env=NAME.",
            )
        return ""
    key = os.environ.get(env, "").strip()
    if not key and (needed or named):
        raise RequestError(
            f"The environment variable {env}, which should contain the key for {address}, is not set.",
            f"export {env}=..., or name a different variable: -o api_key_env=NAME.",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RequestError(
            f"The environment variable {env} contains characters that are not valid in a key.",
            "Set it again; it may contain a line break or a space.",
        )
    return key


def is_default_endpoint(address: Address) -> bool:
    """Whether OPENAI_BASE_URL names this endpoint: key and URL in the environment belong together."""
    try:
        return Address(os.environ.get(BASE_URL_ENV, "")) == address
    except BadOption:
        return False


class Secrets:
    """Secret texts, in all forms in which a server may send them back."""

    def __init__(self, values: Iterable[str]) -> None:
        """Empty and very short `values` are ignored."""
        known = [v for v in values if len(v) >= _MIN_SECRET]
        forms = {
            form for v in known for form in (v, quote(v, safe=""), base64.b64encode(v.encode()).decode())
        }
        self._all = sorted(forms, key=len, reverse=True)
        self._long = [form for form in self._all if len(form) >= _MIN_HIDDEN_IN_DATA]

    def __repr__(self) -> str:
        return "Secrets()"

    def hide(self, text: str) -> str:
        """Replace every secret in a message, and anything else that looks like a key."""
        return _KEY_TEXT.sub(_HIDDEN, _replace(text, self._all))

    def hide_in(self, value: Any) -> Any:
        """Replace every secret in all strings of a JSON value."""
        if isinstance(value, str):
            return _replace(value, self._long)
        if isinstance(value, list):
            return [self.hide_in(v) for v in value]
        if isinstance(value, dict):
            return {_replace(k, self._long): self.hide_in(v) for k, v in value.items()}
        return value


def _replace(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, _HIDDEN)
    return text
