"""Parquet as Hugging Face `datasets` writes it: pyarrow, which is an optional package, and the metadata of its schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import MissingPackage

HUGGING_FACE, OURS = b"huggingface", b"memobench"
"""Keys of a schema's metadata: what the columns are, and what an export of ours says of the data set."""


def load_pyarrow(purpose: str) -> Any:
    """The package pyarrow with its Parquet module. Raises `MissingPackage` with the command that installs it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as e:
        raise MissingPackage(purpose, "pyarrow", 'pip install "memobench[parquet]"') from e
    return pyarrow


def class_names(schema: Any) -> dict[str, list[str]]:
    """Column -> the names of its classes, for the columns that the metadata declares as ClassLabel."""
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
    """A JSON object of a schema's metadata; empty where there is none, or it is none."""
    try:
        found = json.loads((schema.metadata or {}).get(key, b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def hugging_face_metadata(columns: Mapping[str, str], classes: Sequence[str]) -> bytes:
    """The metadata from which `datasets` knows an Image, a ClassLabel and the types of the other columns.

    `columns` maps names to "image", "class", "ratings" or the name of a type, such as "string".
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
