"""Errors give one clear message, before the engine is imported if possible."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from memobench_vllm import engine
from memobench_vllm.judge import VllmJudge
from PIL import Image
from safetensors.torch import load_file, save_file

from harness import EMOTIONS, HarnessError, JudgeRequest
from harness.testing import Listed, models

Command = Callable[..., Any]
Tiny = Callable[[str], Path]
TEMPLATE_WITHOUT_PICTURE = "{% for m in messages %}{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}{% endfor %}"


@pytest.fixture
def run(command: Command, faces: Path) -> Command:
    """Runs one task with a model on four pictures."""

    def start(model: object, *arguments: object) -> Any:
        return command(
            "run", "--task", "coarse_emotion", "--data", faces, "--limit", 4, "--model", model, *arguments
        )

    return start


@pytest.fixture
def copied(tiny: Tiny, tmp_path: Path) -> Path:
    """A copy of the tiny LLaVA, to be damaged."""
    return Path(shutil.copytree(tiny("llava"), tmp_path / "copied"))


def test_a_folder_that_does_not_exist(run: Command, copied: Path) -> None:
    assert run(f"vllm:{copied.parent}/copid").refuses(
        2, f"{copied.parent}/copid", f"Did you mean '{copied}'?"
    )
    assert run(f"vllm:{copied}/config.json").refuses(2, "is a file", "Specify the folder")
    assert run("vllm").refuses(2, "'ref' must be given", "harness show vllm")


def test_folders_without_safetensors_weights(run: Command, copied: Path) -> None:
    weights = copied / "model.safetensors"
    weights.rename(copied / "pytorch_model.bin")
    assert run(f"vllm:{copied}").refuses(2, "only in 'pytorch_model.bin'", "safetensors")
    (copied / "pytorch_model.bin").unlink()
    assert run(f"vllm:{copied}").refuses(2, "contains no weights", "Download the model completely")
    (copied / "config.json").unlink()
    assert run(f"vllm:{copied}").refuses(2, "contains no model: it has no config.json")


def test_incomplete_weights_are_refused_before_the_engine_starts(
    run: Command, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM fuses q, k and v, and would run with one of them missing, on uninitialised memory."""
    monkeypatch.setattr(engine, "start", lambda *_: pytest.fail("the engine was started"))
    weights, model = copied / "model.safetensors", f"vllm:{copied}"
    tensors = load_file(weights)
    name = "language_model.model.layers.1.self_attn.v_proj.weight"
    whole = tensors.pop(name)
    save_file(tensors, weights, metadata={"format": "pt"})
    assert run(model).refuses(
        2, f"{copied} lack", "layers.1.self_attn.v_proj.weight", "Download the model again"
    )
    save_file(tensors | {name: whole[:64].clone()}, weights, metadata={"format": "pt"})
    assert run(model).refuses(2, "different shape", "layers.1.self_attn.v_proj.weight")
    weights.write_bytes(weights.read_bytes()[:-100])
    assert run(model).refuses(2, "model.safetensors is truncated", "Download the model again")
    weights.rename(copied / "model-00002-of-00002.safetensors")
    index = {"weight_map": {name: "model-00001-of-00002.safetensors"}}
    (copied / "model.safetensors.index.json").write_text(json.dumps(index))
    assert run(model).refuses(2, "it lacks model-00001-of-00002.safetensors")


