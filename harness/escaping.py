"""Escapes untrusted text for display: model replies, file names, labels."""

from __future__ import annotations

import re

# C0 and C1 controls except newline, bidirectional control characters, and lone surrogates.
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")
_LINKED = re.compile(r"@|\\#|:(?=//)|www(?=\.)|gh(?=-\d)", re.IGNORECASE)
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # These are other characters in the default encoding of fonts.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}": r"\textbackslash{}n",
}
_LATEX_SPECIAL = re.compile("|".join(map(re.escape, _LATEX)))
_DASHES = re.compile("-(?=-)")
_STYLE = r"\x1b\[[0-9;]*m"
# Sequences that terminals interpret: CSI, then OSC, DCS, SOS, PM and APC with their text, then those of two characters.
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]"
)
_STYLED = re.compile(f"({_STYLE})|{_SEQUENCE.pattern}")
# Tabs and the line ends of Windows do no harm.
_HARMFUL = re.compile("(?!\t|\r\n)" + _CONTROL.pattern)
# Spreadsheets may drop blanks in front of a formula, and those of East Asia take the wide signs.
_FORMULA = re.compile(
    "\\s*[=+\\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}\N{REPLACEMENT CHARACTER}]"
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: object, limit: int | None = None) -> str:
    """Text without control characters, on one line, at most `limit` characters long."""
    text = str(text)
    if limit is not None:
        text = text[: limit + 1]  # It may be of any length, and gets no shorter.
    shown = uncontrolled(text).replace("\n", " \N{DOWNWARDS ARROW WITH CORNER LEFTWARDS} ")
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def uncontrolled(text: str) -> str:
    """Lines without control characters, each of which another character replaces: the length stays."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def printable(text: str, *, styled: bool = False) -> str:
    """Lines as a terminal may get them: without sequences that it interprets, and without control characters.

    With `styled`, colours and bold type stay. A carriage return at either end stays, too: it draws a line again, as
    progress bars do. Text that is safe returns as it is.
    """
    if _HARMFUL.search(text) is None:
        return text
    text = _STYLED.sub(r"\1", text) if styled else _SEQUENCE.sub("", text)
    start = "\r" * text.startswith("\r")
    end = "\r" * (len(text) > 1 and text.endswith("\r"))
    middle = text[len(start) : len(text) - len(end)]
    kept = re.split(f"({_STYLE})", middle) if styled else [middle]
    kept[::2] = [_HARMFUL.sub("\N{REPLACEMENT CHARACTER}", part) for part in kept[::2]]
    return start + "".join(kept) + end


def printable_json(text: str) -> str:
    """A JSON document in which control characters that JSON allows in texts are written as escapes."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def markdown(text: object) -> str:
    """Text escaped for a Markdown table cell."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def csv_cell(value: object) -> object:
    """A CSV cell that spreadsheets do not interpret as a formula; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return "'" + text if _FORMULA.match(text) else text


def markdown_comment(text: object) -> str:
    """Text escaped for a comment or a summary on GitHub: it mentions nobody and links nothing."""
    # An empty comment ends the word in which GitHub would see a mention, a reference or an address.
    return _LINKED.sub(r"\g<0><!-- -->", markdown(text))


def latex(text: object) -> str:
    """Text escaped for LaTeX outside of math, on one line."""
    shown = xml_text(plain(text)).replace("\N{REPLACEMENT CHARACTER}", "?")
    # Two hyphens would become a dash.
    return _DASHES.sub("-{}", _LATEX_SPECIAL.sub(lambda found: _LATEX[found[0]], shown))


def xml_text(text: object) -> str:
    """Text without the characters that XML 1.0 forbids; the XML writer escapes the rest."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(text))


def workflow_message(text: str) -> str:
    """The message of a GitHub workflow command, such as `::error::MESSAGE`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """The value of a property of a GitHub workflow command, such as `::error title=VALUE::`."""
    return workflow_message(text).replace(":", "%3A").replace(",", "%2C")
