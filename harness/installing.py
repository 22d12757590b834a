"""The command that installs a package: a plugin of this project from its folder or repository, all others from an index.

The plugins of this project are not on a public index, so `pip install memobench-plugin-NAME` would fail.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

PLUGINS: dict[str, tuple[str, ...]] = {
    "annotate": (),
    "diffusers": (),
    "echo": (),
    "fer": (),
    "inspect": (),
    "nano": ("transformers",),
    "openai": (),
    "portraits": (),
    "ray": (),
    "transformers": (),
    "vllm": (),
}
"""The plugins of this project by name, with the other ones that each needs."""
_NAME = re.compile(r"(?:memobench[-_]plugin[-_]|memobench_)(\w+)", re.I)
_DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python", "sklearn": "scikit-learn", "yaml": "pyyaml"}
"""Distributions whose name differs from that of their module."""


def is_importable(module: str) -> bool:
    """Whether a module of that name is there, found without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # of another finder, or of a module that is half there
        return False


def distribution(package: str) -> str:
    """The distribution of a module or distribution name."""
    name = _plugin(package)
    return f"memobench-plugin-{name}" if name else _DISTRIBUTIONS.get(package, package)


def install_command(package: str) -> str:
    """The command that installs a distribution, or the one that contains a module."""
    name = _plugin(package)
    if name is None:
        return f"pip install {distribution(package)}"
    wanted = [n for n in PLUGINS[name] if not _is_installed(distribution(f"memobench_{n}"))]
    folders = [f"plugins/{n}" for n in (*wanted, name)]
    if not _is_installed("memobench"):
        folders.insert(0, "")
    checkout, repository = _checkout(), _repository()
    if checkout is not None:
        return f"pip install {' '.join(shlex.quote(str(checkout / f)) for f in folders)}"
    if repository:
        sources = [f"git+{repository}" + (f"#subdirectory={f}" if f else "") for f in folders]
        return f"pip install {' '.join(shlex.quote(s) for s in sources)}"
    return f"pip install {' '.join(f'./{f}' for f in folders)} (in a clone of the memobench repository)"


def install_extra(name: str) -> str:
    """The command that installs an extra of the core, from where the core came from."""
    checkout, repository = _checkout(), _repository()
    if checkout is not None:
        return f"pip install {shlex.quote(f'{checkout}[{name}]')}"
    if repository:
        return f"pip install {shlex.quote(f'memobench[{name}] @ git+{repository}')}"
    return f"pip install '.[{name}]' (in a clone of the memobench repository)"


def _plugin(package: str) -> str | None:
    """The name of the plugin of this project that a distribution or module belongs to; None for all others."""
    match = _NAME.fullmatch(package)
    name = match[1].lower() if match else ""
    return name if name in PLUGINS else None


def _is_installed(name: str) -> bool:
    return _installed(name) is not None


def _installed(name: str) -> Distribution | None:
    from importlib.metadata import PackageNotFoundError, distribution  # slow to import, and rarely needed

    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _checkout() -> Path | None:
    """The folder of the repository that the core runs in or was installed from, if it is still there."""
    origin = urlsplit(str(_origin().get("url", "")))
    folders = [Path(__file__).resolve().parents[1]]
    if origin.scheme == "file":
        folders.append(Path(unquote(origin.path)))
    return next((f for f in folders if (f / "plugins" / "echo" / "pyproject.toml").is_file()), None)


def _repository() -> str:
    """The URL of the repository: the one that the core was installed from, or the one in its metadata; "" if unknown."""
    origin = _origin()
    if origin.get("vcs_info", {}).get("vcs") == "git":
        commit = origin["vcs_info"].get("commit_id", "")
        return f"{origin['url']}@{commit}" if commit else str(origin["url"])
    core = _installed("memobench")
    urls = (core.metadata.get_all("Project-URL") or []) if core is not None else []
    labelled = {label.strip().lower(): url.strip() for label, _, url in (u.partition(",") for u in urls)}
    return next(
        (labelled[label] for label in ("repository", "source", "source code") if label in labelled), ""
    )


def _origin() -> dict[str, Any]:
    """Where the core was installed from, as pip recorded it (PEP 610); {} for an index or a bare folder."""
    core = _installed("memobench")
    try:
        found = json.loads((core and core.read_text("direct_url.json")) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
