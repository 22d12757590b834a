"""memobench-plugin-diffusers: open text-to-image models as generators, on diffusers."""

__version__ = "0.1.0"
