"""What streams do with time: timestamps, windows over all keys, joins by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp.common.watermark_strategy import WatermarkStrategy

if TYPE_CHECKING:
    from pyflinkpp.datastream._data_stream import DataStream
    from pyflinkpp.datastream._joined_streams import CoGroupedStreams, JoinedStreams
    from pyflinkpp.datastream._window_assigner import WindowAssigner
    from pyflinkpp.datastream._windowed_stream import AllWindowedStream

__all__ = ["TimedOperations"]


class TimedOperations:
    """The operations of a stream that have to do with time; DataStream has them."""

    def _stream_itself(self) -> DataStream:
        raise NotImplementedError

    def assign_timestamps_and_watermarks(
        self,
        watermark_strategy: WatermarkStrategy,
    ) -> DataStream:
        """Gives the elements timestamps and lets watermarks follow them.

        Watermarks that come from before end here; timestamps stay unless the strategy has an
        assigner of its own. Watermark alignment has no effect here: it belongs to a source.

        >>> class Clock(TimestampAssigner):
        ...     def extract_timestamp(self, value, record_timestamp):
        ...         return value[1]
        >>> events.assign_timestamps_and_watermarks(  # doctest: +SKIP
        ...     WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(5))
        ...     .with_timestamp_assigner(Clock())
        ... )

        :param watermark_strategy: How.
        :return: The stream with timestamps and watermarks.
        :raises TypeError: When it is no WatermarkStrategy.
        """
        if not isinstance(watermark_strategy, WatermarkStrategy):
            raise TypeError(f"a WatermarkStrategy is wanted, not {watermark_strategy!r}")
        spec = watermark_strategy._spec()
        spec["watermarks"].pop("alignment", None)
        assigner = watermark_strategy._timestamp_assigner
        stream = self._stream_itself()
        return stream._transform("Timestamps/Watermarks", spec, stream._type, assigner)

    def window_all(
        self,
        window_assigner: WindowAssigner[Any, Any],
    ) -> AllWindowedStream:
        """Groups the elements of all keys into windows, in one subtask.

        >>> stream.window_all(TumblingEventTimeWindows.of(Time.minutes(1))).sum(1)  # doctest: +SKIP

        :param window_assigner: Puts elements into windows.
        :return: The windowed stream.
        :raises TypeError: When it is no WindowAssigner.
        """
        from pyflinkpp.datastream._windowed_stream import AllWindowedStream

        return AllWindowedStream(self._stream_itself(), window_assigner)

    def count_window_all(
        self,
        size: int,
        slide: int = 0,
    ) -> AllWindowedStream:
        """Groups the elements of all keys into windows of so many; only full windows come out.

        :param size: The number of elements in a window.
        :param slide: After how many elements the next window starts; 0 for its size.
        :return: The windowed stream.
        :raises ValueError: When size is not at least 1 or slide is negative.
        """
        from pyflinkpp.datastream._window_counts import count_windows

        return self.window_all(count_windows(size, slide))

    def join(self, other: DataStream) -> JoinedStreams:
        """Joins the elements of two streams that have the same key and are in the same window.

        >>> orders.join(payments).where(lambda o: o[0]).equal_to(lambda p: p[0]).window(
        ...     TumblingEventTimeWindows.of(Time.minutes(1))
        ... ).apply(lambda order, payment: (order, payment))  # doctest: +SKIP

        :param other: The other stream, of any type.
        :return: What :meth:`JoinedStreams.where` is called on.
        :raises TypeError: When it is no DataStream.
        :raises ValueError: When the environments differ.
        """
        from pyflinkpp.datastream._joined_streams import JoinedStreams

        return JoinedStreams(self._stream_itself(), other)

    def co_group(self, other: DataStream) -> CoGroupedStreams:
        """Puts together, for each key and window, the elements of two streams.

        >>> orders.co_group(payments).where(lambda o: o[0]).equal_to(lambda p: p[0]).window(
        ...     TumblingEventTimeWindows.of(Time.minutes(1))
        ... ).apply(Compare())  # doctest: +SKIP

        :param other: The other stream, of any type.
        :return: What :meth:`CoGroupedStreams.where` is called on.
        :raises TypeError: When it is no DataStream.
        :raises ValueError: When the environments differ.
        """
        from pyflinkpp.datastream._joined_streams import CoGroupedStreams

        return CoGroupedStreams(self._stream_itself(), other)
