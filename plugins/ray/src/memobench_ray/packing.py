"""What travels between driver and actors: requests, replies, errors, as bytes."""

from __future__ import annotations

import dataclasses
import importlib
import io
import pickle
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from harness import HarnessError, ImageReply, JudgeReply, PluginError, ReplyError

_PNG_MODES = frozenset({"1", "L", "RGB", "RGBA"})
"""Modes that come back from a PNG as they were."""


def pack(value: Any) -> bytes:
    """Bytes of requests or of events. Raises whatever pickling raises."""
    return pickle.dumps(value, protocol=5)


def unpack(data: bytes) -> Any:
    """What was packed in a process of the same run."""
    return pickle.loads(data)  # noqa: S301  Ray itself unpickles all that it brings


@dataclasses.dataclass(frozen=True)
class Encoded:
    """An image of a generator on its way."""

    png: bytes


def sendable(reply: Any) -> Any:
    """A reply that can be packed: its image as a PNG, or an error where it holds what cannot travel."""
    try:
        if isinstance(reply, ImageReply) and isinstance(reply.image, Image.Image):
            reply = dataclasses.replace(reply, image=_encoded(reply.image))
        pack(reply)
    except Exception as e:
        problem = ReplyError(
            "invalid_reply", f"the reply cannot leave its process: {type(e).__name__}: {e}", False
        )
        return failed(reply, str(getattr(reply, "id", "")), problem)
    return reply


def received(reply: Any) -> Any:
    """A reply as the component gave it."""
    if isinstance(reply, ImageReply) and isinstance(reply.image, Encoded):
        return dataclasses.replace(reply, image=Image.open(io.BytesIO(reply.image.png)))
    return reply


def failed(like: Any, id_: str, error: ReplyError) -> Any:
    """The reply to a request that failed; `like` is an image request or reply, or one of a judge."""
    if type(like).__name__.startswith("Image"):
        return ImageReply(id_, outcome="error", error=error)
    return JudgeReply(id_, error=error)


def _encoded(image: Image.Image) -> Any:
    if image.mode not in _PNG_MODES:
        return image
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Encoded(buffer.getvalue())


@dataclasses.dataclass(frozen=True)
class PackedError:
    """What a component raised in an actor."""

    module: str
    name: str
    message: str
    hint: str = ""
    place: str = ""
    missing: str = ""
    """The module that was not found."""


def pack_error(error: BaseException) -> PackedError:
    """An error as data: unpickling exceptions runs constructors with what may be other arguments."""
    cls = type(error)
    try:
        message = str(error)
    except Exception:
        message = ""
    if isinstance(error, HarnessError):
        return PackedError(cls.__module__, cls.__qualname__, error.message, error.hint)
    missing = (error.name or "?") if isinstance(error, ModuleNotFoundError) else ""
    return PackedError(cls.__module__, cls.__qualname__, message, "", _place(error), missing)


def _place(error: BaseException) -> str:
    """The first function of the component that an error passed through, with its line."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module not in ("harness", "memobench_ray"):
            owner = frame.f_locals.get("self")
            name = frame.f_code.co_name if owner is None else f"{type(owner).__name__}.{frame.f_code.co_name}"
            return f"in {name}, {Path(frame.f_code.co_filename).name} line {line}"
    return ""


def unpack_error(packed: PackedError) -> BaseException:
    """The error, of the same class where that is one of the harness, otherwise of one with the same name."""
    cls = _harness_class(packed)
    if cls is not None:
        error = cls.__new__(cls)
        HarnessError.__init__(error, packed.message, packed.hint)
        return error
    kind = type(packed.name.rpartition(".")[2], (RuntimeError,), {"memobench_place": packed.place})
    raised: BaseException = kind(packed.message)
    return raised


def _harness_class(packed: PackedError) -> type[HarnessError] | None:
    try:
        cls: Any = importlib.import_module(packed.module)
        for part in packed.name.split("."):
            cls = getattr(cls, part)
    except (ImportError, AttributeError):
        return PluginError if packed.hint else None
    return cls if isinstance(cls, type) and issubclass(cls, HarnessError) else None


def requests_size(requests: Sequence[Any]) -> int:
    """About how many bytes requests hold: their pictures, each once."""
    seen: dict[int, int] = {}
    for request in requests:
        for picture in getattr(request, "images", ()):
            if picture.data is not None:
                seen[id(picture.data)] = len(picture.data)
    return sum(seen.values())
