"""Supported image formats and the maximum image size."""

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
"""Extensions of picture files, in lower case."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""The formats Pillow may decode, regardless of file name: for some others it starts external programs."""

MAX_PIXELS = 50_000_000
