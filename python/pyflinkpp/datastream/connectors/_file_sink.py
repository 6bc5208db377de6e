"""A sink that writes files."""

from __future__ import annotations

import os
from typing import Any, NoReturn

from pyflinkpp._missing import no_jvm, not_yet
from pyflinkpp.common.serialization import BulkWriterFactory, Encoder
from pyflinkpp.datastream.connectors._files import local_path
from pyflinkpp.datastream.connectors.base import (
    EngineSink,
    StreamTransformer,
    SupportsPreprocessing,
)

__all__ = [
    "BucketAssigner",
    "DefaultRollingPolicy",
    "FileCompactStrategy",
    "FileCompactor",
    "FileSink",
    "OnCheckpointRollingPolicy",
    "OutputFileConfig",
    "RollingPolicy",
    "StreamingFileSink",
]

_DEFAULT_BUCKETS = "yyyy-MM-dd--HH"


class BucketAssigner:
    """Which directory below the base path an element is written to.

    :param format_str: The pattern of the time in a directory's name; "" for no directory.
    """

    def __init__(self, format_str: str) -> None:
        self._format = format_str

    @staticmethod
    def base_path_bucket_assigner() -> BucketAssigner:
        """Writes all elements to the base path itself.

        :return: The assigner.
        """
        return BucketAssigner("")

    @staticmethod
    def date_time_bucket_assigner(
        format_str: str = _DEFAULT_BUCKETS, timezone_id: str | None = None
    ) -> BucketAssigner:
        """Writes elements to a directory named by the time at which they are written.

        :param format_str: The pattern of the name, as in Java: "yyyy-MM-dd--HH" for each hour.
        :param timezone_id: None for the local time zone.
        :return: The assigner.
        :raises NotImplementedError: When a time zone is given.
        """
        if timezone_id is not None:
            raise not_yet("BucketAssigner.date_time_bucket_assigner(timezone_id=…)")
        if not isinstance(format_str, str) or not format_str:
            raise ValueError(f"format_str must be a pattern of the time, not {format_str!r}")
        return BucketAssigner(format_str)


class RollingPolicy:
    """When a part file ends and the next one begins.

    A bounded job writes one part file for each subtask and bucket: it ends with the job.
    """

    @staticmethod
    def default_rolling_policy(
        part_size: int = 1024 * 1024 * 128,
        rollover_interval: int = 60 * 1000,
        inactivity_interval: int = 60 * 1000,
    ) -> DefaultRollingPolicy:
        """Ends a part file when it is large or old enough.

        :param part_size: Bytes.
        :param rollover_interval: Milliseconds since its beginning.
        :param inactivity_interval: Milliseconds since the last element.
        :return: The policy.
        """
        return DefaultRollingPolicy(part_size, rollover_interval, inactivity_interval)

    @staticmethod
    def on_checkpoint_rolling_policy() -> OnCheckpointRollingPolicy:
        """Ends part files at each checkpoint.

        :return: The policy.
        """
        return OnCheckpointRollingPolicy()


class DefaultRollingPolicy(RollingPolicy):
    """Ends a part file when it is large or old enough.

    :param part_size: Bytes.
    :param rollover_interval: Milliseconds since its beginning.
    :param inactivity_interval: Milliseconds since the last element.
    """

    def __init__(self, part_size: int, rollover_interval: int, inactivity_interval: int) -> None:
        for name, value in (
            ("part_size", part_size),
            ("rollover_interval", rollover_interval),
            ("inactivity_interval", inactivity_interval),
        ):
            if value <= 0:
                raise ValueError(f"{name} must be more than 0, not {value}")
        self.part_size = part_size
        self.rollover_interval = rollover_interval
        self.inactivity_interval = inactivity_interval


class OnCheckpointRollingPolicy(RollingPolicy):
    """Ends part files at each checkpoint."""


