"""Streams: what they are and what can be made of them."""

from __future__ import annotations

from pyflinkpp._missing import refuse_names
from pyflinkpp.datastream._broadcast_streams import BroadcastConnectedStream, BroadcastStream
from pyflinkpp.datastream._collect import CloseableIterator
from pyflinkpp.datastream._connected_streams import ConnectedStreams
from pyflinkpp.datastream._data_stream import DataStream
from pyflinkpp.datastream._data_stream_sink import DataStreamSink
from pyflinkpp.datastream._interval_join import IntervalJoin, IntervalJoined
from pyflinkpp.datastream._joined_streams import CoGroupedStreams, JoinedStreams
from pyflinkpp.datastream._keyed_stream import KeyedStream
from pyflinkpp.datastream._windowed_stream import AllWindowedStream, WindowedStream

__all__ = [
    "AllWindowedStream",
    "BroadcastConnectedStream",
    "BroadcastStream",
    "CloseableIterator",
    "CoGroupedStreams",
    "ConnectedStreams",
    "DataStream",
    "DataStreamSink",
    "IntervalJoin",
    "IntervalJoined",
    "JoinedStreams",
    "KeyedStream",
    "WindowedStream",
]

__getattr__ = refuse_names(__name__, frozenset({"CachedDataStream"}))
