"""Compares the tensors of a checkpoint with the model that its config.json describes, before an engine loads them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness.errors import RequestError
from harness.hub import Resolved, stored_tensors

Shape = tuple[int, ...]


def check_tensors(model: Resolved) -> None:
    """Raise `RequestError` if the checkpoint certainly lacks tensors of the model, or has other shapes for them.

    The model is built by transformers without memory for its weights, and names are mapped as transformers maps them
    when it loads the checkpoint. Nothing is refused where that cannot be known: custom code, architectures or formats
    that transformers does not support, tensors that may exist under a different name, shapes of quantized tensors.
    """
    tensors = stored_tensors(model.path) if model.path is not None else {}
    if not tensors:
        return
    try:
        compared = _compare(str(model.path), {name: tensor.shape for name, tensor in tensors.items()})
    except Exception:  # the check is not worth more than the model: the engine reports what it cannot load
        return
    raise_if_incomplete(model, *compared)


def raise_if_incomplete(model: Resolved, missing: Collection[str], misshapen: Collection[str]) -> None:
    """Raise `RequestError` that names tensors which are missing from the weights or have the wrong shape."""
    for names, what in ((missing, "lack"), (misshapen, "have a different shape for")):
        if names:
            shown = sorted(names)[:3]
            more = f" and {len(names) - len(shown)} more tensors" if len(names) > len(shown) else ""
            raise RequestError(
                f"The weights of {model.ref} {what} {', '.join(shown)}{more}.",
                "Download the model again: it is incomplete, or its config.json belongs to a different model.",
            )


def _compare(folder: str, stored: Mapping[str, Shape]) -> tuple[set[str], set[str]]:
    """The names of tensors that are certainly missing, and of those that certainly have a different size."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    model_class = getattr(transformers, config.architectures[0])
    with _silent(transformers.utils.logging):
        with torch.device("meta"):
            expected = model_class(config)
        report = _load_on_meta(expected, {name: torch.empty(s, device="meta") for name, s in stored.items()})
    shapes = {name: tuple(parameter.shape) for name, parameter in expected.named_parameters()}
    missing = {name for name in report.missing_keys if name in shapes}
    if _ties_embeddings(config.to_dict()):
        missing -= {name for name in missing if name.endswith("lm_head.weight")}
    broken = [_module(name) for name in report.conversion_errors]
    missing -= {name for name in missing if _module(name) in broken}
    if getattr(config, "quantization_config", None):
        # Quantized tensors have names and shapes of their own, below the module that they belong to.
        others = {parent for name in report.unexpected_keys for parent in _parents(name)}
        return {name for name in missing if _module(name) not in others and name not in others}, set()
    elsewhere = _possible_shapes(report.unexpected_keys, stored)
    if elsewhere is None:
        missing = set()
    else:
        missing = {name for name in missing if shapes[name] not in elsewhere}
    misshapen = {
        name for name, given, wanted in report.mismatched_keys if math.prod(given) != math.prod(wanted)
    }
    return missing, misshapen


@contextmanager
def _silent(logging: Any) -> Iterator[None]:
    """No progress bars and no warnings of transformers."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _load_on_meta(model: Any, tensors: dict[str, Any]) -> Any:
    """The loading report of transformers for tensors without memory."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import convert_and_load_state_dict_in_model
    from transformers.modeling_utils import LoadStateDictConfig

    how = LoadStateDictConfig(
        device_map={"": "meta"},
        ignore_mismatched_sizes=True,
        weight_mapping=get_model_conversion_mapping(model),
    )
    report, _ = convert_and_load_state_dict_in_model(
        model=model, state_dict=tensors, load_config=how, disk_offload_index=None
    )
    model.tie_weights(missing_keys=report.missing_keys, recompute_mapping=False)
    model._adjust_missing_and_unexpected_keys(report)
    return report


def _possible_shapes(unexpected: Collection[str], stored: Mapping[str, Shape]) -> set[Shape] | None:
    """The shapes that tensors of unexpected names may have; None if that is unknown.

    Unexpected names may be the missing ones under the name of a different version. They were mapped already, so only
    their ends are found among the stored names.
    """
    by_end: dict[str, set[Shape]] = {}
    for name, shape in stored.items():
        by_end.setdefault(_end(name), set()).add(shape)
    found = [by_end.get(_end(name)) for name in unexpected]
    return None if None in found else {shape for shapes in found for shape in shapes or ()}


def _end(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def _module(name: str) -> str:
    return name.rpartition(".")[0]


def _parents(name: str) -> list[str]:
    """All prefixes of a dotted name, and the name without a suffix such as `_blocks`."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))] + [name.rpartition("_")[0]]


def _ties_embeddings(config: Any) -> bool:
    """Whether a config, or one inside it, ties the output to the input embeddings."""
    if not isinstance(config, dict):
        return False
    return bool(config.get("tie_word_embeddings")) or any(map(_ties_embeddings, config.values()))
