"""memobench-plugin-portraits: seeded people with exact expressions, drawn from facial action units."""

__version__ = "0.1.1"
