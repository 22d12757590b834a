"""Tiny real multimodal models with seeded random weights, built in seconds: for tests and for measuring speed.

    from harness.testing.models import tiny_llava

    folder = tiny_llava(tmp_path / "llava")    # loads in transformers and in vLLM

Each folder holds weights (safetensors), configuration, tokenizer, picture processor and chat template, as a model from
the hub does. What they answer means nothing, but is the same on every run and differs from picture to picture. The same
parts make a model that is to be trained: `llava` returns it in memory, `save` writes it.

Needs torch, transformers and tokenizers, which are imported when a model is built. Every size respects what attention
kernels on processors ask for: heads of 32 or 64 dimensions.
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
"""The form of LLaVA 1.5: pictures first, then the text, then `ASSISTANT:`."""

QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The form of Qwen2-VL (ChatML), without its system message."""

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
"""What the tokenizer is trained on, beside the answers: each of their words is one token."""

ANSWERS = (*EMOTIONS, "positive", "negative", "very weak", "weak", "moderate", "strong", "very strong",
           "excellent", "good", "fair", "poor", "bad", "first", "second", *"0123456789", *"ABCDEF")  # fmt: skip

VOCABULARY = 640
POSITIONS = 1024
"""Most tokens of a prompt and its answer, those of pictures included."""

_LLAVA_TOKENS = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
_QWEN_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
_SPREAD = 0.08
"""Standard deviation of random weights: with the usual 0.02 every picture has the same answer."""


@dataclass(frozen=True)
class Tower:
    """The size of a stack of transformer layers: width, number of layers, dimensions of one attention head."""

    width: int
    layers: int
    head: int


