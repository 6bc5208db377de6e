"""Streams: what they are and what can be made of them."""

from __future__ import annotations

from pyflinkpp._missing import refuse_names
from pyflinkpp.datastream._collect import CloseableIterator
from pyflinkpp.datastream._connected_streams import ConnectedStreams
from pyflinkpp.datastream._data_stream import DataStream
from pyflinkpp.datastream._data_stream_sink import DataStreamSink
from pyflinkpp.datastream._keyed_stream import KeyedStream

__all__ = ["CloseableIterator", "ConnectedStreams", "DataStream", "DataStreamSink", "KeyedStream"]

__getattr__ = refuse_names(
    __name__,
    frozenset(
        {
            "AllWindowedStream",
            "BroadcastConnectedStream",
            "BroadcastStream",
            "CachedDataStream",
            "WindowedStream",
        }
    ),
)
