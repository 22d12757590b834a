"""Plugins made for a test: one module and the metadata by which an installed distribution is found."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.registry.registry import registry

Install = Callable[..., str]

JUDGE = '''
import os
from harness import Capability, Component, HarnessOptions, Judge, JudgeReply, ReplyError, hookimpl, option


class Mine(Judge):
    """A judge made for a test."""

    batch_size = {batch}

{body}


@hookimpl
def harness_judges():
    return [Component("{name}", lambda: Mine, "made for a test")]
'''

GENERATOR = '''
import os
from PIL import Image
from harness import Component, Generator, HarnessOptions, ImageReply, ReplyError, hookimpl, option


class Mine(Generator):
    """A generator made for a test."""

{body}


@hookimpl
def harness_generators():
    return [Component("{name}", lambda: Mine, "made for a test")]
'''


def judge(name: str, body: str, *, batch: int = 4) -> str:
    """The module of a plugin with one judge, whose class has this body (not indented)."""
    return JUDGE.format(name=name, body=_indented(body), batch=batch)


def generator(name: str, body: str) -> str:
    """The module of a plugin with one generator, whose class has this body (not indented)."""
    return GENERATOR.format(name=name, body=_indented(body))


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in body.strip("\n").splitlines())


class Installer:
    """Puts plugins in a folder on the path, as `pip install --target` does."""

    def __init__(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self._monkeypatch = site, monkeypatch
        self._modules: list[str] = []
        site.mkdir(parents=True, exist_ok=True)
        monkeypatch.syspath_prepend(str(site))
        earlier = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in (str(site), earlier) if p))

    def install(self, dist: str, source: str, *, entry: str | None = None) -> str:
        """Install `source` as the module of a distribution; returns the distribution's name."""
        module = dist.replace("-", "_")
        (self.site / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[memobench]\n{module} = {entry or module}\n")
        self._modules.append(module)
        importlib.invalidate_caches()
        registry.cache_clear()
        return dist

    def forget(self) -> None:
        """Make this process forget the plugins."""
        for module in self._modules:
            sys.modules.pop(module, None)
        sys.path_importer_cache.pop(str(self.site), None)
        importlib.invalidate_caches()
        registry.cache_clear()