class OutputFileConfig:
    """How part files are named: prefix-subtask-number and suffix.

    :param part_prefix: The prefix.
    :param part_suffix: The suffix, such as ".txt".
    """

    def __init__(self, part_prefix: str, part_suffix: str) -> None:
        for name, value in (("part_prefix", part_prefix), ("part_suffix", part_suffix)):
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, not {value!r}")
            if "/" in value or "\0" in value:
                raise ValueError(f"{name} is part of a file's name and can't hold {value!r}")
        self._part_prefix = part_prefix
        self._part_suffix = part_suffix

    @staticmethod
    def builder() -> OutputFileConfig.OutputFileConfigBuilder:
        """Starts to build the names, which are "part-…" by default.

        :return: The builder.
        """
        return OutputFileConfig.OutputFileConfigBuilder()

    def get_part_prefix(self) -> str:
        """Gives the prefix.

        :return: The prefix.
        """
        return self._part_prefix

    def get_part_suffix(self) -> str:
        """Gives the suffix.

        :return: The suffix.
        """
        return self._part_suffix

    class OutputFileConfigBuilder:
        """Builds the names of part files."""

        def __init__(self) -> None:
            self._prefix = "part"
            self._suffix = ""

        def with_part_prefix(self, prefix: str) -> OutputFileConfig.OutputFileConfigBuilder:
            """Sets the prefix.

            :param prefix: The prefix.
            :return: This object.
            """
            self._prefix = prefix
            return self

        def with_part_suffix(self, suffix: str) -> OutputFileConfig.OutputFileConfigBuilder:
            """Sets the suffix.

            :param suffix: The suffix, such as ".txt".
            :return: This object.
            """
            self._suffix = suffix
            return self

        def build(self) -> OutputFileConfig:
            """Ends the names.

            :return: The names.
            """
            return OutputFileConfig(self._prefix, self._suffix)


