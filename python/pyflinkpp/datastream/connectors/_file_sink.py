"""A sink that writes files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn

from pyflinkpp._missing import no_jvm, not_yet
from pyflinkpp.common._checks import integer
from pyflinkpp.common.serialization import BulkWriterFactory, Encoder
from pyflinkpp.datastream.connectors._files import local_path
from pyflinkpp.datastream.connectors._part_files import (
    BucketAssigner,
    OnCheckpointRollingPolicy,
    OutputFileConfig,
    RollingPolicy,
)
from pyflinkpp.datastream.connectors.base import (
    EngineSink,
    StreamTransformer,
    SupportsPreprocessing,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = ["FileCompactStrategy", "FileCompactor", "FileSink", "StreamingFileSink"]

_CHECK_INTERVAL_MS = 60_000


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
    """Writes elements to part files below a directory; each element is in them exactly once.

    >>> sink = FileSink.for_row_format("/out", Encoder.simple_string_encoder()).build()

    A part file is in progress while elements are added to it, under a name that begins with a point.
    When its :class:`RollingPolicy` ends it, it is pending; when a checkpoint that has it is complete,
    or at the end of a bounded job, it is finished and gets its name. After a failure, what the last
    checkpoint has of the file in progress is finished, and the rest dropped.

    :param base_path: The absolute local path of the directory.
    :param writes: How elements are written: an :class:`Encoder` or a :class:`BulkWriterFactory`.
    :param buckets: Which directory below it an element is written to.
    :param names: How part files are named.
    :param rolling: When part files end.
    :param check_interval_ms: How often the rolling policy is asked when no element comes.
    """

    def __init__(
        self,
        base_path: str,
        writes: Encoder | BulkWriterFactory,
        buckets: BucketAssigner,
        names: OutputFileConfig,
        rolling: RollingPolicy,
        check_interval_ms: int,
    ) -> None:
        self._base_path = base_path
        self._writes = writes
        self._buckets = buckets
        self._names = names
        self._rolling = rolling
        self._check_interval_ms = check_interval_ms

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
    def for_bulk_format(
        base_path: str | os.PathLike[str], writer_factory: BulkWriterFactory
    ) -> FileSink.BulkFormatBuilder:
        """Starts to build a sink that writes many elements at a time, such as Parquet files; part
        files end at each checkpoint.

        :param base_path: The directory; made when it does not exist.
        :param writer_factory: How elements are written.
        :return: The builder.
        """
        if not isinstance(writer_factory, BulkWriterFactory):
            raise TypeError(f"a BulkWriterFactory is wanted, not {writer_factory!r}")
        return FileSink.BulkFormatBuilder(local_path(base_path), writer_factory)

    def _function(self) -> Any:
        return None if type(self._writes) is Encoder else self._writes

    def _spec(self) -> dict[str, Any]:
        writes = self._writes
        bulk = isinstance(writes, BulkWriterFactory)
        part_size, rollover_ms, inactivity_ms = self._rolling._rolling()
        return {
            "kind": "file_sink",
            "path": self._base_path,
            "prefix": self._names.get_part_prefix(),
            "suffix": self._names.get_part_suffix(),
            "bucket_format": self._buckets._format,
            "time_zone": self._buckets._time_zone,
            "encoding": writes.charset_name if type(writes) is Encoder else "UTF-8",
            "format": "bulk" if bulk else "text" if type(writes) is Encoder else "encoder",
            "part_size": part_size,
            "rollover_ms": rollover_ms,
            "inactivity_ms": inactivity_ms,
            "check_interval_ms": self._check_interval_ms,
        }

    class _Builder:
        """What both builders have in common."""

        def __init__(
            self, base_path: str, writes: Encoder | BulkWriterFactory, rolling: RollingPolicy
        ) -> None:
            self._base_path = base_path
            self._writes = writes
            self._buckets = BucketAssigner.date_time_bucket_assigner()
            self._names = OutputFileConfig.builder().build()
            self._rolling = rolling
            self._check_interval_ms = _CHECK_INTERVAL_MS

        def with_bucket_check_interval(self, interval: int) -> Self:
            """Sets how often the rolling policy is asked when no element comes; by default each
            minute.

            :param interval: Milliseconds.
            :return: This object.
            """
            if integer(interval, "interval") <= 0:
                raise ValueError(f"interval must be more than 0, not {interval}")
            self._check_interval_ms = interval
            return self

        def with_bucket_assigner(self, bucket_assigner: BucketAssigner) -> Self:
            """Sets which directory an element is written to; by default one for each hour.

            :param bucket_assigner: The assigner.
            :return: This object.
            """
            if not isinstance(bucket_assigner, BucketAssigner):
                raise TypeError(f"a BucketAssigner is wanted, not {bucket_assigner!r}")
            self._buckets = bucket_assigner
            return self

        def with_output_file_config(self, output_file_config: OutputFileConfig) -> Self:
            """Sets how part files are named.

            :param output_file_config: The names.
            :return: This object.
            """
            if not isinstance(output_file_config, OutputFileConfig):
                raise TypeError(f"an OutputFileConfig is wanted, not {output_file_config!r}")
            self._names = output_file_config
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

        def disable_compact(self) -> Self:
            """Leaves small part files as they are; this is the default.

            :return: This object.
            """
            return self

        def build(self) -> FileSink:
            """Ends the sink.

            :return: The sink.
            """
            return FileSink(
                self._base_path,
                self._writes,
                self._buckets,
                self._names,
                self._rolling,
                self._check_interval_ms,
            )

    class RowFormatBuilder(_Builder):
        """Builds a sink that writes element by element.

        :param base_path: The absolute local path of the directory.
        :param encoder: How an element is written.
        """

        def __init__(self, base_path: str, encoder: Encoder) -> None:
            super().__init__(base_path, encoder, RollingPolicy.default_rolling_policy())

        def with_rolling_policy(self, rolling_policy: RollingPolicy) -> FileSink.RowFormatBuilder:
            """Sets when part files end; by default at 128 MB, after a minute, or after a minute
            without an element.

            :param rolling_policy: The policy.
            :return: This object.
            """
            if not isinstance(rolling_policy, RollingPolicy):
                raise TypeError(f"a RollingPolicy is wanted, not {rolling_policy!r}")
            self._rolling = rolling_policy
            return self

    class BulkFormatBuilder(_Builder):
        """Builds a sink that writes many elements at a time.

        :param base_path: The absolute local path of the directory.
        :param writer_factory: How elements are written.
        """

        def __init__(self, base_path: str, writer_factory: BulkWriterFactory) -> None:
            super().__init__(
                base_path, writer_factory, RollingPolicy.on_checkpoint_rolling_policy()
            )

        def with_rolling_policy(
            self, rolling_policy: OnCheckpointRollingPolicy
        ) -> FileSink.BulkFormatBuilder:
            """Sets when part files end: at each checkpoint, because a bulk format has no end that
            could be gone back to.

            :param rolling_policy: The policy.
            :return: This object.
            :raises TypeError: When it is another one.
            """
            if not isinstance(rolling_policy, OnCheckpointRollingPolicy):
                raise TypeError(
                    f"a bulk format needs an OnCheckpointRollingPolicy, not {rolling_policy!r}"
                )
            self._rolling = rolling_policy
            return self


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
