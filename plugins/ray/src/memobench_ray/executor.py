"""The executor `ray`: the component runs in actors, each with its own engine."""

from __future__ import annotations

import copy
import os
import socket
from collections.abc import Iterator
from typing import Any

from harness import Executor, RequestError, RequestSource, Work, __version__
from memobench_ray.options import RayOptions


class RayExecutor(Executor):
    """Runs a judge or generator in several processes on Ray, on this machine or on a cluster.

    Replies arrive one by one, in any order. A process that dies is replaced, and what it had in hand is asked again.
    """

    sends_files = True

    class Options(RayOptions):
        """The options."""

    def run(self, work: Work, requests: RequestSource[Any]) -> Iterator[Any]:
        """The replies of all actors, as they arrive."""
        from memobench_ray.cluster import connected
        from memobench_ray.driver import Driver

        with connected(self.options) as ray:
            driver = Driver(work, ray, self.options, _what(work), _settings(work))
            hurry = True
            try:
                yield from driver.replies(requests)
                hurry = False
            finally:
                driver.close(hurry=hurry)


def _what(work: Work) -> str:
    """`judge 'fer'`"""
    if work.specification is None:
        return f"component {type(work.component).__name__!r}"
    return f"{work.specification.kind} {work.specification.name.partition('/')[2]!r}"


def _settings(work: Work) -> dict[str, Any]:
    """What an actor needs to make the component. Raises `RequestError` for an object that cannot be sent."""
    made = work.specification is None
    return {
        "version": __version__,
        "host": socket.gethostname(),
        "folder": os.getcwd(),
        "what": _what(work),
        "progress": hasattr(work.component, "progress"),
        "specification": work.specification,
        "component": _pickled(work.component) if made else None,
        "identity": None if made else _identity(work.component),
    }


def _identity(component: Any) -> dict[str, str] | None:
    try:
        return dict(component.identity())
    except Exception:  # it is the component's code; the run has asked it already
        return None


def _pickled(component: Any) -> bytes:
    from ray import cloudpickle

    try:
        sent = copy.copy(component)
        if getattr(sent, "progress", None) is not None:
            sent.progress = None  # It leads to the driver's terminal.
        data: bytes = cloudpickle.dumps(sent)  # type: ignore[no-untyped-call]
    except Exception as e:
        raise RequestError(
            f"{type(component).__name__} was made in Python and cannot be sent to another process: "
            f"{type(e).__name__}: {str(e)[:200]}.",
            "Register it as a plugin, open files and models in open(), or use the executor 'local'.",
        ) from e
    return data
