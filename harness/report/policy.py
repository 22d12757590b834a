"""The content security policy of the page: only the scripts and the style sheet that it was written with, by their hashes.

A hash and not a nonce: a nonce in a file is no secret.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def source_hash(text: str) -> str:
    """The source expression of an inline script or style sheet, as browsers compute it."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """The policy of a page with these inline scripts and style sheets.

    Pictures come from the page itself or from files beside it; nothing is fetched, framed, submitted or evaluated.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(source_hash, scripts)) or chr(39) + 'none' + chr(39)}",
            f"style-src {' '.join(map(source_hash, styles)) or chr(39) + 'none' + chr(39)}",
            "img-src 'self' data:",
            "connect-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
