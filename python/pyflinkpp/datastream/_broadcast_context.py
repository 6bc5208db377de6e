"""The contexts of broadcast process functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp._engine import native
from pyflinkpp.datastream._broadcast_runtime import BroadcastStates

if TYPE_CHECKING:
    from pyflinkpp.datastream.state import (
        BroadcastState,
        MapStateDescriptor,
        ReadOnlyBroadcastState,
    )

__all__ = ["ReadOnlyContext", "WritableContext", "broadcast_states"]

_FunctionContext: Any = native().FunctionContext


def broadcast_states(descriptors: bytes) -> BroadcastStates:
    """Makes the states of an operator; the engine calls it.

    :param descriptors: The pickle of the descriptors that were given to ``broadcast()``.
    :return: The states.
    """
    import pickle

    return BroadcastStates(pickle.loads(descriptors))


class ReadOnlyContext(_FunctionContext):  # type: ignore[misc]
    """The context of the side that is not broadcast, and of timers."""

    _states: BroadcastStates

    def get_broadcast_state(
        self, state_descriptor: MapStateDescriptor
    ) -> ReadOnlyBroadcastState[Any, Any]:
        """Gives a broadcast state to read.

        :param state_descriptor: Its descriptor.
        :return: The state.
        """
        return self._states.read_only(state_descriptor)


class WritableContext(_FunctionContext):  # type: ignore[misc]
    """The context of the broadcast side."""

    _states: BroadcastStates

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """Gives a broadcast state.

        :param state_descriptor: Its descriptor.
        :return: The state.
        """
        return self._states.get(state_descriptor)
