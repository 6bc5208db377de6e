"""How configuration values are written: durations, truth values, maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

__all__ = [
    "format_map",
    "parse_boolean",
    "parse_duration_ms",
    "parse_map",
    "parse_memory_size",
    "parse_number",
    "split_quoted",
]

N = TypeVar("N", int, float)

_NANOS = {
    "ns": 1, "nano": 1, "nanos": 1, "nanosecond": 1, "nanoseconds": 1,
    "us": 1_000, "µs": 1_000, "micro": 1_000, "micros": 1_000,
    "microsecond": 1_000, "microseconds": 1_000,
    "": 1_000_000, "ms": 1_000_000, "milli": 1_000_000, "millis": 1_000_000,
    "millisecond": 1_000_000, "milliseconds": 1_000_000,
    "s": 10**9, "sec": 10**9, "secs": 10**9, "second": 10**9, "seconds": 10**9,
    "m": 60 * 10**9, "min": 60 * 10**9, "mins": 60 * 10**9,
    "minute": 60 * 10**9, "minutes": 60 * 10**9,
    "h": 3600 * 10**9, "hour": 3600 * 10**9, "hours": 3600 * 10**9,
    "d": 86400 * 10**9, "day": 86400 * 10**9, "days": 86400 * 10**9,
}  # fmt: skip

_BYTES = {
    "": 1, "b": 1, "bytes": 1,
    "k": 1 << 10, "kb": 1 << 10, "kibibytes": 1 << 10,
    "m": 1 << 20, "mb": 1 << 20, "mebibytes": 1 << 20,
    "g": 1 << 30, "gb": 1 << 30, "gibibytes": 1 << 30,
    "t": 1 << 40, "tb": 1 << 40, "tebibytes": 1 << 40,
}  # fmt: skip


def parse_memory_size(key: str, text: str) -> int:
    """Reads a size such as "20 kb" or "1 mb"; a bare number means bytes.

    :param key: The configuration key, for the error.
    :param text: The text.
    :return: Bytes.
    :raises ValueError: When the text is something else.
    """
    number = text.strip()
    unit = number.lstrip("0123456789").strip().lower()
    digits = number[: len(number) - len(number.lstrip("0123456789"))]
    if not digits or unit not in _BYTES:
        raise ValueError(f'{key}: {text!r} is no size: write it as "20 kb" or "1 mb"')
    return int(digits) * _BYTES[unit]


def parse_duration_ms(key: str, text: str) -> int:
    """Reads a duration such as "200 ms", "5 s" or "1 min"; a bare number means milliseconds.

    :param key: The configuration key, for the error.
    :param text: The text.
    :return: Milliseconds, rounded down.
    :raises ValueError: When the text is something else.
    """
    text = text.strip()
    digits = 0
    while digits < len(text) and text[digits].isdecimal():
        digits += 1
    unit = text[digits:].strip().lower()
    if digits == 0 or unit not in _NANOS:
        raise ValueError(f'{key}: {text!r} is no duration: write it as "200 ms", "5 s" or "1 min"')
    return int(text[:digits]) * _NANOS[unit] // 1_000_000


def parse_boolean(key: str, text: str) -> bool:
    """Reads a truth value.

    :param key: The configuration key, for the error.
    :param text: "true" or "false", in any case.
    :return: The value.
    :raises ValueError: When the text is something else.
    """
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(f"{key}: {text!r} is neither true nor false")
    return word == "true"


def parse_number(key: str, text: str, kind: Callable[[str], N]) -> N:
    """Reads a number.

    :param key: The configuration key, for the error.
    :param text: The text.
    :param kind: ``int`` or ``float``.
    :return: The number.
    :raises ValueError: When the text is something else.
    """
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise ValueError(f"{key}: {text!r} is not {what}") from None


def parse_map(key: str, text: str) -> dict[str, str]:
    """Reads a map written as "key1:value1,key2:value2"; what holds ``,`` or ``:`` is in quotes.

    :param key: The configuration key, for the error.
    :param text: The text.
    :return: The map.
    :raises ValueError: When a part of it has no colon.
    """
    result = {}
    for pair in split_quoted(text, ","):
        if pair.strip():
            name, *value = split_quoted(pair, ":")
            if not value:
                raise ValueError(f"{key}: {pair.strip()!r} is not of the form key:value")
            result[_unquoted(name)] = _unquoted(":".join(value))
    return result


def format_map(values: Mapping[str, str]) -> str:
    """Writes a map so that :func:`parse_map` reads it.

    :param values: The map.
    :return: "key1:value1,key2:value2".
    """
    return ",".join(f"{_quoted(key)}:{_quoted(value)}" for key, value in values.items())


def _quoted(text: str) -> str:
    if not text or text != text.strip() or any(c in text for c in ",:;'\""):
        return "'" + text.replace("'", "''") + "'"
    return text


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text


def split_quoted(text: str, separator: str) -> list[str]:
    """Splits a text where a character stands that is not in quotes.

    :param text: The text.
    :param separator: The character.
    :return: The parts, with their quotes.
    """
    parts, quote = [""], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == separator:
            parts.append("")
            continue
        parts[-1] += character
    return parts
