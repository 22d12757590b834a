"""Loads the optional package pyarrow, and reads and writes schema metadata as Hugging Face `datasets` does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import MissingPackage

HUGGING_FACE, OURS = b"huggingface", b"memobench"
"""Keys of schema metadata: Hugging Face column types, and our own description of the data set."""


def load_pyarrow(purpose: str) -> Any:
    """The package pyarrow with its Parquet module. Raises `MissingPackage`."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as e:
        raise MissingPackage(purpose, "pyarrow") from e
    return pyarrow


def class_names(schema: Any) -> dict[str, list[str]]:
    """Column -> class names, for columns declared as ClassLabel in the metadata."""
    features = metadata(schema, HUGGING_FACE).get("info", {})
    features = features.get("features", {}) if isinstance(features, dict) else {}
    found = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        if (
            isinstance(feature, dict)
            and feature.get("_type") == "ClassLabel"
            and isinstance(feature.get("names"), list)
        ):
            found[column] = [str(name) for name in feature["names"]]
    return found


def metadata(schema: Any, key: bytes) -> dict[str, Any]:
    """A JSON object from the schema metadata; empty if missing or invalid."""
    try:
        found = json.loads((schema.metadata or {}).get(key, b"{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def hugging_face_metadata(columns: Mapping[str, str], classes: Sequence[str]) -> bytes:
    """The metadata that tells `datasets` about Image, ClassLabel and other column types.

    `columns` maps names to "image", "class", "ratings" or a type name such as "string".
    """
    text = {"dtype": "string", "_type": "Value"}
    features: dict[str, Any] = {}
    for name, kind in columns.items():
        if kind == "image":
            features[name] = {"_type": "Image"}
        elif kind == "class":
            features[name] = {"names": list(classes), "_type": "ClassLabel"}
        elif kind == "ratings":
            features[name] = [{"rater": text, "question": text, "value": text}]
        else:
            features[name] = {"dtype": kind, "_type": "Value"}
    return json.dumps({"info": {"features": features}}).encode()
