"""The documentation builds as a site without a warning, needs no network to be viewed, and its generated pages are up to date."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from helpers.blocks import ROOT

REFERENCE = (
    "commands.md",
    "errors.md",
    "results.md",
    "tasks.md",
    "gate.md",
    "python.md",
    "modules.md",
    "plugins.md",
)
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?P<src>[^\"'> ]+)|<link\b(?P<link>[^>]*)>"
)


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", REFERENCE)
def test_generated_pages_are_up_to_date(name: str) -> None:
    reference = tool("make_reference")
    assert set(reference.PAGES) == set(REFERENCE)
    assert not reference.stale(name), f"docs/reference/{name} is out of date: make reference"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.mark.slow
def test_every_page_is_built(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        built = site / page.relative_to(ROOT / "docs").with_suffix(".html")
        assert built.is_file(), page


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r"(\S+\.md)$", navigation, re.MULTILINE)
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)


@pytest.mark.slow
def test_nothing_is_fetched_when_it_is_viewed(site: Path) -> None:
    seen = 0
    for page in site.rglob("*.html"):
        for match in _FETCHED.finditer(page.read_text(encoding="utf-8")):
            link = match["link"] or ""
            address = match["src"] or (
                link if re.search(r"rel=[\"']?(?:stylesheet|icon|preload|preconnect)", link) else ""
            )
            seen += bool(address)
            assert "//" not in address, f"{page.name}: {address}"
    assert seen > 50
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"@import|url\(\s*[\"']?https?:", styles)


def test_links_out_of_the_documentation() -> None:
    rewritten = tool("site_hooks").rewritten
    text = "[the MLflow example](../../examples/plugin_mlflow/README.md) and [data](../data.md#x)"
    assert rewritten(text, "plugins/a.md", "") == "the MLflow example and [data](../data.md#x)"
    linked = rewritten(text, "plugins/a.md", "https://example.org/repo/")
    assert "(https://example.org/repo/blob/main/examples/plugin_mlflow/README.md)" in linked
    with pytest.raises(FileNotFoundError, match="nowhere"):
        rewritten("[x](../nowhere.md)", "a.md", "")
