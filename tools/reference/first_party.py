"""The plugins of this project and what they offer, from the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.registry.plugin import HOOKS, Plugin
from harness.registry.registry import registry
from harness.toml import read_toml
from reference.markdown import table

ROOT = Path(__file__).resolve().parents[2]
INTRO = """# Plugins of this project

What each distribution offers; `harness list plugins` says what is installed here, `harness show NAME` the options of one. Other
authors publish theirs as `memobench-plugin-*`: [how](../plugins/publish.md). Each name links to the README that says what it
needs, where there is one.

"""


class NotInstalled(Exception):
    """A plugin of this project is not installed, or does not work."""


def page() -> str:
    """The page. Raises `NotInstalled` where a plugin of this project is not installed: the page would be wrong."""
    return INTRO + "\n".join(part for dist, folder in _distributions() for part in _section(dist, folder))


def _distributions() -> Iterator[tuple[str, Path]]:
    yield "memobench", ROOT
    for path in sorted((ROOT / "plugins").glob("*/pyproject.toml")):
        yield str(read_toml(path, "project")["project"]["name"]), path.parent


def _section(dist: str, folder: Path) -> Iterator[str]:
    plugin = next((p for p in registry().plugins if p.dist == dist), None)
    if plugin is None or plugin.state != "works":
        raise NotInstalled(f"{dist} is not installed or does not work: make setup")
    project = read_toml(folder / "pyproject.toml", "project")["project"]
    place = folder.relative_to(ROOT)
    yield f"## {dist}\n"
    more = f" [README](../../{place}/README.md)" if folder != ROOT else ""
    yield f"{project['description']}{more}\n"
    yield f"Install it from a clone: `pip install {'.' if folder == ROOT else f'./{place}'}`\n"
    yield table(["Kind", "Name", "What it is"], _rows(plugin))


def _rows(plugin: Plugin) -> Iterator[tuple[str, str, str]]:
    for kind in HOOKS:
        if kind == "task folder":
            continue
        if plugin.dist == "memobench" and kind == "data set":
            continue  # what this user has imported
        for component in plugin.offers.get(kind, ()):
            names = ", ".join(f"`{n}`" for n in (component.name, *component.aliases))
            yield kind, names, component.summary
    for folder in plugin.offers.get("task folder", ()):
        for path in sorted(folder.glob("*.toml")):
            file = read_toml(path, "task file")
            yield (
                "suite" if file.get("kind") == "suite" else "task",
                f"`{path.stem}`",
                str(file.get("summary", "")),
            )
