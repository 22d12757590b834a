"""memobench-plugin-vllm: open multimodal LLMs as judges, served by vLLM."""

__version__ = "0.1.0"
