"""Models that cannot be loaded, and the error messages. No test needs a network."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from memobench_transformers import loading
from memobench_transformers.judge import TransformersJudge
from safetensors.torch import load_file, save_file

from harness import BadOption, HarnessError, MissingPackage
from harness.testing import Listed
from harness.testing.command import modules_imported_by

Changed = Callable[..., Path]


def open_error(ref: object, *expected: str, **options: Any) -> HarnessError:
    """Open a judge that cannot be opened. The error must contain all of `expected` and a hint."""
    judge = TransformersJudge(TransformersJudge.Options(ref=str(ref), **options))

    def start() -> None:
        judge.identity()
        judge.open()

    with pytest.raises(HarnessError) as caught:
        start()
    for text in expected:
        assert text in str(caught.value)
    assert caught.value.hint
    return caught.value


class TestReferences:
    def test_no_such_folder(self, tmp_path: Path, tiny: Any) -> None:
        assert open_error(tmp_path / "nothing", "neither an existing folder nor a hub reference")
        near = tiny("llava")
        assert str(near) in open_error(near.with_name("llavaa"), "neither an existing folder").hint

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        assert open_error(tmp_path, "no config.json")

    def test_a_text_only_model(self, changed: Changed) -> None:
        folder = changed("llava")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["text_config"]
        (folder / "config.json").write_text(
            json.dumps(config | {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}),
            encoding="utf-8",
        )
        assert open_error(folder, "LlamaForCausalLM", "does not generate text from pictures")

    def test_an_unknown_architecture(self, changed: Changed) -> None:
        assert open_error(
            changed("llava", "config.json", model_type="llava9"), "does not know the architecture", "vllm:"
        )

    def test_weights_that_can_run_code(self, changed: Changed) -> None:
        folder = changed("llava")
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        assert open_error(folder, "pytorch_model.bin", "safetensors")

    def test_pickled_weights_next_to_safetensors_are_not_loaded(self, changed: Changed, ask: Any) -> None:
        folder = changed("llava")
        (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
        judge = TransformersJudge(TransformersJudge.Options(ref=str(folder)))
        [reply] = judge.stream(Listed(ask("logprobs", 1)))
        judge.close()
        assert reply.error is None
        assert not Path("pwned").exists()

    def test_no_weights(self, changed: Changed) -> None:
        folder = changed("llava")
        (folder / "model.safetensors").unlink()
        assert open_error(folder, "no weights")

    def test_truncated_weights(self, changed: Changed) -> None:
        path = changed("llava") / "model.safetensors"
        path.write_bytes(path.read_bytes()[:5000])
        assert open_error(path.parent, "model.safetensors is truncated", "again")

    @pytest.mark.parametrize("shape", [None, (3, 3)])
    def test_weights_that_do_not_fit_the_model(self, shape: tuple[int, ...] | None, changed: Changed) -> None:
        """Transformers itself would initialize them randomly."""
        path = changed("llava") / "model.safetensors"
        tensors = load_file(path)
        name = next(n for n in tensors if n.endswith("layers.1.self_attn.v_proj.weight"))
        tensors.pop(name)
        if shape:
            tensors[name] = torch.zeros(shape)
        save_file(tensors, path, metadata={"format": "pt"})
        what = "lack" if shape is None else "have a different shape for"
        assert open_error(path.parent, what, "layers.1.self_attn.v_proj.weight", str(path.parent))

    def test_no_processor(self, changed: Changed) -> None:
        folder = changed("llava")
        (folder / "processor_config.json").unlink()
        assert open_error(folder, "cannot be loaded", "processor")

    def test_a_known_model_that_transformers_does_not_support(self) -> None:
        assert open_error("phi-4-multimodal", "no built-in support", "vllm:")

    def test_known_names_stand_for_references(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert open_error("llava", "llava-hf/llava-1.5-7b-hf", "not in the local cache")
        assert open_error("llava-1.5@abc", "llava-hf/llava-1.5-7b-hf", "'abc'")
        assert open_error("llavva", "nor a known name", "Did you mean 'llava'")

    def test_a_folder_takes_precedence_over_a_known_name(
        self, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(tiny("llava"), tmp_path / "llava")
        monkeypatch.chdir(tmp_path)
        assert TransformersJudge(TransformersJudge.Options(ref="llava")).model.kind == "local"

    def test_a_cached_hub_model(
        self, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Any
    ) -> None:
        """In the cache format of the hub client. The commit is recorded, whatever revision was requested."""
        commit, cache = "0123456789abcdef0123456789abcdef01234567", tmp_path / "models--some--tiny"
        shutil.copytree(tiny("llava"), cache / "snapshots" / commit)
        (cache / "refs").mkdir()
        (cache / "refs" / "main").write_text(commit, encoding="utf-8")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        for ref in ("some/tiny", "some/tiny@main", f"some/tiny@{commit}"):
            judge = TransformersJudge(TransformersJudge.Options(ref=ref))
            assert judge.identity()["revision"] == commit
        [reply] = judge.stream(Listed(ask("logprobs", 1)))
        judge.close()
        assert reply.error is None


class TestRemoteCode:
    @pytest.fixture
    def folder(self, changed: Changed) -> Path:
        folder = changed(
            "llava",
            "config.json",
            model_type="own",
            auto_map={"AutoConfig": "own.OwnConfig", "AutoModelForImageTextToText": "own.OwnModel"},
        )
        (folder / "own.py").write_text(
            "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n"
            f"pathlib.Path({str(folder / 'ran')!r}).touch()\n"
            "from transformers import LlavaConfig, LlavaForConditionalGeneration\n"
            "class OwnConfig(LlavaConfig):\n    model_type = 'own'\n"
            "class OwnModel(LlavaForConditionalGeneration):\n    config_class = OwnConfig\n",
            encoding="utf-8",
        )
        # For custom classes, tensor names are not converted from those of older models.
        tensors = load_file(folder / "model.safetensors")
        tensors["lm_head.weight"] = tensors.pop("language_model.lm_head.weight")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    def test_it_does_not_run_by_default(self, folder: Path) -> None:
        assert open_error(folder, "requires Python code", "-o trust_remote_code=true")
        assert not (folder / "ran").exists()

    def test_it_runs_if_enabled(
        self, folder: Path, ask: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
        judge = TransformersJudge(TransformersJudge.Options(ref=str(folder), trust_remote_code=True))
        [reply] = judge.stream(Listed(ask("logprobs", 1)))
        judge.close()
        assert reply.error is None
        assert (folder / "ran").exists()

    def test_custom_code_is_not_needed_for_supported_architectures(self, changed: Changed, ask: Any) -> None:
        folder = changed("llava", "config.json", auto_map={"AutoConfig": "own.OwnConfig"})
        judge = TransformersJudge(TransformersJudge.Options(ref=str(folder)))
        [reply] = judge.stream(Listed(ask("logprobs", 1)))
        judge.close()
        assert reply.error is None


class TestTemplates:
    def test_none(self, changed: Changed) -> None:
        folder = changed("llava")
        (folder / "chat_template.jinja").unlink()
        assert open_error(folder, "has no chat template", "-o chat_template=")

    def test_one_without_a_picture_placeholder(self, changed: Changed) -> None:
        folder = changed("qwen2-vl")
        template = "{% for m in messages %}{% for c in m['content'] %}{{ c['text'] }}{% endfor %}{% endfor %}"
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
        assert open_error(folder, "no place for the picture", "<|image_pad|>")

    def test_a_prompt_form(self, tiny: Any, opened: Any, ask: Any, answers: Any) -> None:
        """It gives the same scores as a template with the same text."""
        [usual] = answers(opened("llava"), ask("logprobs", 1)).values()
        form = opened("llava", chat_template="USER: {image}\n{text} ASSISTANT:")
        [reply] = answers(form, ask("logprobs", 1)).values()
        assert dict(reply.scores) == pytest.approx(dict(usual.scores), abs=1e-5)
        assert form.identity()["template"] != opened("llava").identity()["template"]

    def test_a_file(self, tmp_path: Path, tiny: Any, opened: Any, ask: Any, answers: Any) -> None:
        file = tmp_path / "other.jinja"
        file.write_text(
            (tiny("llava") / "chat_template.jinja")
            .read_text(encoding="utf-8")
            .replace("ASSISTANT", "ANSWER"),
            encoding="utf-8",
        )
        judge = TransformersJudge(TransformersJudge.Options(ref=str(tiny("llava")), chat_template=str(file)))
        [reply], [usual] = (answers(j, ask("logprobs", 1)).values() for j in (judge, opened("llava")))
        judge.close()
        assert dict(reply.scores) != pytest.approx(dict(usual.scores), abs=1e-3)
        assert judge.identity()["template"] != opened("llava").identity()["template"]

    def test_a_missing_file(self, tiny: Any, tmp_path: Path) -> None:
        assert open_error(tiny("llava"), "cannot be read", chat_template=str(tmp_path / "none.jinja"))


class TestOptions:
    @pytest.mark.parametrize(
        ("device", "said"), [("nonsense", "does not know 'nonsense'"), ("cuda:99", "cuda")]
    )
    def test_unavailable_devices(self, device: str, said: str, tiny: Any) -> None:
        assert isinstance(open_error(tiny("llava"), said, device=device), BadOption)

    def test_bounds_that_the_processor_does_not_support(self, tiny: Any) -> None:
        assert isinstance(
            open_error(tiny("llava"), "does not support max_pixels", max_pixels=5000), BadOption
        )

    def test_bounds_that_the_processor_supports(self, opened: Any, ask: Any, answers: Any) -> None:
        asked = ask("logprobs", 4)[3:]
        [usual] = answers(opened("qwen2-vl"), asked).values()
        [small] = answers(opened("qwen2-vl", max_pixels=4 * 28 * 28), asked).values()
        [large] = answers(
            opened("qwen2-vl", min_pixels=30 * 28 * 28, max_pixels=60 * 28 * 28), asked
        ).values()
        sizes = [reply.usage["prompt_tokens"] for reply in (small, usual, large)]
        assert sizes == sorted(set(sizes))

    def test_contradictory_bounds(self, tiny: Any) -> None:
        assert open_error(
            tiny("qwen2-vl"), "min_pixels (100000) is greater than max_pixels", min_pixels=100000
        )

    @pytest.mark.parametrize(("given", "package"), [
        ({"quantization": "4bit"}, "bitsandbytes"), ({"quantization": "8bit"}, "accelerate"),
        ({"device_map": "auto"}, "accelerate"), ({"lora": "somewhere/adapter"}, "peft"),
    ])  # fmt: skip
    def test_packages_that_options_need(
        self, given: dict[str, Any], package: str, tiny: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else object())
        error = open_error(tiny("llava"), package, **given)
        assert isinstance(error, MissingPackage)
        assert f"pip install {package}" in error.hint or f"pip install bitsandbytes {package}" in error.hint

    def test_an_unknown_attention_implementation(self, tiny: Any) -> None:
        assert "sdpa" in open_error(tiny("llava"), "cannot be loaded", attn_implementation="magic").hint

    def test_a_known_attention_implementation(self, opened: Any, ask: Any, answers: Any) -> None:
        usual = answers(opened("llava"), ask("logprobs", 3))
        for id_, reply in answers(opened("llava", attn_implementation="eager"), ask("logprobs", 3)).items():
            assert dict(reply.scores) == pytest.approx(dict(usual[id_].scores), abs=2e-5)

    def test_bfloat16(self, opened: Any, ask: Any, answers: Any) -> None:
        usual, judge = answers(opened("llava"), ask("logprobs", 3)), opened("llava", dtype="bfloat16")
        assert judge._runner._model.dtype == torch.bfloat16
        for id_, reply in answers(judge, ask("logprobs", 3)).items():
            assert dict(reply.scores) == pytest.approx(dict(usual[id_].scores), abs=0.5)
            assert dict(reply.scores) != dict(usual[id_].scores)


class TestIdentity:
    def test_it_depends_on_weights_template_and_library(self, tiny: Any, changed: Changed) -> None:
        def identity(folder: Path, **options: Any) -> dict[str, str]:
            return dict(TransformersJudge(TransformersJudge.Options(ref=str(folder), **options)).identity())

        usual, copy = identity(tiny("llava")), changed("llava")
        assert set(usual) == {"weights", "template", "backend"}
        assert usual["backend"].startswith("transformers 5")
        assert identity(copy) == usual
        assert identity(copy, batch_size=3, device="cpu") == usual
        tensors = load_file(copy / "model.safetensors")
        save_file(
            {n: t + 1e-3 for n, t in tensors.items()}, copy / "model.safetensors", metadata={"format": "pt"}
        )
        other = identity(copy)
        assert other["weights"] != usual["weights"]
        assert other["template"] == usual["template"]
        shutil.copy(tiny("qwen2-vl") / "chat_template.jinja", copy)
        assert identity(copy)["template"] != usual["template"]

    def test_options_that_do_not_affect_answers(self) -> None:
        options = TransformersJudge.Options(ref="x")
        unmarked = set(type(options).model_fields) - set(options.answer_affecting())
        # References are identified by digest or commit, not by location.
        references = {"ref", "revision", "chat_template", "lora"}
        # How a model thinks is part of the identity where it is set, so that earlier runs go on.
        thinking = {"thinking", "thinking_tokens", "template_arguments"}
        assert unmarked == references | thinking | {
            "device",
            "device_map",
            "attn_implementation",
            "batch_size",
        }


def test_out_of_memory_errors_are_recognized() -> None:
    assert loading.out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert loading.out_of_memory(RuntimeError("MPS backend out of memory"))
    assert loading.out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert loading.out_of_memory(caught.value)
    assert not loading.out_of_memory(RuntimeError("shapes do not match"))
    assert not loading.out_of_memory(ValueError("out of memory"))


def enlarge(weights: Path, size: int) -> None:
    """Add a tensor of some bytes that no layer uses to a file of weights; it takes no room on the disk."""
    data = weights.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    end = len(body) + size
    header["unused.weight"] = {"dtype": "F32", "shape": [size // 4], "data_offsets": [len(body), end]}
    text = json.dumps(header).encode()
    with weights.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
        file.truncate(8 + len(text) + end)


def test_too_little_memory_to_load(changed: Any) -> None:
    """In a process with a memory limit, set after all modules are loaded (Linux)."""
    code = """
