"""Components of a pipeline that come from another folder or repository than the pipeline itself."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import BadOption, RequestError, nearest
from harness.hub import Resolved, check_files, resolve
from memobench_diffusers.failures import load_error
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.presets import preset_of

_CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
_WITHOUT_WEIGHTS = ("tokenizer", "processor", "image_processor", "feature_extractor")


def given_components(options: DiffusersOptions) -> Mapping[str, str]:
    """Component -> folder or hub reference: the preset's, replaced by those of the options."""
    preset = preset_of(options.ref.partition("@")[0])
    return {**(preset.get("components", {}) if preset else {}), **options.components}


def resolve_component(name: str, ref: str) -> Resolved:
    """Where a component is. Raises `RequestError` with its name if it is not available."""
    weights = not name.startswith(_WITHOUT_WEIGHTS)
    # What has no weights has no file of a name that all have; a folder says which of them it has.
    configs = (config_of(ref),) if weights or os.path.isdir(os.path.expanduser(ref)) else _CONFIGS
    problems: list[RequestError] = []
    for config in configs:
        try:
            return check_files(resolve(ref, config=config, weights=weights))
        except RequestError as e:
            problems.append(e)
    raise RequestError(f"Component {name!r}: {problems[0].message}", problems[0].hint) from problems[0]


def config_of(ref: str) -> str:
    """The file that describes a component: a folder may have a tokenizer alone."""
    folder = Path(os.path.expanduser(ref))
    return next((name for name in _CONFIGS if (folder / name).is_file()), _CONFIGS[0])


def identity(components: Mapping[str, Resolved]) -> dict[str, str]:
    """The fields of a generator's identity that stand for its components."""
    return {
        f"components.{name}": f"{model.ref}@{model.revision}" if model.kind == "hub" else model.digest
        for name, model in sorted(components.items())
    }


def pipeline_class(name: str) -> Any:
    """The class of a pipeline; None if the installed diffusers does not have it."""
    return getattr(importlib.import_module("diffusers"), name, None)


def component_types(pipeline: Any) -> dict[str, tuple[Any, ...]]:
    """Component -> the classes with weights or settings that the annotation in the pipeline's constructor names."""
    hints = typing.get_type_hints(pipeline.__init__)
    return {
        name: tuple(c for c in typing.get_args(hints.get(name)) or (hints.get(name),) if _loads(c))
        for name, parameter in inspect.signature(pipeline.__init__).parameters.items()
        if name != "self" and (parameter.default is parameter.empty or name in pipeline._optional_components)
    }


def _loads(found: Any) -> bool:
    return isinstance(found, type) and hasattr(found, "from_pretrained")


def check_names(pipeline: Any, names: typing.Iterable[str]) -> None:
    """Raises `BadOption` for a component that the pipeline does not have, or that has no class of its own."""
    types = component_types(pipeline)
    for name in names:
        if name not in types:
            guess = nearest(name, types)
            raise BadOption(
                f"{pipeline.__name__} has no component {name!r}.",
                (f"Did you mean {guess!r}? " if guess else "") + f"Its components: {', '.join(types)}.",
            )
        if not types[name]:
            raise BadOption(
                f"The component {name!r} of {pipeline.__name__} cannot come from another repository.",
                "A scheduler is chosen with -o scheduler=CLASS." if "scheduler" in name else "Omit it.",
            )


def check_complete(ref: str, pipeline: Any, present: typing.Container[str]) -> None:
    """Raises `RequestError` for a component that neither the pipeline's own repository has nor `components` names."""
    if pipeline._load_connected_pipes:
        return
    types = component_types(pipeline)
    absent = [
        n for n, c in types.items() if c and n not in present and n not in pipeline._optional_components
    ]
    if absent:
        example = json.dumps(dict.fromkeys(absent, "ORG/NAME"))
        raise RequestError(
            f"{ref!r} does not have {', '.join(map(repr, absent))}, which {pipeline.__name__} needs.",
            f"Say where they are, a folder or a hub reference: -o components='{example}'",
        )


def load_components(components: Mapping[str, Resolved], pipeline: Any, dtype: str) -> dict[str, Any]:
    """The components, on the CPU. Raises `HarnessError` that names the repository of the one that cannot be loaded."""
    types = component_types(pipeline)
    found = {}
    for name, model in components.items():
        try:
            found[name] = _load(name, types[name], model, dtype)
        except Exception as e:
            raise load_error(e, model.ref, None, dtype) from e
    return found


def _load(name: str, candidates: tuple[Any, ...], model: Resolved, dtype: str) -> Any:
    import torch
    import transformers

    component = _class_of(name, candidates, model)
    local = model.kind == "local"
    arguments: dict[str, Any] = {} if local else {"revision": model.revision}
    if issubclass(component, torch.nn.Module):
        arguments |= {"torch_dtype": getattr(torch, dtype), "use_safetensors": True}
    elif issubclass(component, (transformers.PreTrainedTokenizerBase, transformers.AutoTokenizer)):
        # The class in the annotation may differ from that of the tokenizer's own files.
        component, arguments["trust_remote_code"] = transformers.AutoTokenizer, False
    return component.from_pretrained(model.source if local else model.ref, **arguments)


def _class_of(name: str, candidates: tuple[Any, ...], model: Resolved) -> Any:
    """The class to load. Raises `RequestError` for a model of another kind: its weights would be left random."""
    config = model.read_json("config.json")
    stored = [config["_class_name"]] if "_class_name" in config else list(config.get("architectures") or ())
    if not stored or name.startswith(_WITHOUT_WEIGHTS):
        return candidates[0]
    for candidate in candidates:
        kind = str(getattr(getattr(candidate, "config_class", None), "model_type", ""))
        # A text encoder may be a part of the stored model, as with CLIP.
        part = kind.removesuffix("_model").removesuffix("_text").removesuffix("_vision")
        if candidate.__name__ in stored or (kind and config.get("model_type") in (kind, part)):
            return candidate
    raise RequestError(
        f"The component {name!r} must be {' or '.join(c.__name__ for c in candidates)}, but {model.ref!r} is "
        f"{stored[0]}.",
        "Name the folder or repository of the right model.",
    )
