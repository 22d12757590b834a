"""Where a host is: on this machine, in a private network, or elsewhere."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from typing import Literal, cast

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # "any address", which connects to this machine
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "100.64.0.0/10",  # shared by carriers and overlay networks
            "::/127",  # unspecified and loopback
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
_PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet")
"""Endings of names that no public name server knows."""
_LOOKUP_SECONDS = 2.0

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LINK_LOCAL = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")))
"""Among them the addresses at which clouds give credentials to their machines."""
_LOOPBACK = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "0.0.0.0/8", "::/127")))
_NOT_PUBLIC = (
    *_PRIVATE,
    *map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "100::/64",
            "64:ff9b:1::/48",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
            "fec0::/10",
            "ff00::/8",
        ),
    ),
)
"""All that is no host of the internet, whatever the version of Python knows of it."""
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def parse_ip(host: str) -> IPAddress | None:
    """The IP address that a host is given as, in any notation that a connection accepts; None for a name."""
    text = host.partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if not text[:1].isdigit():
            return None
        try:
            # Short, octal and hexadecimal forms: 127.1, 0x7f000001.
            return ipaddress.IPv4Address(socket.inet_aton(text))
        except OSError:
            return None
    return getattr(address, "ipv4_mapped", None) or address


def inner_addresses(address: IPAddress) -> tuple[IPAddress, ...]:
    """An address, and the IPv4 addresses that it leads to: mapped, translated, or through a tunnel."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    teredo = address.teredo or ()
    inner = [found for found in (address.ipv4_mapped, address.sixtofour, *teredo) if found is not None]
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    # A mapped address is the other one; all others are themselves reached, too.
    return tuple(inner) if address.ipv4_mapped is not None else (address, *inner)


Reach = Literal["public", "private", "loopback", "link-local"]


def reach_of(address: IPAddress) -> Reach:
    """How far away a host with this address is. What is no single host, such as a group, counts as private."""
    found = inner_addresses(address)
    for networks, reach in ((_LINK_LOCAL, "link-local"), (_LOOPBACK, "loopback"), (_NOT_PUBLIC, "private")):
        if any(part in network for part in found for network in networks if part.version == network.version):
            return cast("Reach", reach)
    return "public"


async def look_up(host: str, port: int) -> list[IPAddress]:
    """The addresses of a host, whatever the notation of one that is an address. Raises `OSError` or `UnicodeError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return [ipaddress.ip_address(text) for text in texts]


def is_private(host: str) -> bool:
    """Whether a host is this machine or in a private network, as far as its name or address says."""
    address = parse_ip(host)
    if address is not None:
        return any(address in network for network in _PRIVATE)
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(_PRIVATE_ENDINGS)


def resolves_to_private(host: str) -> bool:
    """Whether the name lookup of a host gives private addresses only. Takes two seconds at most."""
    found: list[str] = []

    def ask() -> None:
        try:
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, None))
        except (OSError, UnicodeError):
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_LOOKUP_SECONDS)
    return not thread.is_alive() and bool(found) and all(map(is_private, found))