@dataclass(frozen=True)
class Shape:
    """The size of a LLaVA: side and patch of pictures in pixels, and its two towers.

    Pictures are scaled until their shorter side has ``resize`` pixels (by default ``image``), of which the middle
    ``image`` x ``image`` is seen, as one token for each patch.
    """

    image: int
    patch: int
    vision: Tower
    text: Tower
    resize: int = 0

    @property
    def tokens(self) -> int:
        """How many tokens a picture takes."""
        return (self.image // self.patch) ** 2


TINY = Shape(64, 16, Tower(64, 2, 32), Tower(128, 2, 64))
"""0.7 million parameters."""
SMALL = Shape(224, 16, Tower(384, 6, 64), Tower(384, 10, 64))
"""31 million parameters: large enough that arithmetic, not Python, takes the time."""


def tiny_llava(
    folder: str | Path,
    *,
    seed: int = 0,
    image: int = 64,
    patch: int = 16,
    chat_template: str | None = LLAVA_TEMPLATE,
) -> Path:
    """Write a LLaVA of 0.7 million parameters into ``folder``, and return that.

    ``image`` and ``patch`` are in pixels. ``chat_template`` replaces the model's; with None it has none.
    Raises `MissingPackage` without torch or transformers.
    """
    shape = Shape(image, patch, TINY.vision, TINY.text)
    return save(*llava(shape, seed=seed, chat_template=chat_template), folder)


def small_llava(folder: str | Path, *, seed: int = 0) -> Path:
    """Write a LLaVA of 31 million parameters for pictures of 224 pixels (196 tokens) into ``folder``: for measuring speed.

    Raises `MissingPackage` without torch or transformers.
    """
    return save(*llava(SMALL, seed=seed), folder)


def tiny_qwen2_vl(folder: str | Path, *, seed: int = 0, chat_template: str | None = QWEN_TEMPLATE) -> Path:
    """Write a Qwen2-VL of 0.7 million parameters into ``folder``, and return that.

    Pictures keep their shape and take 4 to 16 tokens. Raises `MissingPackage` without torch or transformers.
    """
    return _tiny_qwen(
        "Qwen2VL", {"embed_dim": 64, "hidden_size": 128, "mlp_ratio": 2}, folder, seed, chat_template
    )


def tiny_qwen2_5_vl(folder: str | Path, *, seed: int = 0, chat_template: str | None = QWEN_TEMPLATE) -> Path:
    """Write a Qwen2.5-VL of 0.7 million parameters into ``folder``, and return that.

    Pictures keep their shape and take 4 to 16 tokens. Raises `MissingPackage` without torch or transformers.
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
    shape: Shape = TINY, *, seed: int = 0, chat_template: str | None = LLAVA_TEMPLATE, spread: float = _SPREAD
) -> tuple[Any, Any]:
    """A LLaVA with random weights, and its processor, in memory: ``LlavaForConditionalGeneration``, ``LlavaProcessor``.

    ``spread`` is the standard deviation of its weights. Torch's own random state stays as it was.
    Raises `MissingPackage` without torch or transformers.
    """
    transformers = _package("transformers")
    words = _tokenizer(_LLAVA_TOKENS, "</s>", "<pad>", {"image_token": "<image>"}, start="<s>")
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
            **_text(words, shape.text, spread), bos_token_id=words.bos_token_id
        ),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        image_seq_length=shape.tokens,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    pictures = _processor_class("CLIPImageProcessor")(
        size={"shortest_edge": shape.resize or shape.image},
        crop_size={"height": shape.image, "width": shape.image},
    )
    processor = transformers.LlavaProcessor(
        image_processor=pictures,
        tokenizer=words,
        patch_size=shape.patch,
        vision_feature_select_strategy="default",
        chat_template=chat_template,
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    return _seeded(transformers.LlavaForConditionalGeneration, config, seed), processor


def save(model: Any, processor: Any, folder: str | Path) -> Path:
    """Write a model and its processor into ``folder`` (made if need be) so that transformers and vLLM load it."""
    target = Path(folder)
    model.save_pretrained(target)
    processor.save_pretrained(target)
    _keep_old_names(target / "model.safetensors")
    shutil.copymode(target / "config.json", target / "model.safetensors")  # it is written for its owner alone
    return target


def _keep_old_names(weights: Path) -> None:
    """Give the vision tower's tensors the names that the hub's LLaVA models have.

    transformers 5 drops `vision_model` from them when it saves, and reads both; vLLM reads the old ones alone.
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
    words = _tokenizer(
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
    number = words.convert_tokens_to_ids
    rotary = {"rope_type": "default", "mrope_section": [8, 12, 12], "rope_theta": 10000.0}
    config = getattr(transformers, f"{kind}Config")(
        text_config={**_text(words, TINY.text, _SPREAD), "bos_token_id": None, "rope_parameters": rotary},
        vision_config={
            "depth": 2,
            "num_heads": 2,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "initializer_range": _SPREAD,
            **vision,
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    token = 28 * 28  # pixels: two by two patches of 14 are one token
    pixels = {"patch_size": 14, "merge_size": 2, "temporal_patch_size": 2,
              "size": {"shortest_edge": 4 * token, "longest_edge": 16 * token}}  # fmt: skip
    processor = getattr(transformers, f"{kind}Processor")(
        image_processor=_processor_class("Qwen2VLImageProcessor")(**pixels),
        tokenizer=words,
        video_processor=transformers.Qwen2VLVideoProcessor(**pixels),
        chat_template=chat_template,
    )
    model = _seeded(getattr(transformers, f"{kind}ForConditionalGeneration"), config, seed)
    return save(model, processor, folder)


def _text(words: Any, tower: Tower, spread: float) -> dict[str, Any]:
    heads = tower.width // tower.head
    return {
        "vocab_size": len(words), "hidden_size": tower.width, "intermediate_size": 3 * tower.width,
        "num_hidden_layers": tower.layers, "num_attention_heads": heads, "num_key_value_heads": heads,
        "head_dim": tower.head, "max_position_embeddings": POSITIONS, "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id, "tie_word_embeddings": False, "initializer_range": spread,
    }  # fmt: skip


def _seeded(model: Any, config: Any, seed: int) -> Any:
    torch = _package("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model(config).to(torch.float32).eval()


def _tokenizer(
    special: tuple[str, ...], end: str, pad: str, names: dict[str, str], start: str | None = None
) -> Any:
    """A byte-level BPE tokenizer; with ``start`` each text begins with that token."""
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
    """The picture processor that works on PIL images: since transformers 5 the plain name wants torchvision."""
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
