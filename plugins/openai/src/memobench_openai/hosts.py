"""Where a host is: on this machine, in a private network, or elsewhere."""

from __future__ import annotations

import ipaddress
import socket
import threading

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

    def look_up() -> None:
        try:
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, None))
        except (OSError, UnicodeError):
            return

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_LOOKUP_SECONDS)
    return not thread.is_alive() and bool(found) and all(map(is_private, found))
