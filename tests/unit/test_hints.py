"""Every command and option that a message names exists: install commands, options of the command line and of components."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness.cli.main import COMMANDS
from harness.cli.main import harness as root
from harness.registry.factory import load_class
from harness.registry.registry import registry

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted(p for p in (ROOT / "harness").rglob("*.py") if "testing" not in p.parts)
PLUGINS = sorted(ROOT.glob("plugins/*/src/**/*.py"))
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]

EVERYWHERE = {"--help", "--version", "--traceback"}
OTHER_PROGRAMS = {
    "--upgrade",
    "--data-parallel-size",
    "--limit-mm-per-prompt",
    "--logprobs-mode",
    "--mmproj",
    "--reasoning-parser",
}
"""Options of pip, `vllm serve` and llama.cpp, in messages that name the program."""
RUN, GENERATE = ("run",), ("generate",)
IMPORT, EXPORT = ("data", "import"), ("data", "export")
SHOWN_BY = {
    "harness/cli/options.py": [RUN],
    "harness/cli/samples.py": [("show",)],
    "harness/cli/guests.py": [RUN, GENERATE],
    "harness/checking/": [("plugin", "check")],
    "harness/components/failures.py": [RUN, GENERATE],
    "harness/store/locks.py": [IMPORT],
    "harness/store/outputs.py": [("report",), ("leaderboard",), ("export",)],
    "harness/reporters/footer.py": [("show",)],
    "harness/reporters/ladder_text.py": [("run",), ("show",), ("score",)],
    "harness/reporters/screen.py": [("run",), ("show",), ("score",)],
    "harness/cli/people_command.py": [("data", "people")],
    "harness/charts/": [("plot",)],
    "harness/report/": [("report",)],
    "harness/datasets/export.py": [EXPORT],
    "harness/exporting/aside.py": [("export",)],
    "harness/exporting/samples_file.py": [("export",)],
    "harness/gating/baseline.py": [("gate",)],
    "harness/datasets/imports/verify.py": [("data", "verify")],
    "harness/datasets/imports/": [IMPORT],
    "harness/hub/": [RUN, GENERATE],
    "harness/images/decoding.py": [RUN],
    "harness/mllm/": [RUN],
    "harness/run/failures.py": [RUN, GENERATE],
    "harness/run/generat": [RUN, GENERATE],
    "harness/run/image_requests.py": [RUN, GENERATE],
    "harness/run/": [RUN],
    "harness/scoring/merge.py": [("merge",)],
    "harness/store/runfolder.py": [RUN, GENERATE],
    "harness/tasks/spec.py": [("score",)],
    "plugins/inspect/": [("export",)],
    "plugins/annotate/src/memobench_annotate/people.py": [RUN],
    "plugins/annotate/": [("annotate",)],
    "plugins/": [RUN],
}
"""The commands that show the messages of a file which name options, by the beginning of its path; the first match
counts. A message of any other file may be shown by every command, so it says which one it means."""


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """The texts in a source file, except docstrings; `{}` stands for what is filled in."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    inner = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    skipped = inner | {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


@functools.cache
def everything() -> list[tuple[Path, int, str]]:
    return [(path, line, text) for path in [*CORE, *PLUGINS] for line, text in messages(path)]


@functools.cache
def options(*command: str) -> frozenset[str]:
    """The options of a subcommand, by click's own account."""
    found: click.Command | None = root
    for word in command:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)
        assert found is not None, f"there is no command {' '.join(command)}"
    assert found is not None
    return frozenset(name for p in found.params for name in (*p.opts, *p.secondary_opts)) | EVERYWHERE


DATA = [("data", name) for name in ("import", "verify", "export", "people")]
PLUGIN = [("plugin", name) for name in ("new", "check")]
PRESETS = [("presets", "check")]
ANNOTATE = [("annotate", name) for name in ("new", "invite", "export", "serve")]
GROUPS = {"data": DATA, "plugin": PLUGIN, "presets": PRESETS, "annotate": ANNOTATE}
ALL = DATA + PLUGIN + PRESETS + [(name,) for name in COMMANDS if name not in GROUPS]


def commands_of(path: Path) -> list[tuple[str, ...]]:
    """The commands that can show a message of a source file."""
    name = path.relative_to(ROOT).as_posix()
    own = re.fullmatch(r"harness/cli/(\w+)_command\.py", name)
    shown = next((found for start, found in SHOWN_BY.items() if name.startswith(start)), ALL)
    if own and shown is ALL:
        return PLUGIN if own[1] == "plugin" else [(own[1],)]
    return shown


def lacks(command: tuple[str, ...], option: str) -> bool:
    return all(option not in options(*leaf) for leaf in GROUPS.get("/".join(command), [command]))


def in_group(path: Path, commands: list[tuple[str, ...]]) -> bool:
    """Whether a source file has all subcommands of a group: a message is that of one of them."""
    return path.name == "plugin_command.py" and commands == PLUGIN


@pytest.mark.slow
def test_options_in_messages_exist() -> None:
    wrong = []
    for path, line, text in everything():
        for match in re.finditer(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text):
            if match[0] in OTHER_PROGRAMS | EVERYWHERE:
                continue
            before = re.split(r"`[^`]*`|\. |\n", text[: match.start()])[-1]
            named = re.search(r"harness (\w+)(?: (\w+))?[^`]*$", before)
            if named:
                words = tuple(w for w in named.groups() if w)
                commands = [words[:2] if words[0] in GROUPS else words[:1]]
            else:
                commands = commands_of(path)
            wrong += [
                f"{path}:{line}: {match[0]} for {' '.join(c)}: {text!r}"
                for c in commands
                if lacks(c, match[0])
                and not (in_group(path, commands) and any(not lacks(o, match[0]) for o in commands))
            ]
    assert not wrong, "\n".join(wrong)


@functools.cache
def component_options(path: Path) -> set[str]:
    dist = f"memobench-plugin-{path.relative_to(ROOT / 'plugins').parts[0]}" if path in PLUGINS else ""
    found = [f for kind in ("judge", "generator") for f in registry().components(kind)]
    return {name for f in found if f.dist == dist or not dist for name in load_class(f).Options.model_fields}


@pytest.mark.slow
def test_component_options_in_messages_exist() -> None:
    wrong = []
    for path, line, text in everything():
        named = set(re.findall(r"(?<![\w-])-o ([a-z]\w+)", text))
        if named and not named <= component_options(path):
            wrong.append(f"{path}:{line}: {named - component_options(path)}")
    assert not wrong, "\n".join(wrong)


def test_no_message_and_no_page_installs_a_plugin_from_an_index() -> None:
    pages = [(page, 0, page.read_text(encoding="utf-8")) for page in PAGES]
    for path, line, text in [*everything(), *pages]:
        assert not re.search(r"pip install[^\n`#(]*memobench", text), f"{path}:{line}: {text[:100]!r}"
