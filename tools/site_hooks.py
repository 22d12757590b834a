"""What the site needs besides its pages: links that leave docs/ go to the repository, if its address is known."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>(?:\.\./)+[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Rewrite links to files of the repository that are no pages. One to a file that does not exist ends the build."""
    return rewritten(markdown, page.file.src_uri, str(config.get("repo_url") or ""))


def rewritten(markdown: str, page: str, repository: str) -> str:
    """The text of a page, `page` relative to docs/. Without a repository such a link becomes its text."""

    def replace(match: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), match["target"]))
        if place.startswith("docs/"):
            return match[0]
        if not (ROOT / place).exists():
            raise FileNotFoundError(f"docs/{page}: {match['target']} does not exist")
        text = match["text"]
        return (
            f"[{text}]({repository.rstrip('/')}/blob/main/{place}{match['anchor'] or ''})"
            if repository
            else text
        )

    return _LINK.sub(replace, markdown)
