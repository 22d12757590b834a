"""Which proxy, if any, requests to an endpoint go through: never one on the way to a local server, unless asked for."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from memobench_openai.hosts import is_private, resolves_to_private

ProxyMode = Literal["auto", "env", "none"]
DIRECT = "-o proxy=none connects directly."


@dataclass(frozen=True)
class Proxy:
    """A proxy that the environment names."""

    url: str
    """With user and password. Use it only to connect."""
    variable: str
    """The environment variable that names it; "" for a setting of the operating system."""

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return f"the proxy {shown} (set by {self.variable or 'the operating system'})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """User and password, which must not be shown."""
        parts = urlsplit(self.url)
        return tuple(unquote(part) for part in (parts.username, parts.password) if part)


def find_proxy(scheme: str, host: str, mode: ProxyMode, *, look_up: bool = True) -> Proxy | None:
    """The proxy for a host; None to connect directly.

    `mode`: "env" follows the environment, "none" uses no proxy, and "auto" follows the environment except for loopback
    and private addresses. `look_up`: whether the host's name may be looked up to see whether its address is private.
    """
    if mode == "none" or (mode == "auto" and is_private(host)):
        return None
    proxy = _from_environment(scheme, host)
    if proxy is not None and mode == "auto" and look_up and resolves_to_private(host):
        return None
    return proxy


def _from_environment(scheme: str, host: str) -> Proxy | None:
    known = getproxies()
    kind = next((kind for kind in (scheme, "all") if known.get(kind)), None)
    if kind is None or proxy_bypass(host):
        return None
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    variable = next((name for name in names if os.environ.get(name)), "")
    url = known[kind]
    return Proxy(url if "://" in url else f"http://{url}", variable)


def client_settings(proxy: Proxy | None) -> Mapping[str, Any]:
    """Arguments of an HTTP client that uses this proxy and no other, whatever the environment says.

    Raises `ValueError` for a proxy whose URL is invalid, and `OSError` for certificates that cannot be read.
    """
    if proxy is not None:
        _ = urlsplit(proxy.url).port  # raises for one that is out of range
        return {"proxy": proxy.url}
    settings: dict[str, Any] = {"trust_env": False}
    # The client would ignore the certificates that the environment names, too.
    if file := os.environ.get("SSL_CERT_FILE"):
        settings["verify"] = ssl.create_default_context(cafile=file)
    elif folder := os.environ.get("SSL_CERT_DIR"):
        settings["verify"] = ssl.create_default_context(capath=folder)
    return settings
