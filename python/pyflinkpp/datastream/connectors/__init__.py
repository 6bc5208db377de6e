"""Sources and sinks, one module each."""

from __future__ import annotations

from pyflinkpp.datastream.connectors.base import DeliveryGuarantee, Sink, Source

__all__ = ["DeliveryGuarantee", "Sink", "Source"]
