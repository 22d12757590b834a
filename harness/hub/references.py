"""Resolve model references: a local folder, or `ORG/NAME[@REVISION]` on the hub. Loads no weights.

Problems are reported here, before an engine is imported: a missing folder, a misspelled name, terms that have not been
accepted, no network, weights in a format that can run code when loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import HarnessError, MissingPackage, RequestError, nearest
from harness.hub.certificates import certificate_problem

HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")
WEIGHTS = (".safetensors", ".gguf")
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_WHOLE = 64 * 2**20
_BLOCK, _BLOCKS = 2**16, 256


@dataclass(frozen=True, slots=True)
class Resolved:
    """An available model and the identity of its weights."""

    kind: Literal["local", "hub"]
    ref: str
    """The reference without its revision: a folder as the user typed it, or `ORG/NAME`."""
    path: Path | None
    """The model's folder; None for a model that has not been downloaded yet."""
    revision: str = ""
    """Commit of the weights (hub models only)."""
    digest: str = ""
    """Digest of the folder's files (local models only)."""

    @property
    def source(self) -> str:
        """The argument for an engine: the folder, or the hub id."""
        return str(self.path) if self.path is not None else self.ref

    def identity(self) -> dict[str, str]:
        """The fields that identify the weights in a run."""
        return (
            {"model": self.ref, "revision": self.revision} if self.kind == "hub" else {"weights": self.digest}
        )

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the model, downloaded if necessary; {} if there is none."""
        text = self.read_text(name)
        try:
            value = json.loads(text) if text else {}
        except (ValueError, RecursionError) as e:
            raise HarnessError(
                f"{self.ref}: {name} is not valid JSON: {e}.", "Download the model again."
            ) from e
        return value if isinstance(value, dict) else {}

    def read_text(self, name: str) -> str:
        """A text file of the model, downloaded if necessary; "" if there is none."""
        if self.path is not None:
            file = self.path / name
            return file.read_text(encoding="utf-8") if file.is_file() else ""
        hub = _hub(self.ref)
        try:
            found = hub.hf_hub_download(self.ref, name, revision=self.revision)
        except Exception:  # the hub client raises many different errors for a missing file
            return ""
        return Path(found).read_text(encoding="utf-8")


def resolve(
    ref: str, revision: str | None = None, *, config: str = "config.json", weights: bool = True
) -> Resolved:
    """Check a reference and identify its weights.

    `ref` is a folder or `ORG/NAME[@REVISION]`; `revision` is equivalent to `@REVISION`; `config` is the file that every
    model folder must contain ("model_index.json" for pipelines); with `weights=False` there may be no weights, as with a
    tokenizer alone. Raises `RequestError` with a hint.
    """
    folder = Path(os.path.expanduser(ref))  # unlike Path.expanduser, this keeps what cannot be expanded
    if folder.is_dir():
        if revision:
            raise RequestError(f"{ref!r} is a folder, which has no revision.", "Omit the revision.")
        return _local(ref, folder.resolve(), config, weights)
    name, _, pinned = ref.partition("@")
    if not HUB_ID.match(name) or ref.startswith((".", "~")):
        raise _no_folder(ref, folder)
    if pinned and revision and pinned != revision:
        raise RequestError(f"Two different revisions: {pinned!r} and {revision!r}.", "Specify only one.")
    return _remote(name, pinned or revision or None, config, weights)


def on_disk(ref: str, revision: str | None = None, *, config: str = "config.json") -> Resolved | None:
    """What is on this disk of a model, found without network and without looking at its weights.

    None for a hub model that is not in the cache. Raises `RequestError` for a reference of a wrong form, and for a folder that
    does not exist or lacks `config`.
    """
    folder = Path(os.path.expanduser(ref))
    if folder.is_dir():
        if not (folder / config).is_file():
            raise _no_model(ref, config)
        return Resolved("local", ref, folder.resolve())
    name, at, pinned = ref.partition("@")
    if not HUB_ID.match(name) or ref.startswith((".", "~")):
        raise _no_folder(ref, folder)
    if at and not pinned:
        raise RequestError(f"{ref!r} names no revision after @.", f"Write {name}, or {name}@REVISION.")
    try:
        found = _in_cache(name, pinned or revision or None, config)
    except HarnessError:  # without huggingface_hub, or a place for its cache, there is nothing on the disk
        return None
    return Resolved("hub", name, found.parent, revision=found.parent.name) if found else None


def _no_folder(ref: str, folder: Path) -> RequestError:
    if folder.is_file():
        return RequestError(
            f"{ref!r} is a file; a model is a folder.", "Specify the folder that contains it."
        )
    siblings = [e.name for e in os.scandir(folder.parent)] if folder.parent.is_dir() else []
    guess = nearest(folder.name, siblings)
    return RequestError(
        f"The model {ref!r} is neither an existing folder nor a hub reference (ORG/NAME).",
        f"Did you mean {str(folder.parent / guess)!r}?"
        if guess
        else "Specify a folder with the model's files, or a reference such as llava-hf/llava-1.5-7b-hf.",
    )


def _no_model(ref: str, config: str) -> RequestError:
    return RequestError(
        f"The folder {ref!r} contains no model: it has no {config}.",
        "Specify a folder written by `save_pretrained` or by a download from the hub.",
    )


def _local(ref: str, folder: Path, config: str, weights: bool) -> Resolved:
    if not (folder / config).is_file():
        raise _no_model(ref, config)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if weights:
        _check_formats(ref, [p.name for p in files])
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        _update(digest, file)
    return Resolved("local", ref, folder, digest=digest.hexdigest())


def _update(digest: Any, file: Path) -> None:
    """Hash small files completely and evenly spaced blocks of larger ones, because many GB would take minutes."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _WHOLE:
            while block := stream.read(2**20):
                digest.update(block)
            return
        for i in range(_BLOCKS):
            stream.seek(i * (size - _BLOCK) // (_BLOCKS - 1))
            digest.update(stream.read(_BLOCK))


def _check_formats(ref: str, names: list[str]) -> None:
    if any(n.endswith(WEIGHTS) for n in names):
        return
    pickled = next((n for n in names if n.endswith(PICKLED)), None)
    if pickled:
        raise RequestError(
            f"{ref!r} has weights only in {pickled!r}, a format that can run code when loaded.",
            "Convert them to safetensors: model.save_pretrained(FOLDER, safe_serialization=True).",
        )
    raise RequestError(f"{ref!r} contains no weights (*.safetensors).", "Download the model completely.")


def _hub(ref: str) -> Any:
    try:
        import huggingface_hub
        from huggingface_hub import constants
    except ModuleNotFoundError as e:
        raise MissingPackage(f"The hub reference {ref!r}", "huggingface_hub") from e
    if constants.HF_HUB_CACHE.startswith("~"):
        # It would be created below the current folder, under the name "~".
        raise RequestError(
            f"The hub reference {ref!r} needs a cache, and its folder is unknown: HOME is not set, and this user has no "
            "home folder.",
            "Set HF_HOME to a folder that you can write.",
        )
    return huggingface_hub


def _remote(name: str, revision: str | None, config: str, weights: bool) -> Resolved:
    hub = _hub(name)
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        return _cached(name, revision, config, weights, "HF_HUB_OFFLINE is set, so nothing is downloaded")
    try:
        info = hub.HfApi().model_info(name, revision=revision, timeout=20)
    except errors.GatedRepoError as e:
        raise _gated(name) from e
    except errors.RevisionNotFoundError as e:
        raise RequestError(
            f"{name!r} has no revision {revision!r} on the hub.",
            "Specify a branch, a tag or a commit hash listed on its page.",
        ) from e
    except errors.RepositoryNotFoundError as e:
        raise RequestError(
            f"The hub has no model {name!r}, or you have no access to it.",
            "Check the spelling; for a private model, set the environment variable HF_TOKEN.",
        ) from e
    except Exception as e:  # any transport error: the model may still be in the cache
        why = f"the hub cannot be reached ({type(e).__name__})"
        return _cached(name, revision, config, weights, why, certificate_problem())
    if info.gated and not hub.get_token() and not _in_cache(name, info.sha, config):
        raise _gated(name)
    if weights:
        _check_formats(name, [s.rfilename for s in info.siblings or ()])
    return Resolved("hub", name, _snapshot(name, info.sha, config), revision=str(info.sha))


def _gated(name: str) -> RequestError:
    return RequestError(
        f"You must accept the terms of the model {name!r} before you can download it.",
        "Accept them on the model's page on the hub, then set the environment variable HF_TOKEN to a read token.",
    )


def _cached(
    name: str, revision: str | None, config: str, weights: bool, why: str, remedy: str = ""
) -> Resolved:
    found = _in_cache(name, revision, config)
    if found is None:
        at = f" at revision {revision!r}" if revision else ""
        raise RequestError(
            f"The model {name!r}{at} is not in the local cache, and {why}.",
            remedy
            or f"Connect to the network, or download it elsewhere (`hf download {name}`) and specify the folder instead.",
        )
    if weights:
        _check_formats(name, [p.name for p in found.parent.iterdir()])
    return Resolved("hub", name, found.parent, revision=found.parent.name)


def _in_cache(name: str, revision: str | None, config: str) -> Path | None:
    found = _hub(name).try_to_load_from_cache(name, config, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _snapshot(name: str, commit: str | None, config: str) -> Path | None:
    """The cached folder if it is complete: an interrupted download leaves a folder without weights."""
    found = _in_cache(name, commit, config)
    if found is None:
        return None
    folder = found.parent
    wanted = [
        index.parent / part
        for index in folder.rglob("*.safetensors.index.json")
        for part in set(json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values())
    ]
    complete = all(part.exists() for part in wanted) and any(folder.rglob("*.safetensors"))
    return folder if complete else None
