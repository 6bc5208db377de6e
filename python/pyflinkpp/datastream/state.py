"""Keyed state: not in this version; each name is refused."""

from pyflinkpp._missing import refuse_names

__getattr__ = refuse_names(
    __name__,
    frozenset(
        {
            "AggregatingState",
            "AggregatingStateDescriptor",
            "AppendingState",
            "BroadcastState",
            "ListState",
            "ListStateDescriptor",
            "MapState",
            "MapStateDescriptor",
            "MergingState",
            "OperatorStateStore",
            "ReadOnlyBroadcastState",
            "ReducingState",
            "ReducingStateDescriptor",
            "State",
            "StateDescriptor",
            "StateTtlConfig",
            "ValueState",
            "ValueStateDescriptor",
        }
    ),
)
