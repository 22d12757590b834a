"""Whether an installed plugin fits this version of the core: by the interface that it was written for, and by its requirements."""

from __future__ import annotations

import importlib.metadata
import re
from types import ModuleType

from packaging.requirements import InvalidRequirement, Requirement

from harness.hookspecs import API_VERSION
from harness.installing import install_command

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")


class Unfit(Exception):
    """Why a plugin does not fit, and what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def check_requirements(point: importlib.metadata.EntryPoint, core: str) -> None:
    """Raise `Unfit` if the plugin's distribution requires another version of memobench than `core`.

    A package manager refuses such a pair when it installs both, but not when one is installed without dependencies, or
    updated later.
    """
    try:
        lines = (point.dist.requires if point.dist is not None else None) or []
    except Exception:  # the metadata of other distributions is not ours to trust
        return
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        named = re.sub(r"[-_.]+", "-", wanted.name).lower() == "memobench"
        if not named or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        if not wanted.specifier.contains(core, prereleases=True):
            raise Unfit(
                f"requires memobench {wanted.specifier}, and {core} is installed",
                f"Install a version of memobench that fits ({wanted.specifier}), or another version of the plugin",
            )


def stated_version(module: ModuleType) -> str:
    """The version of the interface that an entry module states; "" if none. Raises `Unfit` if this core does not have it."""
    stated = getattr(module, "API_VERSION", "")
    if stated == "":
        return ""
    parts = _VERSION.fullmatch(stated) if isinstance(stated, str) else None
    if parts is None:
        raise Unfit(
            f"its API_VERSION is {stated!r:.60}, not a version such as {API_VERSION!r}",
            f'Its authors should write API_VERSION = "{API_VERSION}"',
        )
    major, minor = (int(part) for part in parts.groups())
    ours = [int(part) for part in API_VERSION.split(".")]
    problem = f"written for version {stated} of the plugin interface, and this memobench has {API_VERSION}"
    if major < ours[0]:
        raise Unfit(problem, "Update the plugin")
    if [major, minor] > ours:
        raise Unfit(problem, f"Update memobench: {install_command('memobench')}")
    return str(stated)
