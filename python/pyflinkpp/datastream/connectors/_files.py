"""Paths and rules that file sources and file sinks share."""

from __future__ import annotations

import os

from pyflinkpp._missing import not_yet

__all__ = ["local_path", "only_utf8"]


def local_path(path: str | os.PathLike[str]) -> str:
    """Makes an absolute local path of a path or a "file:" address.

    :param path: The path.
    :return: The absolute path.
    :raises NotImplementedError: When it is on another file system.
    :raises ValueError: When it is empty.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path must be a str, not {text!r}")
    if not text:
        raise ValueError("a path must not be empty")
    scheme, separator, rest = text.partition(":")
    if separator and scheme == "file" and rest.startswith("/"):
        from urllib.parse import unquote, urlsplit

        return os.path.abspath(unquote(urlsplit(text).path))
    if "://" in text:
        raise not_yet(f"the file system {scheme}:// of {text!r}", "use a local path")
    return os.path.abspath(text)


def only_utf8(charset_name: str, what: str) -> str:
    """Refuses other encodings than UTF-8.

    :param charset_name: The name of the encoding.
    :param what: What asks for it.
    :return: The name.
    :raises LookupError: When there is no such encoding.
    :raises NotImplementedError: When it is another one.
    """
    import codecs

    if codecs.lookup(charset_name).name != "utf-8":
        raise not_yet(f"the encoding {charset_name} of {what}", "use UTF-8")
    return charset_name
