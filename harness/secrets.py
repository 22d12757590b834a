"""Keys and passwords where they do not belong: found by how they are named and how they look, and never shown or stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
HINT = "Pass a key by the name of an environment variable, such as -o api_key_env=NAME, and replace one that was typed here."
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET = frozenset(
    {"key", "apikey", "token", "secret", "secrets", "password", "passwd", "passphrase", "pwd", "credential",
     "credentials", "auth", "authorization", "bearer", "cookie", "signature", "jwt"}
)  # fmt: skip
_ENDINGS = ("token", "apikey", "accesskey", "secretkey", "privatekey", "secret", "password", "credentials")
_HARMLESS = frozenset({"prompt_cache_key", "cache_key"})
_KEY = re.compile(
    r"\b(?:sk-|pk-|rk-|hf_|gh[pousr]_|github_pat_|glpat-|xai-|gsk_|nvapi-|r8_|xox[abprs]-|AKIA|AIza)[A-Za-z0-9_-]{8,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{5,}[\w.-]*|(?i:\bbearer)[ +][^\s\"',}\]]{3,}|\bBasic [A-Za-z0-9+/]{8,}=*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""Keys of services, by how they begin, and headers that hold one: wherever they stand."""
_MARKUP = re.compile(r"<[^<>]*>|\[[A-Z_]*\]|")
"""Tokens of a vocabulary, which are no secrets: `<image>`, `[PAD]`."""
_DEEPEST = 40


def names_secret(name: str) -> bool:
    """Whether an option or field of this name holds a secret; not the name of a variable (`api_key_env`)."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] == "env" or name.lower() in _HARMLESS:
        return False
    return bool(_SECRET.intersection(words)) or words[-1].endswith(_ENDINGS)


def looks_like_key(text: str) -> bool:
    """Whether a text holds what looks like the key of a service."""
    return _KEY.search(text) is not None


def hide_keys(text: str) -> str:
    """The text with `***` for all that looks like a key."""
    return _KEY.sub(HIDDEN, text)


def secret_in(value: Any, name: str = "", depth: int = 0, *, named: bool = False) -> str:
    """Where a value holds a secret, such as `extra_body.auth.token`; "" where it holds none.

    A text, or a text within, is one if it stands under a name of a secret or looks like a key.
    """
    if isinstance(value, str):
        return name or "it" if looks_like_key(value) or (named and not _MARKUP.fullmatch(value)) else ""
    if depth > _DEEPEST:
        return ""
    if isinstance(value, Mapping):
        entries = [(str(key), inner) for key, inner in value.items()]
        keyed = next((key for key, _ in entries if looks_like_key(key)), None)
        if keyed is not None:
            return name or "it"
    elif isinstance(value, (list, tuple)):
        entries = [("", inner) for inner in value]
    else:
        return ""
    for key, inner in entries:
        path = f"{name}.{key}".strip(".") if key else name
        found = secret_in(inner, path, depth + 1, named=named or names_secret(key))
        if found:
            return found
    return ""


def shown(value: object, limit: int = 80) -> str:
    """A value in a message: nothing of one that may hold a secret or is long."""
    if isinstance(value, (str, Mapping, list, tuple)) and secret_in(value):
        return HIDDEN
    text = repr(value)
    return text if len(text) <= limit else f"{type(value).__name__} of {len(text)} characters"
