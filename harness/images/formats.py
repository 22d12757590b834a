"""Supported image formats and the maximum image size."""

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
"""Extensions of picture files, in lower case."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""The formats Pillow may decode, regardless of file name: for some others it starts external programs."""

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
}
"""The media type of each format as Pillow names it. MPO is a JPEG with more pictures behind it, as phones write."""

MAX_PIXELS = 50_000_000