def test_half_an_adapter(run: Command, copied: Path, tmp_path: Path) -> None:
    lora = tmp_path / "adapter"
    lora.mkdir()
    name = "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight"
    save_file({name: torch.ones(4, 128)}, lora / "adapter_model.safetensors")
    (lora / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    assert run(f"vllm:{copied}", "-o", f"lora={lora}").refuses(2, "lacks", "q_proj.lora_B.weight")


def test_a_model_without_a_chat_template(run: Command, tmp_path: Path) -> None:
    folder = models.tiny_llava(tmp_path / "plain", chat_template=None)
    assert run(f"vllm:{folder}").refuses(2, "has no chat template", "-o chat_template=FILE")
    assert run(f"vllm:{folder}", "-o", "chat_template=/nowhere.jinja").refuses(
        2, "/nowhere.jinja", "Specify a file"
    )


def test_unknown_and_invalid_options(run: Command, tiny: Tiny) -> None:
    model = f"vllm:{tiny('llava')}"
    assert run(model, "-o", "max_num_seq=4").refuses(
        2, "no option 'max_num_seq'", "Did you mean 'max_num_seqs'?"
    )
    assert run(model, "-o", "dtype=float8").refuses(2, "dtype", "'bfloat16'")
    assert run(model, "-o", "engine={nothing}").refuses(2, "engine", "not valid JSON")
    assert run(model, "-o", "revision=main").refuses(2, "is a folder, which has no revision")
    assert run(model, "-o", "data_parallel_size=2").refuses(
        2, "only as a server", "--data-parallel-size 2", "memobench-plugin-openai"
    )
    assert run(model, "-o", "lora=/nowhere").refuses(2, "/nowhere")


def test_presets_that_vllm_cannot_run_are_rejected_offline(run: Command) -> None:
    assert run("molmo").refuses(
        2, "allenai/Molmo-7B-D-0924 requires Python code", "-o trust_remote_code=true"
    )
    assert run("llama-3.2-vision").refuses(
        2, "vLLM does not run meta-llama/", "transformers:llama-3.2-vision"
    )


def test_missing_vllm(run: Command, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        engine.importlib.util, "find_spec", lambda name, *a: None if name == "vllm" else find(name, *a)
    )
    assert run(f"vllm:{tiny('llava')}").refuses(2, "'vllm', which is not installed", "pip install vllm")


UNREACHABLE = """
import json, os, sys
import harness
errors = {}
for model in ("llava", "vllm:org/name@abc123"):
    try:
        harness.evaluate("coarse_emotion", model, data=sys.argv[1])
    except harness.HarnessError as e:
        errors[model] = [e.exit_code, e.message, e.hint]
heavy = [m for m in ("vllm", "torch", "transformers") if m in sys.modules]
print(json.dumps([errors, heavy, os.listdir()]))
"""


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "the hub cannot be reached"),
    ],
)
def test_an_unreachable_hub_is_reported_before_the_engine_is_imported(
    how: dict[str, str], why: str, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)  # an engine in this process sets it
    for key, value in (how | {"NO_PROXY": "127.0.0.1"}).items():
        monkeypatch.setenv(key, value)
    done = subprocess.run(
        [sys.executable, "-c", UNREACHABLE, str(faces)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        timeout=120,
    )
    errors, heavy, files = json.loads(done.stdout)
    code, message, hint = errors["llava"]
    assert code == 2
    assert "'llava-hf/llava-1.5-7b-hf' is not in the local cache" in message
    assert why in message
    assert "hf download llava-hf/llava-1.5-7b-hf" in hint
    assert "'org/name' at revision 'abc123'" in errors["vllm:org/name@abc123"][1]
    assert heavy == []
    assert files == []


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestEngine:
    """Errors that only the engine can detect."""

    def test_unknown_engine_arguments(self, run: Command, tiny: Tiny) -> None:
        model = f"vllm:{tiny('llava')}"
        assert run(model, "-o", 'engine={"cpu_offload":1}').refuses(
            2, "no engine argument 'cpu_offload'", "'cpu_offload_gb'"
        )
        assert run(model, "-o", 'engine={"block_size":64}').refuses(
            2, "'block_size' is a separate option", "-o block_size="
        )
        assert run(model, "-o", 'engine={"model":"x"}').refuses(2, "'ref' is a separate option")

    def test_values_that_the_engine_rejects(self, run: Command, tiny: Tiny) -> None:
        model = f"vllm:{tiny('llava')}"
        assert run(model, "-o", "max_model_len=99999").refuses(3, "max_model_len (99999) is greater than")
        assert run(model, "-o", "quantization=fp9").refuses(3, "fp9")
        assert run(model, "-o", "kv_cache_dtype=fp9").refuses(3, "cache_dtype")

    def test_a_run_resumes_with_more_memory(self, run: Command, tiny: Tiny) -> None:
        model = f"vllm:{tiny('llava')}"
        assert run(model, "-o", "kv_cache_memory_bytes=1000").refuses(
            3, "not enough memory", "-o max_model_len="
        )
        assert run(model, "-o", "max_model_len=512").code == 0, "the run resumes with more memory"

    def test_a_template_without_a_place_for_the_picture(self, run: Command, tmp_path: Path) -> None:
        folder = models.tiny_llava(tmp_path / "blind", chat_template=TEMPLATE_WITHOUT_PICTURE)
        assert run(f"vllm:{folder}", "-o", "max_model_len=512").refuses(
            2, "no place for the picture", "-o chat_template=FILE"
        )

    def test_a_text_only_model(self, run: Command, text_model: Path) -> None:
        assert run(f"vllm:{text_model}").refuses(
            2, f"'{text_model}' does not accept pictures", "harness list models"
        )

    def test_a_model_that_computes_nan(self, copied: Path, ask: Callable[..., list[JudgeRequest]]) -> None:
        tensors = load_file(copied / "model.safetensors")
        tensors["language_model.model.norm.weight"].fill_(math.nan)
        save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
        judge = VllmJudge(VllmJudge.Options(ref=str(copied), dtype="float32", max_model_len=512))
        judge.open()
        try:
            for read in ("logprobs", "choice", "text"):
                for reply in judge.stream(Listed(ask(EMOTIONS, read, 2))):
                    assert reply.error is not None, read
                    assert reply.error.kind == "engine"
                    assert "vLLM computed NaN" in reply.error.message
        finally:
            judge.close()

    def test_bad_pictures_fail_individually(
        self, command: Command, tiny: Tiny, faces: Path, tmp_path: Path
    ) -> None:
        data = Path(shutil.copytree(faces, tmp_path / "data"))
        cut = data / "happy" / "00.png"
        cut.write_bytes(cut.read_bytes()[:200])
        Image.new("RGB", (4, 1200), "teal").save(data / "sad" / "01.png")
        done = command(
            "run",
            "--task",
            "coarse_emotion",
            "--data",
            data,
            "--model",
            f"vllm:{tiny('qwen2-vl')}",
            "--out",
            "run",
            "-o",
            "max_model_len=512",
            "--json",
        )
        assert done.code == 3, done.err
        [task] = json.loads(done.out)["tasks"]
        assert (task["n"], task["answered"], task["failed"]) == (24, 22, 2)
        failures = [
            json.loads(line) for line in (tmp_path / "run" / "failures.jsonl").read_text().splitlines()
        ]
        errors = {f["sample_id"]: f["error"] for f in failures}
        assert errors.keys() == {"happy/00", "sad/01"}
        assert errors["sad/01"]["kind"] == "refused_input"
        assert "aspect ratio" in errors["sad/01"]["message"]
        assert "00.png" in errors["happy/00"]["message"]


@pytest.fixture
def text_model(tmp_path: Path) -> Path:
    """A small Llama, with a chat template."""
    import transformers

    words = models.llava()[1].tokenizer
    config = transformers.LlamaConfig(
        vocab_size=len(words),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=512,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "llama")
    words.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    words.save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


def test_an_out_of_memory_error_names_the_memory_of_the_weights() -> None:
    from memobench_vllm.failures import to_harness_error

    from harness.hub import Resolved

    judge = VllmJudge(VllmJudge.Options(ref="llava-hf/llava-1.5-7b-hf"))
    model = Resolved("hub", "llava-hf/llava-1.5-7b-hf", None, revision="0" * 40)
    error = to_harness_error(RuntimeError("CUDA out of memory."), "", judge.options, model)
    assert isinstance(error, HarnessError)
    assert "its weights alone take about 13 GiB)" in error.message
    assert "-o quantization=fp8" in error.hint
