"""Lists the kinds of release that can be imported."""

from __future__ import annotations

from collections.abc import Mapping

from harness.datasets.imports.affectnet import AffectNet
from harness.datasets.imports.base import Kind
from harness.datasets.imports.ck_plus import CkPlus
from harness.datasets.imports.class_folders import ClassFolders
from harness.datasets.imports.diffusionfer import DiffusionFer
from harness.datasets.imports.fer2013 import Fer2013
from harness.datasets.imports.ferplus import FerPlus
from harness.datasets.imports.hugging_face import HuggingFace
from harness.datasets.imports.kdef import Kdef
from harness.datasets.imports.manifest import Manifest
from harness.datasets.imports.memo_bench import MemoBench
from harness.datasets.imports.raf_db import RafDb
from harness.errors import unknown

KINDS: Mapping[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        MemoBench,
        ClassFolders,
        Manifest,
        Fer2013,
        FerPlus,
        RafDb,
        AffectNet,
        CkPlus,
        Kdef,
        DiffusionFer,
        HuggingFace,
    )
}


def kind_of(name: str) -> Kind:
    """The kind with a given name, ignoring case and punctuation. Raises `UnknownName` with the nearest."""
    folded = {_folded(kind): kind for kind in KINDS}
    if _folded(name) not in folded:
        raise unknown("kind of release", name, KINDS)
    return KINDS[folded[_folded(name)]]()


def _folded(name: str) -> str:
    return "".join(c for c in name.casefold().replace("+", "plus") if c.isalnum())
