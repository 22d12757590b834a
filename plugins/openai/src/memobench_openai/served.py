"""What an endpoint says it serves, for the record of each reply: a name may stand for another model tomorrow."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from harness.remote import RemoteError

if TYPE_CHECKING:
    from memobench_openai.transport import Transport


EVERY = 30.0
"""Seconds after which the list of models is asked again, in case the server was replaced unnoticed."""
WAIT = 10.0
"""Seconds that the list of models may take: no reply waits longer for it."""
LONGEST = 200
"""Characters of a stored value."""
_ENTRY = ("id", "root", "parent", "owned_by", "max_model_len")
"""What identifies the weights. Not `created` and `permission`: vLLM makes them anew at each request."""
_META = ("n_params", "size")
"""The same of llama.cpp."""
_REPORTED = ("model", "system_fingerprint")


class ServedModel:
    """The record of what one model name of one endpoint stands for, renewed where the server may be another one.

    The list of models (`GET /models`) is asked at the first reply, after an attempt that broke off or failed in the server,
    when a reply names another model or fingerprint, and every `EVERY` seconds. No error of it is ever one of the run.
    """

    def __init__(
        self,
        transport: Transport,
        model: str,
        fingerprint: Literal["use", "ignore"] = "use",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport, self._model, self._clock = transport, model, clock
        self._fields = _REPORTED if fingerprint == "use" else _REPORTED[:1]
        self._entry: dict[str, str] = {}
        self._asked: float | None = None
        self._disturbances = 0
        self._reported: set[tuple[str, ...]] = set()
        self._listed = True
        """Whether the server may have a list of models."""
        self._lock = asyncio.Lock()

    async def record(self, body: Mapping[str, Any]) -> dict[str, str]:
        """What was served for a reply with this body: at most 9 texts. Raises nothing but cancellation."""
        reported = {name: text for name, text in reported_model(body).items() if name in self._fields}
        if self._stale(tuple(reported.values())):
            async with self._lock:
                # Whoever waited for the lock finds that another reply has asked.
                if self._stale(tuple(reported.values())):
                    await self._ask(reported)
        return reported | self._entry

    def _stale(self, reported: tuple[str, ...]) -> bool:
        if not self._listed:
            return False
        return (
            self._asked is None
            or self._disturbances != self._transport.disturbances
            or reported not in self._reported
            or self._clock() - self._asked >= EVERY
        )

    async def _ask(self, reported: Mapping[str, str]) -> None:
        disturbances = self._transport.disturbances
        if len(self._reported) < 1000:  # a fingerprint that is always new must not fill the memory
            self._reported.add(tuple(reported.values()))
        try:
            listed = await asyncio.wait_for(self._transport.get("/models", redirects=False), WAIT)
        except (TimeoutError, RemoteError) as e:
            # Its own failure is no reason to ask again before the time.
            disturbances = self._transport.disturbances
            self._entry = {}
            self._listed = not isinstance(e, RemoteError) or e.retryable
        else:
            self._entry = _stable(_entry(listed.get("data"), reported.get("model", ""), self._model))
            self._listed = isinstance(listed.get("data"), list)
        self._disturbances, self._asked = disturbances, self._clock()


def reported_model(body: Mapping[str, Any]) -> dict[str, str]:
    """Model and fingerprint as a reply reports them."""
    return {name: _text(body[name]) for name in _REPORTED if body.get(name)}


def _entry(data: object, reported: str, requested: str) -> Mapping[str, Any]:
    """The entry of the model that replies; a server's only one, whatever its name. Empty if none is known."""
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    for name in (reported, requested):
        for entry in entries:
            if name and entry.get("id") == name:
                return entry
    return entries[0] if len(entries) == 1 else {}


def _stable(entry: Mapping[str, Any]) -> dict[str, str]:
    """The part of an entry that is the same as long as the weights are."""
    found = {name: entry[name] for name in _ENTRY if _is_plain(entry.get(name))}
    meta = entry.get("meta")
    if isinstance(meta, Mapping):
        found |= {f"meta.{name}": meta[name] for name in _META if _is_plain(meta.get(name))}
    return {name: _text(value) for name, value in found.items()}


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) and value != ""


def _text(value: object) -> str:
    """A value as a bounded text; one that is cut still differs from others that begin alike."""
    text = str(value)
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 33] + "~" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
