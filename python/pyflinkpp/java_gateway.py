"""The place where PyFlink keeps its bridge to the JVM: there is none here."""

from __future__ import annotations

from typing import NoReturn

from pyflinkpp._missing import no_jvm

__all__ = ["get_gateway"]


def get_gateway() -> NoReturn:
    """Refuses, because pyflinkpp runs without a JVM.

    :raises NotImplementedError: always.
    """
    raise no_jvm(
        "get_gateway()",
        "use the Python API; sources and sinks are in pyflinkpp.datastream.connectors",
    )
