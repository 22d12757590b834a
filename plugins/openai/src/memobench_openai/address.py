"""The address of an OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import ClassVar

from harness.remote import Address as RemoteAddress


class Address(RemoteAddress):
    """The base URL of an endpoint, also where the URL of one of its functions is given."""

    endings: ClassVar[tuple[str, ...]] = ("/chat/completions", "/images/generations")

    @property
    def root(self) -> str:
        """The URL of the server without the version at the end of the path."""
        return str(self).removesuffix("/v1")
