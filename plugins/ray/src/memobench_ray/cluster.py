"""Connects to a cluster, or starts Ray on this machine, and says how many actors fit."""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from harness import MissingPackage, PluginError, RequestError
from memobench_ray import reaper as reaping
from memobench_ray.options import RayOptions

ANSWER = 10.0
"""Seconds that an address has to answer."""
STORE = 512 * 2**20
"""Bytes of Ray's object store on this machine: pictures on their way, which are few."""
_OFF = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}
_HINT = (
    "Give HOST:PORT of the cluster's head (usually port 6379), or `auto` on one of its nodes; "
    "leave it out to start Ray on this machine."
)


@contextlib.contextmanager
def connected(options: RayOptions) -> Iterator[Any]:
    """The module `ray`, connected. What was started here is ended here; a connection of the caller is used and kept."""
    try:
        with _environment():
            import ray

            worker: Any = importlib.import_module("ray._private.worker")
    except ModuleNotFoundError as e:
        raise MissingPackage("The executor 'ray'", e.name or "ray") from e
    if ray.is_initialized():
        yield ray
        return
    folder = None if options.address else tempfile.mkdtemp(prefix="memobench-ray-")
    # Ray prints what happens to its workers to standard output, which is the report's.
    printed, worker.print_to_stdstream = getattr(worker, "print_to_stdstream", None), _drop
    reaper = None
    try:
        with _environment(), _signals_kept():
            _connect(ray, options, folder)
        reaper = None if folder is None else reaping.watch(folder)
        yield ray
    finally:
        with _signals_kept(), contextlib.suppress(Exception):
            ray.shutdown()
        worker.print_to_stdstream = printed
        if reaper is not None:
            reaper.communicate()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _drop(*_: Any, **__: Any) -> None:
    pass


def _connect(ray: Any, options: RayOptions, folder: str | None) -> None:
    shared: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "configure_logging": True,
        "namespace": "memobench",
    }
    if folder is not None:
        wanted = math.ceil((options.replicas or 2) * options.num_cpus)
        try:
            ray.init(
                address="local",
                num_cpus=max(os.cpu_count() or 1, wanted),
                include_dashboard=False,
                object_store_memory=STORE,
                _temp_dir=folder,
                **shared,
            )
        except (Exception, SystemExit) as e:
            raise PluginError(
                f"Ray could not be started on this machine: {type(e).__name__}: {_first_line(e)}.",
                "Free memory, processes or room in /tmp and /dev/shm, or use --executor local.",
            ) from e
        return
    check_address(options.address)
    try:
        ray.init(address=options.address, **shared)
    except (Exception, SystemExit) as e:
        raise RequestError(
            f"The Ray cluster at {options.address!r} cannot be used: {type(e).__name__}: {_first_line(e)}.",
            "Run the command on a node of the cluster, with the same Python and Ray as the cluster's.",
        ) from e


def check_address(address: str) -> None:
    """Raise `RequestError` where an address cannot be one, or does not answer within `ANSWER` seconds."""
    if address.startswith("ray://"):
        raise RequestError(
            f"The address {address!r} is one of Ray Client, which cannot stream replies.",
            "Run the command on a node of the cluster (`kubectl exec`, `ray job submit`), with address=auto.",
        )
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise RequestError(f"The address {address!r} is not HOST:PORT.", _HINT)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=min(5.0, ANSWER)).close()
    except OSError as e:
        raise RequestError(f"Nothing answers at the address {address!r}: {e}.", _HINT) from e
    # A client that finds no Ray behind a port ends its whole process after a minute.
    # With -m or a plain -c, modules would be looked for in the working directory first.
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if p]; from ray.scripts.scripts import main; main()"
    )
    probe = [sys.executable, "-c", code, "health-check"]
    env = {**os.environ, **_OFF, "RAY_ADDRESS": address}
    try:
        done = subprocess.run(probe, capture_output=True, timeout=ANSWER, env=env)
        answers = done.returncode == 0
    except subprocess.TimeoutExpired:
        answers = False
    if not answers:
        raise RequestError(f"What answers at the address {address!r} is no Ray of this version.", _HINT)


def places(ray: Any, options: RayOptions) -> int:
    """How many actors fit all nodes, when nothing else runs on them."""
    fit = 0
    for node in ray.nodes():
        if not node.get("Alive", node.get("alive")):
            continue
        has = node.get("Resources", {})
        limits = [
            has.get(name, 0) / wanted
            for name, wanted in (("CPU", options.num_cpus), ("GPU", options.num_gpus))
            if wanted
        ]
        fit += math.floor(min(limits) + 1e-9) if limits else 2
    return fit


def replicas(ray: Any, options: RayOptions) -> int:
    """How many actors to start. Raises `RequestError` where none can ever start."""
    fit = places(ray, options)
    grows = "wait" in options.model_fields_set
    if not fit and not grows:
        nodes = [n for n in ray.nodes() if n.get("Alive", n.get("alive"))]
        most = {name: max((n["Resources"].get(name, 0) for n in nodes), default=0) for name in ("CPU", "GPU")}
        raise RequestError(
            f"No node of the Ray cluster has {options.num_gpus:g} GPUs and {options.num_cpus:g} CPUs: "
            f"the most are {most['GPU']:g} GPUs and {most['CPU']:g} CPUs.",
            "Ask for less with --executor-option num_gpus=... and num_cpus=...; for a cluster that grows, set "
            "--executor-option wait=600.",
        )
    if options.replicas:
        return options.replicas
    if not options.address and not options.num_gpus:
        return min(2, max(1, fit))
    return max(1, fit)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """No reports to Ray's makers, and no repeated lines."""
    before = {name: os.environ.get(name) for name in _OFF}
    os.environ.update(_OFF)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself; the command has a use of its own for it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".")[:300] if lines else "no reason given"
