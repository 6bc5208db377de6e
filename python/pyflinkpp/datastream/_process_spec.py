"""How an operator that calls methods of a function object is described to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflinkpp.datastream._function_base import FilterFunction, FunctionWrapper

if TYPE_CHECKING:
    from pyflinkpp.common.typeinfo import TypeInformation

__all__ = ["KeyedFilter", "call", "process_spec"]


def call(
    method: str, *, with_context: bool = False, many: bool = False, drop_none: bool = False
) -> dict[str, Any]:
    """Describes what is called for each element of an input.

    :param method: The name of the function's method.
    :param with_context: Whether the context follows the element.
    :param many: Whether it gives any number of results, or None for none.
    :param drop_none: Whether a single result None is no result.
    :return: The description.
    """
    return {
        "method": method,
        "with_context": with_context,
        "many": many,
        "drop_none": drop_none,
    }


def process_spec(
    *inputs: dict[str, Any],
    key_type: TypeInformation | None = None,
    broadcast: bool = False,
) -> dict[str, Any]:
    """Describes the operator.

    :param inputs: What is called for each input.
    :param key_type: The type of the keys; None when the operator does not run under a key.
    :param broadcast: Whether the second input is a broadcast stream with its states.
    :return: The description.
    """
    return {
        "kind": "process",
        "inputs": list(inputs),
        "keyed": key_type is not None,
        "key_type": key_type,
        "broadcast": broadcast,
    }


class KeyedFilter(FunctionWrapper):
    """Runs a FilterFunction as a function that gives any number of results.

    :param func: The FilterFunction.
    """

    _func: FilterFunction

    def flat_map(self, value: Any) -> tuple[Any, ...]:
        """Keeps or drops an element.

        :param value: The element.
        :return: The element alone, or nothing.
        """
        return (value,) if self._func.filter(value) else ()
