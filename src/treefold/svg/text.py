"""Text for XML: escaped, made visible, cut, and measured without a font."""

from __future__ import annotations

import unicodedata

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif"
LONGEST = 28  # characters of a line before it is cut


def clean(text: str) -> str:
    """Return `text` with what neither XML nor a reader can see made visible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(c: str) -> str:
    if c < " ":
        return chr(0x2400 + ord(c))  # the control pictures: NUL is drawn as such
    if c == "\x7f":
        return "\u2421"
    # Cs: lone surrogates, which no encoder takes. U+202A.. and U+2066.. would turn
    # the text around them; U+FFFE and U+FFFF are not characters of XML.
    hidden = unicodedata.category(c) in ("Cc", "Cs") or "\u202a" <= c <= "\u202e"
    return "\ufffd" if hidden or "\u2066" <= c <= "\u2069" or c in "\ufffe\uffff" else c


def escape(text: str) -> str:
    """Return `text` cleaned and fit for XML's text and attributes."""
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;")
    return text.replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")


def cut(text: str, longest: int = LONGEST) -> str:
    """Return `text`, or its beginning and an ellipsis where it is longer."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def width(text: str, size: float) -> float:
    """Estimate the pixels that `text` takes in a sans-serif font of `size` pixels."""
    return size * sum(map(_em, text))


def _em(c: str) -> float:
    if c in " .,:;'|!ijlIft()[]/-":
        return 0.36
    if c in "mwMW@%&":
        return 0.9
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF":
        return 1.05
    return 0.7 if c.isupper() else 0.6


def number(x: float) -> str:
    """Return a coordinate with at most one digit after the point."""
    return f"{x:.1f}".removesuffix(".0")
