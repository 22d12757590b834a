"""Loads a model and its processor, and says in plain words why they cannot be loaded."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers as library

from harness import BadOption, HarnessError, MissingPackage
from harness.hub import Resolved, memory_gib, resolve
from harness.mllm import preset_of
from memobench_transformers.options import TransformersOptions

LESS_MEMORY = (
    "Take less: -o dtype=bfloat16, -o quantization=4bit, -o batch_size=1, -o device_map=auto over several devices, "
    "or a smaller model."
)
transformers: Any = library
"""Typed in parts only."""
_EXTRAS = ("torchvision", "accelerate", "bitsandbytes", "sentencepiece", "tiktoken", "timm", "peft", "av")
"""Packages that some models ask for; the errors of transformers name them in their text alone."""


class ModelFailed(HarnessError):
    """The model could not be loaded."""

    exit_code = 3


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on whichever device."""
    said = str(error)
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and ("out of memory" in said or "can't allocate memory" in said)
    )


def check(options: TransformersOptions, model: Resolved) -> None:
    """Refuse what cannot work, from the small files alone. Raises `HarnessError` with what to change."""
    config = model.read_json("config.json")
    kind = str(config.get("model_type", ""))
    own_code = bool(config.get("auto_map"))
    if kind not in transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        if own_code and not options.trust_remote_code:
            raise BadOption(
                f"{model.ref} runs Python code that its repository holds.",
                "Read that code; if you trust it: -o trust_remote_code=true",
            )
        if not own_code:
            raise _no_pictures(model, kind, config)


def _no_pictures(model: Resolved, kind: str, config: dict[str, Any]) -> BadOption:
    known = transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
    name = (config.get("architectures") or [kind or "a model of no kind"])[0]
    if kind in known:
        return BadOption(
            f"{model.ref} is {name}: it does not answer in text on pictures.",
            "Name a multimodal model, such as transformers:llava-hf/llava-1.5-7b-hf.",
        )
    return BadOption(
        f"transformers {transformers.__version__} does not know the architecture of {model.ref} ({name}).",
        f"Update transformers, or try vllm:{model.ref}",
    )


def device_of(options: TransformersOptions) -> torch.device:
    """The device that the options mean. Raises `BadOption` for one that is not there."""
    if options.device == "auto":
        here = [d for d in ("cuda", "xpu", "mps") if _available(d)]
        return torch.device(here[0] if here else "cpu")
    try:
        device = torch.device(options.device)
    except RuntimeError as e:
        raise BadOption(
            f"device: torch knows no {options.device!r}.", "Give auto, cpu, cuda, cuda:1, mps or xpu."
        ) from e
    if device.type != "cpu" and not _available(device.type):
        raise BadOption(
            f"device: torch {torch.__version__} sees no {device.type} device here.",
            "Install a build of torch for it, or leave -o device away.",
        )
    if device.index is not None and device.type == "cuda" and device.index >= torch.cuda.device_count():
        raise BadOption(
            f"device: there is no {options.device}; torch sees {torch.cuda.device_count()} GPU.",
            "GPUs are counted from cuda:0.",
        )
    return device


def _available(kind: str) -> bool:
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    module = getattr(torch, kind, None)
    return bool(module is not None and hasattr(module, "is_available") and module.is_available())


def load_processor(options: TransformersOptions, model: Resolved) -> Any:
    """The model's processor, padding on the left. Raises `HarnessError`."""
    known = preset_of(model.ref)
    settings = dict(known.get("mm_processor_kwargs") or {}) if known is not None else {}
    given = {"min_pixels": options.min_pixels, "max_pixels": options.max_pixels}
    bounds = {name: settings.pop(name, None) if value is None else value for name, value in given.items()}
    with _translated(options, model), quietly():
        processor = transformers.AutoProcessor.from_pretrained(
            model.source, **_where(options, model), **settings
        )
        if (
            getattr(processor, "image_processor", None) is None
            or getattr(processor, "tokenizer", None) is None
        ):
            raise ModelFailed(
                f"{model.ref} comes without a processor for pictures and texts.",
                "Get the model again with all its files, preprocessor_config.json among them.",
            )
        if any(bounds.values()):
            size = _bounded(processor.image_processor, bounds, model)
            processor.image_processor = transformers.AutoImageProcessor.from_pretrained(
                model.source, **_where(options, model), size=size
            )
    processor.tokenizer.padding_side = "left"
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def _bounded(pictures: Any, bounds: dict[str, int | None], model: Resolved) -> dict[str, int]:
    """The sizes, in pixels, between which pictures are scaled. Raises `BadOption` where the model has none."""
    if "min_pixels" not in getattr(pictures.valid_kwargs, "__annotations__", {}):
        named = " and no ".join(name for name, value in bounds.items() if value is not None)
        raise BadOption(
            f"{model.ref} scales every picture in its own way: it has no {named}.", "Leave it away."
        )
    # The edges of its `size` hold areas.
    least = bounds["min_pixels"] or int(pictures.size["shortest_edge"])
    most = bounds["max_pixels"] or int(pictures.size["longest_edge"])
    if least > most:
        raise BadOption(
            f"min_pixels, {least}, is more than max_pixels, {most}.", "Give both, the smaller one first."
        )
    return {"shortest_edge": least, "longest_edge": most}