class FileCompactStrategy:
    """When small part files are put together."""

    @staticmethod
    def builder() -> NoReturn:
        """Would start to build a strategy.

        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileCompactStrategy")


class FileCompactor:
    """How small part files are put together."""

    @staticmethod
    def concat_file_compactor(file_delimiter: bytes | None = None) -> NoReturn:
        """Would put files one after the other.

        :param file_delimiter: What comes between them.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileCompactor.concat_file_compactor()")

    @staticmethod
    def identical_file_compactor() -> NoReturn:
        """Would leave files as they are.

        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileCompactor.identical_file_compactor()")


class FileSink(EngineSink, SupportsPreprocessing):
    """Writes elements to part files below a directory; files become visible when complete.

    >>> sink = FileSink.for_row_format("/out", Encoder.simple_string_encoder()).build()

    :param base_path: The absolute local path of the directory.
    :param encoder: How an element is written.
    :param buckets: Which directory below it an element is written to.
    :param names: How part files are named.
    """

    def __init__(
        self, base_path: str, encoder: Encoder, buckets: BucketAssigner, names: OutputFileConfig
    ) -> None:
        self._base_path = base_path
        self._encoder = encoder
        self._buckets = buckets
        self._names = names

    def get_transformer(self) -> StreamTransformer | None:
        """Gives what is done with the stream first.

        :return: None.
        """
        return None

    @staticmethod
    def for_row_format(
        base_path: str | os.PathLike[str], encoder: Encoder
    ) -> FileSink.RowFormatBuilder:
        """Starts to build a sink that writes element by element.

        :param base_path: The directory; made when it does not exist.
        :param encoder: How an element is written.
        :return: The builder.
        """
        if not isinstance(encoder, Encoder):
            raise TypeError(
                f"an Encoder is wanted, as Encoder.simple_string_encoder(), not {encoder!r}"
            )
        return FileSink.RowFormatBuilder(local_path(base_path), encoder)

    @staticmethod
    def for_bulk_format(base_path: str, writer_factory: BulkWriterFactory) -> NoReturn:
        """Would start to build a sink that writes many elements at a time.

        :param base_path: The directory.
        :param writer_factory: How elements are written.
        :raises NotImplementedError: Always, in this version.
        """
        raise not_yet("FileSink.for_bulk_format()", "use for_row_format()")

    def _spec(self) -> dict[str, Any]:
        return {
            "kind": "file_sink",
            "path": self._base_path,
            "prefix": self._names.get_part_prefix(),
            "suffix": self._names.get_part_suffix(),
            "bucket_format": self._buckets._format,
            "encoding": self._encoder.charset_name,
        }

    class RowFormatBuilder:
        """Builds a sink that writes element by element.

        :param base_path: The absolute local path of the directory.
        :param encoder: How an element is written.
        """

        def __init__(self, base_path: str, encoder: Encoder) -> None:
            self._base_path = base_path
            self._encoder = encoder
            self._buckets = BucketAssigner(_DEFAULT_BUCKETS)
            self._names = OutputFileConfig.builder().build()

        def with_bucket_check_interval(self, interval: int) -> FileSink.RowFormatBuilder:
            """Sets how often the rolling policy is asked.

            :param interval: Milliseconds.
            :return: This object.
            """
            if interval <= 0:
                raise ValueError(f"interval must be more than 0, not {interval}")
            return self

        def with_bucket_assigner(
            self, bucket_assigner: BucketAssigner
        ) -> FileSink.RowFormatBuilder:
            """Sets which directory an element is written to; by default one for each hour.

            :param bucket_assigner: The assigner.
            :return: This object.
            """
            if not isinstance(bucket_assigner, BucketAssigner):
                raise TypeError(f"a BucketAssigner is wanted, not {bucket_assigner!r}")
            self._buckets = bucket_assigner
            return self

        def with_output_file_config(
            self, output_file_config: OutputFileConfig
        ) -> FileSink.RowFormatBuilder:
            """Sets how part files are named.

            :param output_file_config: The names.
            :return: This object.
            """
            if not isinstance(output_file_config, OutputFileConfig):
                raise TypeError(f"an OutputFileConfig is wanted, not {output_file_config!r}")
            self._names = output_file_config
            return self

        def with_rolling_policy(self, rolling_policy: RollingPolicy) -> FileSink.RowFormatBuilder:
            """Sets when part files end; a bounded job without checkpoints ends them at its end.

            :param rolling_policy: The policy.
            :return: This object.
            """
            if not isinstance(rolling_policy, RollingPolicy):
                raise TypeError(f"a RollingPolicy is wanted, not {rolling_policy!r}")
            return self

        def enable_compact(
            self, strategy: FileCompactStrategy, compactor: FileCompactor
        ) -> NoReturn:
            """Would put small part files together.

            :param strategy: When.
            :param compactor: How.
            :raises NotImplementedError: Always, in this version.
            """
            raise not_yet("FileSink.enable_compact()")

        def disable_compact(self) -> FileSink.RowFormatBuilder:
            """Leaves small part files as they are; this is the default.

            :return: This object.
            """
            return self

        def build(self) -> FileSink:
            """Ends the sink.

            :return: The sink.
            """
            return FileSink(self._base_path, self._encoder, self._buckets, self._names)


class StreamingFileSink:
    """The predecessor of :class:`FileSink`, which is a Java sink function."""

    @staticmethod
    def for_row_format(base_path: str, encoder: Encoder) -> NoReturn:
        """Refuses.

        :param base_path: Not used.
        :param encoder: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm("StreamingFileSink", "use FileSink.for_row_format() and sink_to()")

    @staticmethod
    def for_bulk_format(base_path: str, writer_factory: BulkWriterFactory) -> NoReturn:
        """Refuses.

        :param base_path: Not used.
        :param writer_factory: Not used.
        :raises NotImplementedError: Always.
        """
        raise no_jvm("StreamingFileSink", "use FileSink.for_row_format() and sink_to()")
