"""memobench-plugin-transformers: open multimodal LLMs as judges, on Hugging Face transformers."""

__version__ = "0.1.0"
