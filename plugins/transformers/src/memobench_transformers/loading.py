"""Loads a model and its processor, with readable errors if they cannot be loaded."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers as library

from harness import BadOption, ExitCode, HarnessError, MissingPackage
from harness.hub import Resolved, check_files, memory_gib, resolve
from harness.mllm import check_tensors, preset_of, raise_if_incomplete
from memobench_transformers.options import TransformersOptions

LESS_MEMORY = (
    "Reduce memory: -o dtype=bfloat16, -o quantization=4bit, -o batch_size=1, -o device_map=auto with several devices, "
    "or a smaller model."
)
transformers: Any = library
"""As `Any`, because it is only partly typed."""
_EXTRAS = ("torchvision", "accelerate", "bitsandbytes", "sentencepiece", "tiktoken", "timm", "peft", "av")
"""Packages that some models need. Errors of transformers name them only in the message."""


class ModelFailed(HarnessError):
    """The model could not be loaded."""

    exit_code = ExitCode.FAILED


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on any device."""
    message = str(error)
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and ("out of memory" in message or "can't allocate memory" in message)
    )


def check_architecture(options: TransformersOptions, model: Resolved) -> None:
    """Check from config.json whether the model can work. Raises `HarnessError` with a hint."""
    config = model.read_json("config.json")
    kind = str(config.get("model_type", ""))
    own_code = bool(config.get("auto_map"))
    if kind not in transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        if own_code and not options.trust_remote_code:
            raise BadOption(
                f"{model.ref} requires Python code from its repository.",
                "Review that code. If you trust it: -o trust_remote_code=true",
            )
        if not own_code:
            raise _unsupported_model(model, kind, config)


def _unsupported_model(model: Resolved, kind: str, config: dict[str, Any]) -> BadOption:
    known = transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
    name = (config.get("architectures") or [kind or "unknown type"])[0]
    if kind in known:
        return BadOption(
            f"{model.ref} is {name}, which does not generate text from pictures.",
            "Choose a multimodal model, such as transformers:llava-hf/llava-1.5-7b-hf.",
        )
    return BadOption(
        f"transformers {transformers.__version__} does not know the architecture of {model.ref} ({name}).",
        f"Update transformers, or use vllm:{model.ref}",
    )


def select_device(options: TransformersOptions) -> torch.device:
    """The device for the options. Raises `BadOption` if it is unavailable."""
    if options.device == "auto":
        available = [d for d in ("cuda", "xpu", "mps") if _available(d)]
        return torch.device(available[0] if available else "cpu")
    try:
        device = torch.device(options.device)
    except RuntimeError as e:
        raise BadOption(
            f"device: torch does not know {options.device!r}.", "Give auto, cpu, cuda, cuda:1, mps or xpu."
        ) from e
    if device.type != "cpu" and not _available(device.type):
        raise BadOption(
            f"device: torch {torch.__version__} finds no {device.type} device.",
            "Install a torch build for it, or omit -o device.",
        )
    if device.index is not None and device.type == "cuda" and device.index >= torch.cuda.device_count():
        raise BadOption(
            f"device: there is no {options.device}; torch finds {torch.cuda.device_count()} GPU(s).",
            "GPU numbers start at cuda:0.",
        )
    return device


def _available(kind: str) -> bool:
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    module = getattr(torch, kind, None)
    return bool(module is not None and hasattr(module, "is_available") and module.is_available())


def load_processor(options: TransformersOptions, model: Resolved) -> Any:
    """Load the model's processor, with padding on the left. Raises `HarnessError`."""
    known = preset_of(model.ref)
    settings = dict(known.get("mm_processor_kwargs") or {}) if known is not None else {}
    given = {"min_pixels": options.min_pixels, "max_pixels": options.max_pixels}
    bounds = {name: settings.pop(name, None) if value is None else value for name, value in given.items()}
    with _as_harness_errors(options, model), silenced_libraries():
        processor = transformers.AutoProcessor.from_pretrained(
            model.source, **_source_arguments(options, model), **settings
        )
        if (
            getattr(processor, "image_processor", None) is None
            or getattr(processor, "tokenizer", None) is None
        ):
            raise ModelFailed(
                f"{model.ref} has no processor for pictures and text.",
                "Download the model again with all its files, including preprocessor_config.json.",
            )
        if any(bounds.values()):
            size = _pixel_bounds(processor.image_processor, bounds, model)
            processor.image_processor = transformers.AutoImageProcessor.from_pretrained(
                model.source, **_source_arguments(options, model), size=size
            )
    processor.tokenizer.padding_side = "left"
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def _pixel_bounds(pictures: Any, bounds: dict[str, int | None], model: Resolved) -> dict[str, int]:
    """The `size` argument with the bounds in pixels. Raises `BadOption` if the model does not support bounds."""
    if "min_pixels" not in getattr(pictures.valid_kwargs, "__annotations__", {}):
        named = " and ".join(name for name, value in bounds.items() if value is not None)
        raise BadOption(f"{model.ref} does not support {named}.", "Omit it.")
    # The edges in its `size` are areas, in spite of their names.
    least = bounds["min_pixels"] or int(pictures.size["shortest_edge"])
    most = bounds["max_pixels"] or int(pictures.size["longest_edge"])
    if least > most:
        raise BadOption(
            f"min_pixels ({least}) is greater than max_pixels ({most}).",
            "Set both, with min_pixels <= max_pixels.",
        )
    return {"shortest_edge": least, "longest_edge": most}


