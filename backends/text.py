"""The one place where bytes from a node become text.

Container names, hostnames, banners, logs and errors are written by tenants. Textual and Rich pass escape sequences
(ESC, C1), bidi overrides and carriage returns through to the terminal, so they are made visible here, once.
"""

from __future__ import annotations

import re
import unicodedata

_ODD = re.compile(r"[^\x20-\x7e]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str, limit: int = 4096) -> str:
    """`text` on one line, at most `limit` characters, every control, format or unassigned character as a visible escape."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text if text.isascii() and text.isprintable() else _ODD.sub(_visible, text)


def decode(data: bytes, limit: int = 4096) -> str:
    """One line or value from a node as clean text. Invalid UTF-8 becomes U+FFFD; never raises."""
    return clean(data.decode("utf-8", "replace"), limit)


def decode_lines(data: bytes, limit: int = 4096) -> list[str]:
    """Output of a node as clean lines (split at line feeds only; carriage returns before them are dropped)."""
    lines = data.decode("utf-8", "replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [clean(line[:-1] if line.endswith("\r") else line, limit) for line in lines]


def number(word: str) -> int | None:
    """A counter as the kernel prints it, or None for anything else ("-", "max", a minus, more digits than 64 bits have)."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 20 else None
