"""The address of an OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import ClassVar

from harness import BadOption
from harness.remote import Address as RemoteAddress


class Address(RemoteAddress):
    """The base URL of an endpoint, also where the URL of one of its functions is given."""

    endings: ClassVar[tuple[str, ...]] = ("/chat/completions", "/images/generations")
    others: tuple[Address, ...] = ()
    """Further servers of the same model."""

    @property
    def all(self) -> tuple[Address, ...]:
        """This server and the others."""
        return (self, *self.others)

    @property
    def root(self) -> str:
        """The URL of the server without the version at the end of the path."""
        return str(self).removesuffix("/v1")


def addresses_of(text: str) -> Address:
    """The first of the addresses in a text, separated by commas, with the others as its attribute. Raises `BadOption`."""
    if isinstance(text, Address):
        return text
    found = [Address(part) for part in text.split(",")] if "," in text else [Address(text)]
    twice = [address for address in found if found.count(address) > 1]
    if twice:
        raise BadOption(f"base_url names {twice[0]} twice.", "Name each server once.")
    found[0].others = tuple(found[1:])
    return found[0]
