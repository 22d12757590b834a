"""The install command of each package works: this project's plugins are not on a public index."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import MissingPackage, UnknownName, installing
from harness.cli import doctor_command
from harness.installing import PLUGINS, install_command
from harness.registry.registry import Registry, registry
from harness.toml import read_toml

ROOT = Path(__file__).resolve().parents[2]
CLONE = "(in a clone of the memobench repository)"


class Installed:
    """A stand-in for the metadata of the installed core."""

    def __init__(self, origin: object = None, urls: tuple[str, ...] = ()) -> None:
        self.origin, self.urls = origin, urls
        self.metadata = self

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self.origin is None else json.dumps(self.origin)

    def get_all(self, name: str) -> list[str]:
        assert name == "Project-URL"
        return list(self.urls)


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """`core(origin, urls)`: the core as installed in site-packages, from somewhere."""
    (tmp_path / "site-packages" / "harness").mkdir(parents=True)
    monkeypatch.setattr(installing, "__file__", str(tmp_path / "site-packages/harness/installing.py"))

    def install(*given: object, others: tuple[str, ...] = (), **named: object) -> None:
        metadata = {"memobench": Installed(*given, **named)} | {name: Installed() for name in others}  # type: ignore[arg-type]
        monkeypatch.setattr(installing, "_installed", metadata.get)

    return install


@pytest.mark.parametrize("name", sorted(PLUGINS))
@pytest.mark.parametrize("form", ["memobench-plugin-{}", "memobench_plugin_{}", "memobench_{}"])
def test_in_a_checkout_a_plugin_is_installed_from_its_folder(name: str, form: str) -> None:
    command = install_command(form.format(name))
    *_, folder = shlex.split(command)
    assert command.startswith("pip install /")
    assert (Path(folder) / "pyproject.toml").is_file()
    assert folder == str(ROOT / "plugins" / name)


def test_a_core_that_was_installed_from_a_checkout(core, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    clone = tmp_path / "my clone"
    (clone / "plugins/echo").mkdir(parents=True)
    (clone / "plugins/echo/pyproject.toml").touch()
    core({"url": clone.as_uri(), "dir_info": {}})
    assert shlex.split(install_command("memobench-plugin-vllm")) == [
        "pip",
        "install",
        f"{clone}/plugins/vllm",
    ]
    core({"url": clone.with_name("gone").as_uri(), "dir_info": {}})
    assert install_command("memobench-plugin-vllm") == f"pip install ./plugins/vllm {CLONE}"


def test_a_core_that_was_installed_from_a_repository(core) -> None:  # type: ignore[no-untyped-def]
    core({"url": "https://x.org/m.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    assert (
        install_command("memobench_fer")
        == "pip install 'git+https://x.org/m.git@abc#subdirectory=plugins/fer'"
    )
    core(urls=("Documentation, https://x.org/docs", "Repository, https://x.org/m"))
    assert install_command("memobench_fer") == "pip install 'git+https://x.org/m#subdirectory=plugins/fer'"


@pytest.mark.parametrize(
    "origin", [None, {"url": "https://x.org/memobench-0.1.0.whl", "archive_info": {}}, []]
)
def test_a_core_from_an_unknown_place(origin: object, core) -> None:  # type: ignore[no-untyped-def]
    core(origin)
    assert install_command("memobench-plugin-fer") == f"pip install ./plugins/fer {CLONE}"
    assert (
        install_command("memobench-plugin-nano")
        == f"pip install ./plugins/transformers ./plugins/nano {CLONE}"
    )
    core(origin, others=("memobench-plugin-transformers",))
    assert install_command("memobench-plugin-nano") == f"pip install ./plugins/nano {CLONE}"


def test_other_packages_come_from_the_index() -> None:
    assert install_command("torch") == "pip install torch"
    assert install_command("memobench-plugin-of-others") == "pip install memobench-plugin-of-others"
    assert install_command("PIL") == "pip install pillow"
    assert MissingPackage("It", "PIL").hint == "Install it: pip install pillow"
    assert MissingPackage("It", "torch", "conda install pytorch").hint == "Install it: conda install pytorch"


def test_a_missing_module_of_a_plugin_is_named_by_its_distribution() -> None:
    error = MissingPackage("The judge 'nano'", "memobench_transformers")
    assert "'memobench-plugin-transformers'" in error.message
    assert error.hint == f"Install it: pip install {ROOT / 'plugins/transformers'}"


def test_the_table_of_plugins_is_complete() -> None:
    found = {}
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        needs = read_toml(path, "project file")["project"]["dependencies"]
        names = [m[1] for m in (re.match(r"memobench-plugin-(\w+)", need) for need in needs) if m]
        found[path.parent.name] = tuple(names)
    assert found == PLUGINS


def test_each_component_of_a_plugin_that_is_not_installed_is_named_with_its_plugin() -> None:
    plugins = registry().plugins
    bare = Registry([p for p in plugins if not p.dist.startswith("memobench-plugin-")])
    ours = [p for p in plugins if p.dist.removeprefix("memobench-plugin-") in PLUGINS]
    assert len(ours) == len(PLUGINS)
    for plugin in ours:
        for kind in ("judge", "generator", "detector", "data set"):
            for component in plugin.offers[kind]:
                if "ref" in component.defaults and plugin.dist == "memobench-plugin-diffusers":
                    continue  # presets of the plugin itself
                with pytest.raises(UnknownName) as error:
                    bare.find(kind, component.name)
                folder = plugin.dist.removeprefix("memobench-plugin-")
                assert error.value.hint == f"Install it: pip install {ROOT / 'plugins' / folder}", (
                    component.name
                )


@pytest.mark.slow
def test_doctor_says_how_to_install_the_plugins_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Registry([p for p in registry().plugins if p.dist != "memobench-plugin-nano"])
    monkeypatch.setattr(doctor_command, "registry", lambda: bare)
    out = CliRunner().invoke(doctor_command.command).output
    [line] = [line for line in out.splitlines() if "not installed: " in line]
    assert line.split() == [
        "-",
        "memobench-plugin-nano",
        "not",
        "installed:",
        "pip",
        "install",
        f"{ROOT}/plugins/nano",
    ]


@pytest.mark.slow
def test_a_finder_that_raises_means_that_a_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blocked:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "jinja2":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    assert installing.is_importable("json")
    monkeypatch.setattr(sys, "meta_path", [Blocked(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "jinja2", raising=False)
    assert not installing.is_importable("jinja2")
    assert not installing.is_importable("no_such_package")
    said = CliRunner().invoke(doctor_command.command).output
    assert re.search(r"- jinja2 +not installed; for harness report: pip install .*\[report\]", said)
