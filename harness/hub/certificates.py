"""Environment variables that name the certificates of HTTPS connections: a wrong one breaks them without being named."""

from __future__ import annotations

import os

FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
FOLDERS = ("SSL_CERT_DIR",)


def certificate_problem() -> str:
    """Each variable that names something missing or unreadable, and how to fix it, as one sentence each; "" if none does."""
    return " ".join(
        f"{variable} names {value!r}, which {why}: correct it or unset it."
        for variable in (*FILES, *FOLDERS)
        if (value := os.environ.get(variable, "")) and (why := _why(variable, value))
    )


def _why(variable: str, value: str) -> str:
    # OpenSSL takes several folders, and ignores those that are missing; requests takes a folder for a file, too.
    paths = value.split(os.pathsep) if variable in FOLDERS else [value]
    if not any(os.path.exists(path) for path in paths):
        return "does not exist"
    return "" if any(os.access(path, os.R_OK) for path in paths) else "cannot be read"
