"""The kinds of release that the core imports; plugins add more, see `harness_importers`."""

from __future__ import annotations

from collections.abc import Mapping

from harness.datasets.imports.affectnet import AffectNet
from harness.datasets.imports.base import Importer
from harness.datasets.imports.ck_plus import CkPlus
from harness.datasets.imports.class_folders import ClassFolders
from harness.datasets.imports.coco import Coco
from harness.datasets.imports.cvat import Cvat
from harness.datasets.imports.diffusionfer import DiffusionFer
from harness.datasets.imports.eemo_bench import EEmoBench
from harness.datasets.imports.emonet_face import EmoNetFace
from harness.datasets.imports.emoset import EmoSet
from harness.datasets.imports.emoverse import EmoVerse
from harness.datasets.imports.fer2013 import Fer2013
from harness.datasets.imports.ferplus import FerPlus
from harness.datasets.imports.hugging_face import HuggingFace
from harness.datasets.imports.kdef import Kdef
from harness.datasets.imports.label_studio import LabelStudio
from harness.datasets.imports.manifest import Manifest
from harness.datasets.imports.memo_bench import MemoBench
from harness.datasets.imports.mllm_visual_emotion import MllmVisualEmotion
from harness.datasets.imports.mvei import Mvei
from harness.datasets.imports.raf_db import RafDb
from harness.datasets.imports.t2i_eval_bench import T2IEvalBench
from harness.datasets.imports.wide import Wide
from harness.errors import unknown

KINDS: Mapping[str, type[Importer]] = {
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
        EmoNetFace,
        EmoSet,
        EmoVerse,
        T2IEvalBench,
        Mvei,
        EEmoBench,
        MllmVisualEmotion,
        LabelStudio,
        Wide,
        Coco,
        Cvat,
    )
}


def kind_of(name: str) -> Importer:
    """The core's importer with a given name, ignoring case and punctuation. Raises `UnknownName` with the nearest."""
    names = {folded(kind): kind for kind in KINDS}
    if folded(name) not in names:
        raise unknown("kind of release", name, KINDS)
    return KINDS[names[folded(name)]]()


def folded(name: str) -> str:
    """A name of a kind as it is compared."""
    return "".join(c for c in name.casefold().replace("+", "plus") if c.isalnum())
