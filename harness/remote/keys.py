"""API keys: read from the environment and never shown. `Secrets` redacts all text before output."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from harness.errors import BadOption, RequestError
from harness.secrets import hide_keys

_HIDDEN = "[hidden]"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_START = re.compile(r"(sk|pk|rk|hf|gsk|xai|r8|nvapi|key|AIza|AKIA|eyJ)([-_]|(?<=AIza|AKIA)|(?<=eyJ))")
_KEY_TEXT = re.compile(
    r"\b(?:sk|gsk|xai|hf|nvapi)[-_][A-Za-z0-9_*.-]{8,}|\bAIza[A-Za-z0-9_*-]{8,}|(?i:bearer) \S+"
)
_MIN_SECRET = 3
"""Shorter secrets protect nothing, and hiding them would mangle ordinary text."""
_MIN_HIDDEN_IN_DATA = 8
"""Shorter secrets ("EMPTY", "ollama") may be words of an answer; they are hidden in error messages only."""


def check_key_name(name: str, example: str = "MY_KEY") -> str:
    """Validate the name of an environment variable. Raises `BadOption`, without the value, if it looks like a key."""
    if not name or (_NAME.fullmatch(name) and (name in os.environ or not looks_like_key(name))):
        return name
    raise BadOption(
        "api_key_env takes the name of an environment variable, but the value looks like a key.",
        f"Store the key in a variable and pass its name: export {example}=..., then -o api_key_env={example}. "
        "A key typed on the command line stays in the shell history, so replace it.",
    )


def looks_like_key(text: str) -> bool:
    """Whether a text is more likely a key than a variable name."""
    if _KEY_START.match(text) or not _NAME.fullmatch(text):
        return True
    # Names consist of words; a long mix of letters and digits is not a word.
    word = max(text.split("_"), key=len)
    return len(word) >= 16 and (sum(map(str.isdigit, word)) >= 4 or word not in (word.upper(), word.lower()))


def holds_key(text: str) -> bool:
    """Whether a value begins like a key, or a key stands in it."""
    return _KEY_START.match(text) is not None or _KEY_TEXT.search(text) is not None


def read_key(env: str, service: str, *, needed: bool = True) -> str:
    """The key in the environment variable `env`, for `service`; "" if there is none and none is `needed`.

    Raises `RequestError` if it is missing or cannot be a key.
    """
    if not env:
        if needed:
            raise RequestError(
                f"{service} needs a key.",
                "Store the key in an environment variable and pass its name: -o api_key_env=NAME.",
            )
        return ""
    key = os.environ.get(env, "").strip()
    if not key and needed:
        raise RequestError(
            f"The environment variable {env}, which should contain the key for {service}, is not set.",
            f"export {env}=..., or name a different variable: -o api_key_env=NAME.",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RequestError(
            f"The environment variable {env} contains characters that are not valid in a key.",
            "Set it again; it may contain a line break or a space.",
        )
    return key


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
        return hide_keys(_KEY_TEXT.sub(_HIDDEN, _replace(text, self._all)))

    def within(self, text: str) -> bool:
        """Whether a text holds a secret, or anything else that looks like a key."""
        return self.hide(text) != text

    def hide_in(self, value: Any) -> Any:
        """Replace every secret in all strings of a JSON value."""
        if isinstance(value, str):
            return _replace(value, self._long)
        if isinstance(value, (list, tuple)):
            return [self.hide_in(v) for v in value]
        if isinstance(value, Mapping):
            return {
                (_replace(k, self._long) if isinstance(k, str) else k): self.hide_in(v)
                for k, v in value.items()
            }
        return value


def _replace(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, _HIDDEN)
    return text
