"""Builds tiny real multimodal models with seeded random weights, for tests and benchmarks.

    from harness.testing.models import tiny_llava

    folder = tiny_llava(tmp_path / "llava")    # loads in transformers and in vLLM

Each folder contains weights (safetensors), configuration, tokenizer, image processor and chat template, like a model
from the hub. The answers are meaningless, but reproducible and different for each picture. The same functions create a
model for training: `llava` returns it in memory, `save` writes it.

Requires torch, transformers and tokenizers, which are imported when a model is built. Attention heads have 32 or 64
dimensions, as required by CPU attention kernels.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import EMOTIONS, MissingPackage

LLAVA_TEMPLATE = (
    "{% for m in messages %}{{ m['role'] | upper }}: "
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] if c['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}{% endif %}"
    "{% if m['role'] == 'assistant' %}</s>{% else %}{{ ' ' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""The chat template of LLaVA 1.5: pictures first, then the text, then `ASSISTANT:`."""

THINKING_TEMPLATE = LLAVA_TEMPLATE.replace(
    "ASSISTANT:{% endif %}",
    "ASSISTANT: {{ '<think>\n' }}{% if enable_thinking is defined and not enable_thinking %}"
    "{{ '\n</think>\n\n' }}{% endif %}{% endif %}",
)
"""The same of a model that thinks unless it is told not to: the prompt opens a thought."""

QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat template of Qwen2-VL (ChatML), without its system message."""

QUESTIONS = (
    "Which emotion does the person's face show?",
    "Look at the person's face. Is the emotion that it shows positive, negative, neutral, or is it surprise?",
    "How strong is the emotion that the person's face shows?",
    "The person's face shows this emotion: happy. How strong is it?",
    "Answer with one of these words and nothing else: happy, sad, angry, surprise, worry, neutral.",
    "Answer with one of these levels and nothing else: very weak, weak, moderate, strong, very strong.",
    "Which of the two pictures shows stronger worry, the first or the second?",
    "Is it more worry or more sad? Describe what you see in the picture of the person in one sentence.",
    "Rate the quality of the picture: excellent, good, fair, poor, bad, from 1 to 5.",
    "USER: ASSISTANT: SYSTEM: user assistant system Yes. No. yes, no. left right both first, second.",
)
"""Training text of the tokenizer, in addition to `ANSWERS`: each of these words is one token."""

ANSWERS = (*EMOTIONS, "positive", "negative", "very weak", "weak", "moderate", "strong", "very strong",
           "excellent", "good", "fair", "poor", "bad", "first", "second", *"0123456789", *"ABCDEF")  # fmt: skip

VOCABULARY = 640
POSITIONS = 1024
"""Maximum number of tokens of prompt and answer, including picture tokens."""

_LLAVA_TOKENS = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
_QWEN_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_SPREAD = 0.08
"""Standard deviation of the random weights: with the usual 0.02, every picture gets the same answer."""


@dataclass(frozen=True)
class Tower:
    """The size of a stack of transformer layers: width, number of layers, dimensions of one attention head."""

    width: int
    layers: int
    head: int


@dataclass(frozen=True)
class Shape:
    """The size of a LLaVA: image and patch side in pixels, and its two towers.

    Pictures are resized so that the shorter side has ``resize`` pixels (default: ``image``), then center-cropped to
    ``image`` x ``image``. Each patch is one token.
    """

    image: int
    patch: int
    vision: Tower
    text: Tower
    resize: int = 0

    @property
    def tokens(self) -> int:
        """Tokens per picture."""
        return (self.image // self.patch) ** 2


TINY = Shape(64, 16, Tower(64, 2, 32), Tower(128, 2, 64))
"""0.7 million parameters."""
SMALL = Shape(224, 16, Tower(384, 6, 64), Tower(384, 10, 64))
"""31 million parameters: large enough that computation dominates Python overhead."""


def tiny_llava(
    folder: str | Path,
    *,
    seed: int = 0,
    image: int = 64,
    patch: int = 16,
    chat_template: str | None = LLAVA_TEMPLATE,
) -> Path:
    """Write a LLaVA with 0.7 million parameters to ``folder`` and return the path.

    ``image`` and ``patch`` are in pixels. ``chat_template`` None writes no chat template.
    Raises `MissingPackage` without torch or transformers.
    """
    shape = Shape(image, patch, TINY.vision, TINY.text)
    return save(*llava(shape, seed=seed, chat_template=chat_template), folder)


def tiny_thinking_llava(
    folder: str | Path, *, seed: int = 0, chat_template: str | None = THINKING_TEMPLATE, closes: float = 3.0
) -> Path:
    """Write a LLaVA with 0.7 million parameters that thinks first to ``folder`` and return the path.

    Weights of the token that closes a thought are multiplied by ``closes``: some thoughts end by themselves.
    Raises `MissingPackage` without torch or transformers.
    """
    model, processor = llava(seed=seed, chat_template=chat_template, marks=("<think>", "</think>"))
    model.lm_head.weight.data[processor.tokenizer.convert_tokens_to_ids("</think>")] *= closes
    return save(model, processor, folder)


def small_llava(folder: str | Path, *, seed: int = 0) -> Path:
    """Write a LLaVA with 31 million parameters for pictures of 224 pixels (196 tokens) to ``folder``, for benchmarks.

    Raises `MissingPackage` without torch or transformers.
    """
    return save(*llava(SMALL, seed=seed), folder)


def tiny_qwen2_vl(folder: str | Path, *, seed: int = 0, chat_template: str | None = QWEN_TEMPLATE) -> Path:
    """Write a Qwen2-VL with 0.7 million parameters to ``folder`` and return the path.

    Pictures keep their aspect ratio and take 4 to 16 tokens. Raises `MissingPackage` without torch or transformers.
    """
    return _tiny_qwen(
        "Qwen2VL", {"embed_dim": 64, "hidden_size": 128, "mlp_ratio": 2}, folder, seed, chat_template
    )


def tiny_qwen2_5_vl(folder: str | Path, *, seed: int = 0, chat_template: str | None = QWEN_TEMPLATE) -> Path:
    """Write a Qwen2.5-VL with 0.7 million parameters to ``folder`` and return the path.

    Pictures keep their aspect ratio and take 4 to 16 tokens. Raises `MissingPackage` without torch or transformers.
    """
    tower = {
        "hidden_size": 64,
        "out_hidden_size": 128,
        "intermediate_size": 128,
        "window_size": 56,
        "fullatt_block_indexes": [1],
    }
    return _tiny_qwen("Qwen2_5_VL", tower, folder, seed, chat_template)


def llava(
    shape: Shape = TINY,
    *,
    seed: int = 0,
    chat_template: str | None = LLAVA_TEMPLATE,
    spread: float = _SPREAD,
    marks: tuple[str, ...] = (),
) -> tuple[Any, Any]:
    """Create a LLaVA with random weights in memory: ``LlavaForConditionalGeneration``, ``LlavaProcessor``.

    ``spread`` is the standard deviation of the weights, ``marks`` are further tokens. Torch's global random state is preserved.
    Raises `MissingPackage` without torch or transformers.
    """
    transformers = _package("transformers")
    tokenizer = _tokenizer((*_LLAVA_TOKENS, *marks), "</s>", "<pad>", {"image_token": "<image>"}, start="<s>")
    vision = transformers.CLIPVisionConfig(
        hidden_size=shape.vision.width,
        intermediate_size=4 * shape.vision.width,
        projection_dim=shape.vision.width,
        num_hidden_layers=shape.vision.layers,
        num_attention_heads=shape.vision.width // shape.vision.head,
        image_size=shape.image,
        patch_size=shape.patch,
        initializer_range=spread,
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=transformers.LlamaConfig(
            **_text_config(tokenizer, shape.text, spread), bos_token_id=tokenizer.bos_token_id
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=shape.tokens,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    image_processor = _processor_class("CLIPImageProcessor")(
        size={"shortest_edge": shape.resize or shape.image},
        crop_size={"height": shape.image, "width": shape.image},
    )
    processor = transformers.LlavaProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        patch_size=shape.patch,
        vision_feature_select_strategy="default",
        chat_template=chat_template,
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    return _seeded(transformers.LlavaForConditionalGeneration, config, seed), processor


def save(model: Any, processor: Any, folder: str | Path) -> Path:
    """Write a model and its processor to ``folder`` (created if needed), loadable by transformers and vLLM."""
    target = Path(folder)
    model.save_pretrained(target)
    processor.save_pretrained(target)
    _use_hub_tensor_names(target / "model.safetensors")
    # safetensors writes with mode 0600.
    shutil.copymode(target / "config.json", target / "model.safetensors")
    return target


def _use_hub_tensor_names(weights: Path) -> None:
    """Rename the vision tower's tensors as in LLaVA models on the hub.

    transformers 5 drops `vision_model` from the names on saving, and reads both; vLLM reads only the old names.
    """
    safetensors = _package("safetensors.torch")
    tensors = safetensors.load_file(weights)
    old, new = "vision_tower.vision_model.", "vision_tower."
    renamed = {
        old + name[len(new) :] if name.startswith(new) and not name.startswith(old) else name: tensor
        for name, tensor in tensors.items()
    }
    safetensors.save_file(renamed, weights, metadata={"format": "pt"})


def _tiny_qwen(
    kind: str, vision: dict[str, Any], folder: str | Path, seed: int, chat_template: str | None
) -> Path:
    transformers = _package("transformers")
    tokenizer = _tokenizer(
        _QWEN_TOKENS,
        "<|im_end|>",
        "<|endoftext|>",
        {
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_bos_token": "<|vision_start|>",
            "vision_eos_token": "<|vision_end|>",
        },
    )
    token_id = tokenizer.convert_tokens_to_ids
    rotary = {"rope_type": "default", "mrope_section": [8, 12, 12], "rope_theta": 10000.0}
    config = getattr(transformers, f"{kind}Config")(
        text_config={
            **_text_config(tokenizer, TINY.text, _SPREAD),
            "bos_token_id": None,
            "rope_parameters": rotary,
        },
        vision_config={
            "depth": 2,
            "num_heads": 2,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "initializer_range": _SPREAD,
            **vision,
        },
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    pixels_per_token = 28 * 28  # 2 x 2 patches of 14 x 14 pixels
    image_options = {
        "patch_size": 14,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "size": {"shortest_edge": 4 * pixels_per_token, "longest_edge": 16 * pixels_per_token},
    }
    processor = getattr(transformers, f"{kind}Processor")(
        image_processor=_processor_class("Qwen2VLImageProcessor")(**image_options),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(**image_options),
        chat_template=chat_template,
    )
    model = _seeded(getattr(transformers, f"{kind}ForConditionalGeneration"), config, seed)
    return save(model, processor, folder)


def _text_config(tokenizer: Any, tower: Tower, spread: float) -> dict[str, Any]:
    heads = tower.width // tower.head
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": tower.width,
        "intermediate_size": 3 * tower.width,
        "num_hidden_layers": tower.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "head_dim": tower.head,
        "max_position_embeddings": POSITIONS,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": False,
        "initializer_range": spread,
    }


def _seeded(model: Any, config: Any, seed: int) -> Any:
    torch = _package("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model(config).to(torch.float32).eval()


def _tokenizer(
    special: tuple[str, ...], end: str, pad: str, names: dict[str, str], start: str | None = None
) -> Any:
    """A byte-level BPE tokenizer; with ``start``, each text begins with that token."""
    tokenizers, transformers = _package("tokenizers"), _package("transformers")
    split = tokenizers.pre_tokenizers.ByteLevel
    raw = tokenizers.Tokenizer(tokenizers.models.BPE())
    raw.pre_tokenizer = split(add_prefix_space=False)
    raw.decoder = tokenizers.decoders.ByteLevel()
    raw.train_from_iterator(
        _training_text(),
        tokenizers.trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(special),
            initial_alphabet=split.alphabet(),
            show_progress=False,
        ),
    )
    if start:
        raw.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{start} $A",
            pair=f"{start} $A {start} $B",
            special_tokens=[(start, raw.token_to_id(start))],
        )
    begin = {"bos_token": start, "unk_token": special[0]} if start else {}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token=end,
        pad_token=pad,
        extra_special_tokens=names,
        model_max_length=POSITIONS,
        padding_side="left",
        **begin,
    )


def _training_text() -> Iterator[str]:
    yield from QUESTIONS * 20
    for answer in ANSWERS:
        yield from [f'{answer}, {answer}. "{answer}"'] * 20


def _processor_class(name: str) -> Any:
    """The image processor for PIL images: since transformers 5, the plain name requires torchvision."""
    transformers = _package("transformers")
    return getattr(transformers, name + "Pil", None) or getattr(transformers, name)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        raise MissingPackage(
            "building a model for tests", missing, "pip install torch transformers"
        ) from error