import resource, sys
from pathlib import Path
import transformers.models.llava.modeling_llava
from harness import HarnessError
from memobench_transformers import loading
from memobench_transformers.judge import TransformersJudge

judge = TransformersJudge(TransformersJudge.Options(ref=sys.argv[1]))
device = loading.select_device(judge.options)
loading.load_processor(judge.options, judge.model)
size = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize"))
# Room for objects of Python, whose want has no message, and not for the weights.
resource.setrlimit(resource.RLIMIT_AS, (int(size.split()[1]) * 1024 + 64 * 2**20,) * 2)
try:
    loading.load_model(judge.options, judge.model, device)
except HarnessError as e:
    print(e)
"""
    model = changed("llava")
    enlarge(model / "model.safetensors", 256 * 2**20)
    done = subprocess.run(
        [sys.executable, "-c", code, str(model)], capture_output=True, text=True, timeout=120
    )
    assert "There is not enough memory" in done.stdout, done.stderr
    assert "-o dtype=bfloat16" in done.stdout


def test_plugin_and_judge_import_nothing_heavy() -> None:
    entry = "import memobench_transformers.plugin as plugin; [component] = plugin.harness_judges()"
    assert not modules_imported_by(entry) & {"pydantic", "torch", "transformers", "PIL"}
    loaded = modules_imported_by(f"{entry}; component.load()")
    assert "pydantic" in loaded
    assert not loaded & {"torch", "transformers", "PIL"}, "only open() loads them"
