"""memobench-plugin-transformers: open multimodal LLMs as judges, on transformers."""

__version__ = "0.1.0"
