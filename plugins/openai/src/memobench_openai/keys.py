"""Keys: read from the environment, never shown. Texts pass through `Secrets` before anybody sees them."""

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
_HIDDEN = "[hidden]"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_START = re.compile(r"(sk|pk|rk|hf|gsk|xai|r8|nvapi|key|AIza|AKIA|eyJ)([-_]|(?<=AIza|AKIA)|(?<=eyJ))")
_KEY_NAME = re.compile(
    r"(?i)(.*[-_])?(api[-_]?key|authorization|bearer|password|passwd|secret|access[-_]?token)"
)
_KEY_TEXT = re.compile(
    r"\b(?:sk|gsk|xai|hf|nvapi)[-_][A-Za-z0-9_*.-]{8,}|\bAIza[A-Za-z0-9_*-]{8,}|(?i:bearer) \S+"
)
_NO_SECRET = 3
"""Anything shorter would blot out letters everywhere, and protects nothing."""
_SHORTEST = 8
"""Shorter secrets ("EMPTY", "ollama") may be words of an answer, and are hidden in messages of errors only."""


def check_key_name(name: str) -> str:
    """The name of an environment variable. Raises `BadOption`, without the value, for what is rather a key."""
    if not name or (_NAME.fullmatch(name) and (name in os.environ or not looks_like_key(name))):
        return name
    raise BadOption(
        "api_key_env takes the name of an environment variable, and what was given looks like a key.",
        f"Put the key into a variable and name that: export {DEFAULT_ENV}=..., then -o api_key_env={DEFAULT_ENV}. "
        "A key typed into a command stays in the shell's history: better replace it.",
    )


def looks_like_key(text: str) -> bool:
    """Whether a text is more likely a key than a name."""
    if _KEY_START.match(text) or not _NAME.fullmatch(text):
        return True
    # Names are made of words; one long mixture of letters and digits is no word.
    word = max(text.split("_"), key=len)
    return len(word) >= 16 and (sum(map(str.isdigit, word)) >= 4 or word not in (word.upper(), word.lower()))


def check_no_keys(value: Any, where: str) -> None:
    """Refuse keys in an option that is stored with the run. Raises `BadOption`, without the value."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in entries:
        if _KEY_NAME.fullmatch(str(name)) or (isinstance(inner, str) and _KEY_START.match(inner)):
            raise BadOption(
                f"{where} holds what looks like a key, and it would be stored with the run.",
                "Keys are named by environment variable: -o api_key_env=NAME.",
            )
        check_no_keys(inner, where)


def find_key(address: Address, env: str, *, named: bool, needed: bool) -> str:
    """The key for an endpoint; "" where there is none and none is needed.

    `named`: the user chose the variable. The default one is meant for OpenAI: other hosts on the net do not get it
    unasked, servers on this machine do. Raises `RequestError` where a key is missing or cannot be one.
    """
    meant = named or address.local or address.host.endswith(("openai.com", "openai.azure.com"))
    if not env or not meant:
        if needed:
            raise RequestError(
                f"{address} needs a key.",
                "Put it into an environment variable and name that: -o api_key_env=NAME.",
            )
        return ""
    key = os.environ.get(env, "").strip()
    if not key and (needed or named):
        raise RequestError(
            f"The environment variable {env}, which should hold the key for {address}, is not set.",
            f"export {env}=..., or name another variable: -o api_key_env=NAME.",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RequestError(
            f"The environment variable {env} holds characters that no key has.",
            "Set it anew: a line break or a quotation mark may have slipped in.",
        )
    return key


class Secrets:
    """Texts that must not be seen, in the forms in which they may come back."""

    def __init__(self, values: Iterable[str]) -> None:
        """`values` may hold empty texts, which are no secrets."""
        known = [v for v in values if len(v) >= _NO_SECRET]
        forms = {
            form for v in known for form in (v, quote(v, safe=""), base64.b64encode(v.encode()).decode())
        }
        self._all = sorted(forms, key=len, reverse=True)
        self._long = [form for form in self._all if len(form) >= _SHORTEST]

    def __repr__(self) -> str:
        return "Secrets()"

    def hide(self, text: str) -> str:
        """A message with every secret replaced, and whatever else looks like a key."""
        return _KEY_TEXT.sub(_HIDDEN, _replace(text, self._all))

    def hide_in(self, value: Any) -> Any:
        """A JSON value from a server, with every secret replaced in all of its texts."""
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
