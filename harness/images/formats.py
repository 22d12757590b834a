"""Which picture files are read, and how large they may be."""

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
"""Extensions of picture files, in lower case."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""What is read, whatever a file's name says: Pillow starts other programs for some formats."""

MAX_PIXELS = 50_000_000