def load_model(options: TransformersOptions, model: Resolved, device: torch.device) -> Any:
    """The model with its weights, ready to answer. Raises `HarnessError` with what to change."""
    arguments = _where(options, model) | {"dtype": _dtype(options, model), "use_safetensors": True}
    if options.attn_implementation:
        arguments["attn_implementation"] = options.attn_implementation
    if options.device_map is not None:
        arguments["device_map"] = options.device_map
    if options.quantization != "none":
        arguments["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=options.quantization == "4bit",
            load_in_8bit=options.quantization == "8bit",
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        arguments.setdefault("device_map", {"": device})
    # The bars stay where gigabytes are still to be downloaded.
    with _translated(options, model), quietly(bars_too=model.path is not None):
        loaded, report = transformers.AutoModelForImageTextToText.from_pretrained(
            model.source, output_loading_info=True, **arguments
        )
        _check_complete(model, report)
        if options.lora:
            _adapt(loaded, options.lora)
        if "device_map" not in arguments:
            loaded.to(device)
    return loaded.eval()


def _dtype(options: TransformersOptions, model: Resolved) -> str:
    known = preset_of(model.ref)
    return options.dtype if options.dtype != "auto" or known is None else str(known.get("dtype", "auto"))


def _where(options: TransformersOptions, model: Resolved) -> dict[str, Any]:
    where: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    return where | {"revision": model.revision} if model.kind == "hub" and model.path is None else where


def _check_complete(model: Resolved, report: dict[str, Any]) -> None:
    # transformers fills what is missing with random numbers, and only warns.
    lacking = sorted(report.get("missing_keys") or ())
    unfit = sorted(str(entry[0]) for entry in report.get("mismatched_keys") or ())
    for names, what in ((lacking, "lack"), (unfit, "have another shape for")):
        if names:
            more = f" and {len(names) - 1} more tensors" if len(names) > 1 else ""
            raise ModelFailed(
                f"The weights of {model.ref} {what} {names[0]}{more}.",
                "Get the model again: it is incomplete, or its config.json belongs to another.",
            )


def _adapt(model: Any, lora: str) -> None:
    adapter = resolve(lora, config="adapter_config.json")
    where = {} if adapter.path is not None else {"revision": adapter.revision}
    model.load_adapter(adapter.source, use_safetensors=True, **where)


@contextmanager
def quietly(*, bars_too: bool = True) -> Iterator[None]:
    """No warnings of libraries, and no progress bars: what matters is checked and said in our own words."""
    own, others = transformers.utils.logging, logging.getLogger("bitsandbytes")
    levels, bars = (own.get_verbosity(), others.level), own.is_progress_bar_enabled()
    own.set_verbosity_error()
    others.setLevel(logging.ERROR)
    if bars_too:
        own.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="(transformers|torch|peft|bitsandbytes)($|[.])")
            yield
    finally:
        own.set_verbosity(levels[0])
        others.setLevel(levels[1])
        if bars:
            own.enable_progress_bar()


@contextmanager
def _translated(options: TransformersOptions, model: Resolved) -> Iterator[None]:
    """Errors in words that a user can act on."""
    try:
        yield
    except HarnessError:
        raise
    except ImportError as e:
        needed = e.name or next((name for name in _EXTRAS if name in str(e)), "")
        if needed:
            raise MissingPackage(f"The model {model.ref!r}", needed.partition(".")[0]) from e
        raise _failed(model, e) from e
    except Exception as e:  # transformers, safetensors and torch raise errors of many kinds
        if out_of_memory(e):
            raise ModelFailed(
                f"There is not enough memory for {model.ref}{_needs(options, model)}.", LESS_MEMORY
            ) from e
        if "trust_remote_code" in str(e):
            raise BadOption(
                f"{model.ref} runs Python code that its repository holds.",
                "Read that code; if you trust it: -o trust_remote_code=true",
            ) from e
        raise _failed(model, e) from e


def _failed(model: Resolved, error: Exception) -> ModelFailed:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = (lines[0] if lines else type(error).__name__).rstrip(".")[:300]
    hint = "Get the model again if files are broken; `harness show transformers` lists the options."
    if "attn_implementation" in said or "FlashAttention" in said:
        hint = "Leave -o attn_implementation away, or give sdpa or eager."
    return ModelFailed(f"{model.ref} cannot be loaded: {said}.", hint)


def _needs(options: TransformersOptions, model: Resolved) -> str:
    known = preset_of(model.ref)
    if known is None or known.get("parameters") is None:
        return ""
    dtype = options.quantization if options.quantization != "none" else _dtype(options, model)
    return f" (its weights alone take some {memory_gib(float(known.get('parameters')), dtype):.0f} GiB in {dtype})"
