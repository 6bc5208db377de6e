"""Files that functions find by name: ``pipeline.cached-files``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pyflinkpp.common._values import format_map, parse_boolean, parse_map, split_quoted
from pyflinkpp.common.execution_config import CACHED_FILES

__all__ = [
    "CachedFile",
    "DistributedCache",
    "checked_cached_files",
    "format_cached_files",
    "parse_cached_files",
]


class CachedFile(NamedTuple):
    """A file or directory and the name that functions know it by."""

    name: str
    path: str
    executable: bool = False


class DistributedCache:
    """The files of a job, for its functions.

    :param paths: Local paths by name.
    """

    __slots__ = ("_paths",)

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = dict(paths)

    def get_file(self, name: str) -> str:
        """Gives the place of a file or directory; it is the registered one, so only read it.

        :param name: The name it was registered under.
        :return: An absolute local path.
        :raises KeyError: When no file has that name.
        """
        if name not in self._paths:
            known = ", ".join(map(repr, sorted(self._paths))) or "none"
            raise KeyError(f"no cached file is registered as {name!r}; there are: {known}")
        return self._paths[name]


def parse_cached_files(text: str) -> list[CachedFile]:
    """Reads "name:dictionary,path:/data/words.txt;name:tool,path:/opt/tool,executable:true".

    :param text: The text.
    :return: The files.
    :raises ValueError: When it is of another form, or a name comes twice.
    """
    files: dict[str, CachedFile] = {}
    for part in split_quoted(text, ";"):
        if not part.strip():
            continue
        given = parse_map(CACHED_FILES, part)
        name, path = given.pop("name", ""), given.pop("path", "")
        executable = parse_boolean(CACHED_FILES, given.pop("executable", "false"))
        if not name or not path or given:
            raise ValueError(
                f"{CACHED_FILES}: {part.strip()!r} is not of the form name:…,path:…,executable:…"
            )
        if name in files:
            raise ValueError(f"{CACHED_FILES}: the name {name!r} comes twice")
        files[name] = CachedFile(name, path, executable)
    return list(files.values())


def format_cached_files(files: Iterable[CachedFile]) -> str:
    """Writes files so that :func:`parse_cached_files` reads them.

    :param files: The files.
    :return: The text.
    """
    texts = []
    for name, path, executable in files:
        values = {"name": name, "path": path}
        if executable:
            values["executable"] = "true"
        texts.append(format_map(values))
    return ";".join(texts)


def checked_cached_files(text: str) -> str:
    """Looks for the files of a job that is about to be submitted.

    :param text: The value of ``pipeline.cached-files``.
    :return: The same with absolute local paths.
    :raises FileNotFoundError: When one is missing.
    :raises ValueError: When one can't be run that should be.
    """
    from pyflinkpp.datastream.connectors._files import local_path

    files = []
    for name, path, executable in parse_cached_files(text):
        place = local_path(path)
        if not os.path.exists(place):
            raise FileNotFoundError(f"cached file {name!r}: there is no file {place}")
        if executable and os.path.isfile(place) and not os.access(place, os.X_OK):
            raise ValueError(f"cached file {name!r}: {place} can't be run: chmod +x it")
        files.append(CachedFile(name, place, executable))
    return format_cached_files(files)
