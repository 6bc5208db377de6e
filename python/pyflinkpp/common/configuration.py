"""Settings by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from pyflinkpp.common._values import parse_boolean

__all__ = ["Configuration"]

T = TypeVar("T")


class Configuration:
    """Settings by key; the keys are Flink's.

    >>> Configuration().set_integer("parallelism.default", 2).get_string("parallelism.default", "")
    '2'

    :param other: A configuration to copy.
    """

    __slots__ = ("_values",)

    def __init__(self, other: Configuration | None = None) -> None:
        self._values: dict[str, Any] = {} if other is None else dict(other._values)

    @classmethod
    def from_dict(cls, map: Mapping[str, str]) -> Configuration:
        """Makes a configuration of a dict.

        :param map: The settings.
        :return: The configuration.
        """
        configuration = cls()
        for key, value in map.items():
            configuration._set(key, value)
        return configuration

    @staticmethod
    def parse_list_value(value: str) -> list[str]:
        """Reads a list of the form "a;b" or "[a, b]".

        :param value: The text; may be empty.
        :return: The parts of the list.
        """
        text = (value or "").strip()
        if text.startswith("[") and text.endswith("]"):
            return [part.strip().strip("'\"") for part in text[1:-1].split(",") if part.strip()]
        return text.split(";") if text else []

    @overload
    def get_string(self, key: str, default_value: str) -> str: ...
    @overload
    def get_string(self, key: str, default_value: None) -> str | None: ...
    def get_string(self, key: str, default_value: str | None) -> str | None:
        """Gives a setting as text.

        :param key: The key.
        :param default_value: What to give when the key is not set.
        :return: The text.
        """
        value = self._values.get(key)
        return default_value if value is None else _text(value)

    def set_string(self, key: str, value: str) -> Configuration:
        """Sets text.

        :param key: The key.
        :param value: The text.
        :return: This object.
        """
        return self._set(key, str(value))

    def get_integer(self, key: str, default_value: int) -> int:
        """Gives a setting as an integer.

        :param key: The key.
        :param default_value: What to give when the key is not set.
        :return: The integer.
        :raises ValueError: When the setting is no integer.
        """
        return self._get(key, default_value, int, "integer")

    def set_integer(self, key: str, value: int) -> Configuration:
        """Sets an integer.

        :param key: The key.
        :param value: The integer.
        :return: This object.
        """
        return self._set(key, int(value))

    def get_boolean(self, key: str, default_value: bool) -> bool:
        """Gives a setting as a truth value.

        :param key: The key.
        :param default_value: What to give when the key is not set.
        :return: The truth value.
        :raises ValueError: When the setting is neither "true" nor "false".
        """
        value = self._values.get(key)
        return bool(default_value) if value is None else parse_boolean(key, _text(value))

    def set_boolean(self, key: str, value: bool) -> Configuration:
        """Sets a truth value.

        :param key: The key.
        :param value: The truth value.
        :return: This object.
        """
        return self._set(key, bool(value))

    def get_float(self, key: str, default_value: float) -> float:
        """Gives a setting as a number.

        :param key: The key.
        :param default_value: What to give when the key is not set.
        :return: The number.
        :raises ValueError: When the setting is no number.
        """
        return self._get(key, float(default_value), float, "number")

    def set_float(self, key: str, value: float) -> Configuration:
        """Sets a number.

        :param key: The key.
        :param value: The number.
        :return: This object.
        """
        return self._set(key, float(value))

    def get_bytearray(self, key: str, default_value: bytearray) -> bytearray:
        """Gives a setting as bytes.

        :param key: The key.
        :param default_value: What to give when the key is not set.
        :return: The bytes.
        """
        value = self._values.get(key, default_value)
        return bytearray(value.encode() if isinstance(value, str) else value)

    def set_bytearray(self, key: str, value: bytearray) -> Configuration:
        """Sets bytes.

        :param key: The key.
        :param value: The bytes.
        :return: This object.
        """
        return self._set(key, bytes(value))

    def key_set(self) -> set[str]:
        """Gives the keys that are set.

        :return: The keys.
        """
        return set(self._values)

    def contains_key(self, key: str) -> bool:
        """Tells whether a key is set.

        :param key: The key.
        :return: True if it is set.
        """
        return key in self._values

    def remove_config(self, key: str) -> bool:
        """Removes a setting.

        :param key: The key.
        :return: True if it was set.
        """
        return self._values.pop(key, None) is not None

    def add_all(self, other: Configuration, prefix: str | None = None) -> Configuration:
        """Adds all settings of another configuration.

        :param other: The other configuration; its settings win.
        :param prefix: What to put before its keys, or None.
        :return: This object.
        """
        for key, value in other._values.items():
            self._values[(prefix or "") + key] = value
        return self

    def add_all_to_dict(self, target_dict: dict[str, Any]) -> None:
        """Adds all settings, as text, to a dict.

        :param target_dict: The dict.
        """
        target_dict.update(self.to_dict())

    def to_dict(self) -> dict[str, str]:
        """Gives all settings as text.

        :return: A new dict.
        """
        return {key: _text(value) for key, value in self._values.items()}

    def _set(self, key: str, value: Any) -> Configuration:
        if not isinstance(key, str):
            raise TypeError(f"a configuration key must be a str, not {key!r}")
        if value is None:
            raise TypeError(f"the value of {key!r} must not be None")
        self._values[key] = value
        return self

    def _get(self, key: str, default: T, convert: Callable[[Any], T], what: str) -> T:
        value = self._values.get(key)
        if value is None:
            return default
        try:
            return convert(value)
        except ValueError:
            raise ValueError(f"{key}: {value!r} is no {what}") from None

    def __deepcopy__(self, memodict: dict[int, Any] | None = None) -> Configuration:
        return Configuration(self)

    def __copy__(self) -> Configuration:
        return Configuration(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and other._values == self._values

    def __hash__(self) -> int:
        return hash(frozenset(self.to_dict().items()))

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key}={value}" for key, value in self.to_dict().items()) + "}"

    def __repr__(self) -> str:
        return f"Configuration.from_dict({self.to_dict()!r})"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode() if isinstance(value, bytes) else str(value)
