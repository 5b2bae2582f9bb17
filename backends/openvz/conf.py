"""Lines `KEY="value"` of /etc/vz/conf/CTID.conf. vzctl keeps whatever stands between the first and the last quote."""

from __future__ import annotations

from ..text import number

PAGE = 4096  # bytes; beancounters of pages count these on every kernel that runs OpenVZ

#: From here on a number means "no limit": LONG_MAX of 64 and of 32 bit kernels, and what older tools made of it.
_UNLIMITED_64 = 1 << 50
_UNLIMITED_32 = 2147483647

_SUFFIX = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def unquote(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def bounded(value: int | None) -> int | None:
    """A limit, or None where the number means that there is none."""
    if value is None or value >= _UNLIMITED_64 or value == _UNLIMITED_32:
        return None
    return value


def pages(value: int | None) -> int | None:
    """Pages as bytes."""
    value = bounded(value)
    return None if value is None else value * PAGE


def limit_pages(text: str | None) -> int | None:
    """The limit of `barrier:limit` in pages (or with a suffix, then bytes), as bytes; None: unlimited or not said."""
    if not text:
        return None
    last = text.split(":")[-1].strip()
    value = number(last)
    if value is not None:
        return pages(value)
    return amount(last, 1)


def amount(text: str | None, unit: int) -> int | None:
    """`10G`, `2097152`: the first of `soft:hard`, in bytes; a number without a suffix counts `unit` bytes."""
    if not text:
        return None
    word = text.split(":")[0].strip().upper().removesuffix("B")
    suffix = word[-1:] if word[-1:].isalpha() else ""
    digits = word[: len(word) - len(suffix)]
    if suffix not in _SUFFIX:
        return None
    try:
        return bounded(int(float(digits) * (_SUFFIX[suffix] if suffix else unit)))
    except (ValueError, OverflowError):
        return None


def integer(text: str | None) -> int | None:
    return number((text or "").split(":")[0].strip().removesuffix("%"))
