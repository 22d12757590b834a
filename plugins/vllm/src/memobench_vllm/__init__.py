"""memobench-plugin-vllm: open multimodal LLMs as judges, on vLLM."""

__version__ = "0.1.0"
