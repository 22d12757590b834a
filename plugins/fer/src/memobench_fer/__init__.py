"""memobench-plugin-fer: a small expression network and a face detector, both with real weights, both offline."""

__version__ = "0.1.0"
