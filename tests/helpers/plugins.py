"""Creates plugins for tests: a module and the metadata of an installed distribution."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.registry.registry import registry

Install = Callable[..., str]

JUDGE = '''
import os
from harness import Capability, Component, HarnessOptions, Judge, JudgeReply, ReplyError, hookimpl, option


class Mine(Judge):
    """A test judge."""

    batch_size = {batch}

{body}


@hookimpl
def harness_judges():
    return [Component("{name}", lambda: Mine, "a test plugin")]
'''

GENERATOR = '''
import os
from PIL import Image
from harness import Component, Generator, HarnessOptions, ImageReply, ReplyError, hookimpl, option


class Mine(Generator):
    """A test generator."""

{body}


@hookimpl
def harness_generators():
    return [Component("{name}", lambda: Mine, "a test plugin")]
'''


def judge(name: str, body: str, *, batch: int = 4) -> str:
    """The source of a plugin with one judge; `body` is its unindented class body."""
    return JUDGE.format(name=name, body=_indented(body), batch=batch)


def generator(name: str, body: str) -> str:
    """The source of a plugin with one generator; `body` is its unindented class body."""
    return GENERATOR.format(name=name, body=_indented(body))


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in body.strip("\n").splitlines())


class Installer:
    """Installs plugins into a folder on the path, like `pip install --target`."""

    def __init__(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self._monkeypatch = site, monkeypatch
        self._modules: list[str] = []
        site.mkdir(parents=True, exist_ok=True)
        monkeypatch.syspath_prepend(str(site))
        earlier = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in (str(site), earlier) if p))

    def install(
        self, dist: str, source: str, *, entry: str | None = None, requires: Sequence[str] = ()
    ) -> str:
        """Install `source` as the module of a distribution; returns its name."""
        module = dist.replace("-", "_")
        (self.site / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.site / f"{module}-1.0.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n{needs}")
        (info / "entry_points.txt").write_text(f"[memobench]\n{module} = {entry or module}\n")
        self._modules.append(module)
        importlib.invalidate_caches()
        registry.cache_clear()
        return dist

    def unload(self) -> None:
        """Remove the plugins from this process."""
        for module in self._modules:
            sys.modules.pop(module, None)
        sys.path_importer_cache.pop(str(self.site), None)
        importlib.invalidate_caches()
        registry.cache_clear()
