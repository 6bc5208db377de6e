"""A source of the lines of files."""

from __future__ import annotations

import os
from typing import Any, NoReturn

from pyflinkpp._missing import not_yet
from pyflinkpp.common.time import Duration
from pyflinkpp.common.typeinfo import TypeInformation, Types
from pyflinkpp.datastream.connectors._files import local_path, only_utf8
from pyflinkpp.datastream.connectors.base import Source

__all__ = [
    "BulkFormat",
    "FileEnumeratorProvider",
    "FileSource",
    "FileSourceBuilder",
    "FileSplitAssignerProvider",
    "StreamFormat",
]


class StreamFormat:
    """How the bytes of a file become elements, one after the other.

    :param charset_name: The encoding of the text.
    """

    def __init__(self, charset_name: str) -> None:
        self._charset_name = charset_name

    @staticmethod
    def text_line_format(charset_name: str = "UTF-8") -> StreamFormat:
        """Makes an element of each line, without its line end (LF or CR LF).

        :param charset_name: The encoding of the text.
        :return: The format.
        :raises NotImplementedError: When the encoding is not UTF-8.
        """
        return StreamFormat(only_utf8(charset_name, "StreamFormat.text_line_format"))


class BulkFormat:
    """How the bytes of a file become elements, many at a time."""

    def __init__(self) -> None:
        raise not_yet("BulkFormat", "use StreamFormat.text_line_format()")


class FileEnumeratorProvider:
    """Which files are read and whether they are split."""

    @staticmethod
    def default_splittable_file_enumerator() -> FileEnumeratorProvider:
        """Reads all files but hidden ones, split over the readers; this is the default.

        :return: The enumerator.
        """
        return FileEnumeratorProvider()

    @staticmethod
    def default_non_splittable_file_enumerator() -> NoReturn:
        """Would read each file by one reader.

        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileEnumeratorProvider.default_non_splittable_file_enumerator()")


class FileSplitAssignerProvider:
    """Which reader gets which part of a file."""

    @staticmethod
    def locality_aware_split_assigner() -> FileSplitAssignerProvider:
        """Prefers readers near the file; this is the default.

        :return: The assigner.
        """
        return FileSplitAssignerProvider()


class FileSourceBuilder:
    """Builds a :class:`FileSource`.

    :param paths: The files and directories.
    """

    def __init__(self, paths: tuple[str | os.PathLike[str], ...]) -> None:
        if not paths:
            raise ValueError("a FileSource needs at least one path")
        self._paths = [local_path(path) for path in paths]

    def monitor_continuously(self, discovery_interval: Duration) -> NoReturn:
        """Would go on to read files that come later.

        :param discovery_interval: How often to look.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileSourceBuilder.monitor_continuously()")

    def process_static_file_set(self) -> FileSourceBuilder:
        """Reads the files that are there and ends; this is the default.

        :return: This object.
        """
        return self

    def set_file_enumerator(self, file_enumerator: FileEnumeratorProvider) -> FileSourceBuilder:
        """Sets which files are read and whether they are split.

        :param file_enumerator: The enumerator.
        :return: This object.
        """
        if not isinstance(file_enumerator, FileEnumeratorProvider):
            raise TypeError(f"a FileEnumeratorProvider is wanted, not {file_enumerator!r}")
        return self

    def set_split_assigner(self, split_assigner: FileSplitAssignerProvider) -> FileSourceBuilder:
        """Sets which reader gets which part of a file.

        :param split_assigner: The assigner.
        :return: This object.
        """
        if not isinstance(split_assigner, FileSplitAssignerProvider):
            raise TypeError(f"a FileSplitAssignerProvider is wanted, not {split_assigner!r}")
        return self

    def build(self) -> FileSource:
        """Ends the source.

        :return: The source.
        """
        return FileSource(self._paths)


class FileSource(Source):
    """Gives the elements of files; each file is split over the parallel readers.

    Directories are read with all that is in them; names that start with "." or "_" are left out.
    Files that end in .gz, .bz2, .xz or .zst are unpacked.

    >>> source = FileSource.for_record_stream_format(
    ...     StreamFormat.text_line_format(), "/data/lines.txt").build()  # doctest: +SKIP

    :param paths: Absolute local paths.
    """

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths

    @staticmethod
    def for_record_stream_format(
        stream_format: StreamFormat, *paths: str | os.PathLike[str]
    ) -> FileSourceBuilder:
        """Starts to build a source of elements that are read one after the other.

        :param stream_format: How bytes become elements.
        :param paths: The files and directories.
        :return: The builder.
        """
        if not isinstance(stream_format, StreamFormat):
            raise TypeError(f"a StreamFormat is wanted, not {stream_format!r}")
        return FileSourceBuilder(paths)

    @staticmethod
    def for_bulk_file_format(
        bulk_format: BulkFormat, *paths: str | os.PathLike[str]
    ) -> FileSourceBuilder:
        """Would start to build a source of elements that are read many at a time.

        :param bulk_format: How bytes become elements.
        :param paths: The files and directories.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileSource.for_bulk_file_format()", "use for_record_stream_format()")

    def _spec(self) -> dict[str, Any]:
        return {"kind": "file_source", "paths": list(self._paths)}

    def _produced_type(self) -> TypeInformation:
        return Types.STRING()

    def _check(self, operator: str) -> None:
        for path in self._paths:
            if not os.path.exists(path):
                raise FileNotFoundError(f"operator {operator!r}: there is no input file {path}")
