"""memobench-plugin-nano: a working multimodal LLM of 4 MB, for testing the whole path offline."""

__version__ = "0.1.0"
