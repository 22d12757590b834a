"""Layers of imports, sizes of files and functions, and the start-up cost of the command."""

from __future__ import annotations

import ast
import functools
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import harness

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "harness"
PLUGINS = sorted(p.parent for p in (ROOT / "plugins").glob("*/pyproject.toml"))

LAYERS = (
    ("installing", "deprecations"),
    ("errors", "types", "arrays", "escaping", "json_lines", "numbers", "secrets", "_version"),
    ("records", "toml"),
    ("config",),
    ("results",),
    ("components", "parsing", "store"),
    ("hookspecs", "stats"),
    ("images", "hub"),
    ("datasets", "metrics", "mllm", "remote"),
    ("generators", "judges"),
    ("registry",),
    ("tasks",),
    ("checking", "scaffold"),
    ("scoring",),
    ("exporting",),
    ("comparing",),
    ("ranking",),
    ("charts",),
    ("gating",),
    ("run",),
    ("people",),
    ("reporters",),
    ("report",),
    ("cli",),
)
"""A package imports packages of the lines above its own, never one of its own line."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
NOT_IN_HELP = {
    "pydantic",
    "numpy",
    "scipy",
    "rich",
    "torch",
    "pluggy",
    "PIL",
    "harness.registry.registry",
    "harness.hookspecs",
}
HEAVY = {
    "pydantic",
    "numpy",
    "scipy",
    "PIL",
    "rich",
    "torch",
    "onnxruntime",
    "resvg_py",
    "diffusers",
    "transformers",
    "altair",
    "vl_convert",
    "jinja2",
    "pandas",
}
LONGEST_FILE, LONGEST_FUNCTION = 400, 70


def sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Import(NamedTuple):
    """One imported name: its line, the dotted name with the attribute, and what it is imported from ("" for `import`)."""

    line: int
    name: str
    source: str


@functools.cache
def imports(path: Path) -> tuple[Import, ...]:
    """What a file imports, in functions and for type checkers too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            source = str(node.module)
            found += [Import(node.lineno, f"{source}.{alias.name}", source) for alias in node.names]
    return tuple(found)


def layer(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


OUTSIDE_LAYERS = (CORE / "__init__.py", *(CORE / "testing").glob("*.py"))
"""The public names, and the conformance kit, which uses public names only."""
KIT = [
    p
    for p in (CORE / "testing").glob("*.py")
    if p.stem not in ("command", "models", "checked") and not p.stem.startswith("pipeline")
]
"""The contracts. `checked` runs them for the command, the others are tools for tests."""
PUBLIC = (
    "harness",
    "harness.parsing",
    "harness.testing",
    "harness.testing.models",
    "harness.hub",
    "harness.mllm",
    "harness.remote",
    "harness.datasets.imports",
    "harness.people",
)


def test_imports_point_down_the_layers() -> None:
    """Imports in functions and for type checkers count too."""
    offenders = []
    for path in (p for p in sources(CORE) if p not in OUTSIDE_LAYERS):
        mine = layer(module(path))
        if mine not in LEVEL:
            offenders.append(f"{module(path)}: {mine} has no layer; add it to LAYERS")
            continue
        for line, name, _ in imports(path):
            other = layer(name)
            if name.split(".")[0] != "harness" or other == mine:
                continue
            if other not in LEVEL or LEVEL[other] >= LEVEL[mine]:
                offenders.append(f"{path.relative_to(ROOT)}:{line}: {mine} imports {name}")
    assert not offenders, "\n".join(offenders)


def test_the_core_imports_no_plugin() -> None:
    offenders = [
        f"{module(path)} imports {name}"
        for path in sources(CORE)
        for _, name, _ in imports(path)
        if name.startswith("memobench")
    ]
    assert not offenders, "\n".join(offenders)


def test_scoring_loads_nothing_that_runs_models() -> None:
    loaded = modules_after("import harness.scoring.score_run")
    assert not {name for name in loaded if name.startswith(("harness.run", "memobench"))}


def test_no_import_cycles() -> None:
    known = {module(path): path for path in sources(CORE)}
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = {t if t in known else t.rpartition(".")[0] for _, t, _ in imports(path)}
        graph[name] = {t for t in targets if t in known and t not in ("harness", name)}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_files_and_functions_are_short() -> None:
    offenders = []
    for path in sources(CORE, *(p / "src" for p in PLUGINS)):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    offenders.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {lines} lines")
    for path in sources(
        CORE, ROOT / "tests", ROOT / "benchmarks", ROOT / "tools", *(ROOT / "plugins").glob("*")
    ):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            offenders.append(f"{path.relative_to(ROOT)} has {lines} lines")
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize("plugin", [*PLUGINS, *KIT], ids=lambda p: p.name)
def test_plugins_and_their_kit_import_public_names_only(plugin: Path) -> None:
    for path in [plugin] if plugin.is_file() else sources(plugin / "src"):
        for line, name, source in imports(path):
            if name.split(".")[0] != "harness":
                continue
            where = f"{path.relative_to(ROOT)}:{line}"
            assert source, f"{where}: write `from harness import ...`"
            if plugin in KIT and source.startswith(("harness.testing.", "harness.datasets.folder")):
                continue
            assert source in PUBLIC, f"{where}: {name} is not public"
            if source == "harness":
                assert name.removeprefix("harness.") in harness.__all__, f"{where}: {name} is not public"


def modules_after(code: str, *, path: Path | None = None) -> set[str]:
    """The modules that a new interpreter has loaded after running some code."""
    report = (
        "import atexit, json, sys; atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))))\n"
    )
    first = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    done = subprocess.run(
        [sys.executable, "-c", report + first + code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_no_plugin(arguments: list[str]) -> None:
    loaded = modules_after(f"from harness.cli.main import main; main({arguments!r})")
    assert not {m for m in loaded if m.startswith("memobench")}
    if arguments != ["run", "--help"]:
        assert not loaded & NOT_IN_HELP


def test_help_is_quick() -> None:
    command = [str(Path(sys.executable).parent / "harness"), "--help"]
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.3, "seconds of processor time; it should take a tenth of that"


def test_importing_harness_loads_nothing_heavy() -> None:
    assert not modules_after("import harness") & (HEAVY | NOT_IN_HELP)


def entry_modules(plugin: Path) -> list[str]:
    from harness.toml import read_toml

    return list(
        read_toml(plugin / "pyproject.toml", "project file")["project"]["entry-points"]["memobench"].values()
    )


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_entry_modules_of_plugins_load_nothing_heavy(plugin: Path) -> None:
    for name in entry_modules(plugin):
        assert not modules_after(f"import {name}", path=plugin / "src") & HEAVY
        hooks = f"""
import {name} as plugin
for hook in vars(plugin).copy().values():
    if getattr(hook, "memobench_impl", None) is not None:
        hook()
"""
        assert not modules_after(hooks, path=plugin / "src") & (HEAVY - {"pydantic"}), (
            "hooks load nothing either"
        )
