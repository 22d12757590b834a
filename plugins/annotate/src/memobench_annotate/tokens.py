"""Links and cookies: random, and stored as hashes alone."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """A random text for a link or a cookie, 128 bits."""
    return secrets.token_urlsafe(16)


def hashed(token: str) -> str:
    """What is stored of a token. It is random, so that it needs neither salt nor a slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_code() -> str:
    """A completion code: twelve letters and digits that cannot be confused."""
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(12))