def load_model(options: TransformersOptions, model: Resolved, device: torch.device) -> Any:
    """Load the model with its weights, ready for inference. Raises `HarnessError` with a hint."""
    check_tensors(model)
    arguments = _source_arguments(options, model) | {"dtype": _dtype(options, model), "use_safetensors": True}
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
    # Keep the progress bars while gigabytes are being downloaded.
    with _as_harness_errors(options, model), silenced_libraries(bars_too=model.path is not None):
        loaded, report = transformers.AutoModelForImageTextToText.from_pretrained(
            model.source, output_loading_info=True, **arguments
        )
        _check_complete(model, report)
        if options.lora:
            _load_adapter(loaded, options.lora)
        if "device_map" not in arguments:
            loaded.to(device)
    return loaded.eval()


def _dtype(options: TransformersOptions, model: Resolved) -> str:
    known = preset_of(model.ref)
    return options.dtype if options.dtype != "auto" or known is None else str(known.get("dtype", "auto"))


def _source_arguments(options: TransformersOptions, model: Resolved) -> dict[str, Any]:
    where: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    return where | {"revision": model.revision} if model.kind == "hub" and model.path is None else where


def _check_complete(model: Resolved, report: dict[str, Any]) -> None:
    # transformers initializes missing weights randomly and only warns.
    mismatched = [str(entry[0]) for entry in report.get("mismatched_keys") or ()]
    raise_if_incomplete(model, report.get("missing_keys") or (), mismatched)


def _load_adapter(model: Any, lora: str) -> None:
    adapter = check_files(resolve(lora, config="adapter_config.json"))
    where = {} if adapter.path is not None else {"revision": adapter.revision}
    model.load_adapter(adapter.source, use_safetensors=True, **where)


@contextmanager
def silenced_libraries(*, bars_too: bool = True) -> Iterator[None]:
    """Suppress library warnings and progress bars: relevant problems are checked and reported by this plugin."""
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
def _as_harness_errors(options: TransformersOptions, model: Resolved) -> Iterator[None]:
    """Convert exceptions into errors that a user can act on."""
    try:
        yield
    except HarnessError:
        raise
    except ImportError as e:
        needed = e.name or next((name for name in _EXTRAS if name in str(e)), "")
        if needed:
            raise MissingPackage(f"The model {model.ref!r}", needed.partition(".")[0]) from e
        raise _model_failed(model, e) from e
    except Exception as e:  # transformers, safetensors and torch raise many kinds of errors
        if out_of_memory(e):
            raise ModelFailed(
                f"There is not enough memory for {model.ref}{_memory_needed(options, model)}.", LESS_MEMORY
            ) from e
        if "trust_remote_code" in str(e):
            raise BadOption(
                f"{model.ref} requires Python code from its repository.",
                "Review that code. If you trust it: -o trust_remote_code=true",
            ) from e
        raise _model_failed(model, e) from e


def _model_failed(model: Resolved, error: Exception) -> ModelFailed:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = (lines[0] if lines else type(error).__name__).rstrip(".")[:300]
    hint = "Download the model again if files are damaged. `harness show transformers` lists the options."
    if "attn_implementation" in message or "FlashAttention" in message:
        hint = "Omit -o attn_implementation, or set it to sdpa or eager."
    return ModelFailed(f"{model.ref} cannot be loaded: {message}.", hint)


def _memory_needed(options: TransformersOptions, model: Resolved) -> str:
    known = preset_of(model.ref)
    if known is None or known.get("parameters") is None:
        return ""
    dtype = options.quantization if options.quantization != "none" else _dtype(options, model)
    return f" (its weights alone take about {memory_gib(float(known.get('parameters')), dtype):.0f} GiB in {dtype})"
