"""Names and types of state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyflinkpp.common._type_composite import checked
from pyflinkpp.common.typeinfo import ListTypeInfo, MapTypeInfo
from pyflinkpp.datastream._function_base import (
    AggregateFunction,
    ReduceFunction,
    ReduceFunctionWrapper,
)

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation
    from pyflinkpp.datastream._state_ttl import StateTtlConfig

__all__ = [
    "AggregatingStateDescriptor",
    "ListStateDescriptor",
    "MapStateDescriptor",
    "ReducingStateDescriptor",
    "StateDescriptor",
    "ValueStateDescriptor",
]


class StateDescriptor:
    """The name and the type of a state; the base of the descriptors of each kind.

    :param name: The name, used once in a function.
    :param type_info: The type of what is held for a key.
    :raises TypeError: When the name is no str or the type no TypeInformation.
    :raises ValueError: When the name is empty.
    """

    def __init__(self, name: str, type_info: TypeInformation) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a state's name must be a str, not {name!r}")
        if not name:
            raise ValueError("a state needs a name that is not empty")
        self.name = name
        self.type_info = checked(type_info, f"the type of state {name!r}")
        self._ttl_config: StateTtlConfig | None = None

    def get_name(self) -> str:
        """Gives the name of the state.

        :return: The name.
        """
        return self.name

    def enable_time_to_live(self, ttl_config: StateTtlConfig) -> None:
        """Lets what is held expire.

        >>> remembered = ValueStateDescriptor("seen", Types.BOOLEAN())
        >>> remembered.enable_time_to_live(StateTtlConfig.new_builder(Time.days(1)).build())

        :param ttl_config: When it expires; a list or map expires by its elements.
        :raises TypeError: When it is no StateTtlConfig.
        """
        from pyflinkpp.datastream._state_ttl import StateTtlConfig

        if not isinstance(ttl_config, StateTtlConfig):
            raise TypeError(f"a StateTtlConfig is wanted, not {ttl_config!r}")
        self._ttl_config = ttl_config

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.type_info})"


class ValueStateDescriptor(StateDescriptor):
    """Describes a state that holds one value for each key.

    :param name: The name of the state.
    :param value_type_info: The type of the value.
    """

    def __init__(self, name: str, value_type_info: TypeInformation) -> None:
        super().__init__(name, value_type_info)


class ListStateDescriptor(StateDescriptor):
    """Describes a state that holds a list for each key.

    :param name: The name of the state.
    :param elem_type_info: The type of the list's elements.
    """

    def __init__(self, name: str, elem_type_info: TypeInformation) -> None:
        super().__init__(name, ListTypeInfo(elem_type_info))


class MapStateDescriptor(StateDescriptor):
    """Describes a state that holds a map for each key, or a broadcast state.

    :param name: The name of the state.
    :param key_type_info: The type of the map's keys.
    :param value_type_info: The type of the map's values.
    """

    def __init__(
        self, name: str, key_type_info: TypeInformation, value_type_info: TypeInformation
    ) -> None:
        super().__init__(name, MapTypeInfo(key_type_info, value_type_info))


class ReducingStateDescriptor(StateDescriptor):
    """Describes a state that holds the reduction of the values added for each key.

    >>> total = ReducingStateDescriptor("total", lambda a, b: a + b, Types.LONG())

    :param name: The name of the state.
    :param reduce_function: Combines two values; it is not opened.
    :param type_info: The type of the values.
    :raises TypeError: When reduce_function is no ReduceFunction and can't be called.
    """

    def __init__(
        self,
        name: str,
        reduce_function: Callable[[Any, Any], Any] | ReduceFunction,
        type_info: TypeInformation,
    ) -> None:
        super().__init__(name, type_info)
        if isinstance(reduce_function, type) and issubclass(reduce_function, ReduceFunction):
            raise TypeError(f"a ReduceFunction is wanted, not its class: {reduce_function!r}")
        if not isinstance(reduce_function, ReduceFunction):
            if not callable(reduce_function):
                raise TypeError(
                    f"state {name!r} takes a ReduceFunction or a callable, not {reduce_function!r}"
                )
            reduce_function = ReduceFunctionWrapper(reduce_function)
        self._reduce_function: ReduceFunction = reduce_function

    def get_reduce_function(self) -> ReduceFunction:
        """Gives the function that combines two values.

        :return: The function.
        """
        return self._reduce_function


class AggregatingStateDescriptor(StateDescriptor):
    """Describes a state that holds an accumulator for each key.

    :param name: The name of the state.
    :param agg_function: Adds values to the accumulator and makes the result; it is not opened.
    :param state_type_info: The type of the accumulator.
    :raises TypeError: When agg_function is no AggregateFunction.
    """

    def __init__(
        self, name: str, agg_function: AggregateFunction, state_type_info: TypeInformation
    ) -> None:
        super().__init__(name, state_type_info)
        if not isinstance(agg_function, AggregateFunction):
            raise TypeError(f"state {name!r} takes an AggregateFunction, not {agg_function!r}")
        self._agg_function = agg_function

    def get_agg_function(self) -> AggregateFunction:
        """Gives the function that adds values and makes the result.

        :return: The function.
        """
        return self._agg_function
