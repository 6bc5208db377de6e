"""Configuration options as objects: a key and what it means when it is not set."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["ConfigOption", "ConfigOptions"]

T = TypeVar("T")


class ConfigOption(Generic[T]):
    """A configuration key with the type and the default of its value.

    :param key: The key.
    :param type_name: What the value is: "boolean", "int", "long", "float", "double" or "string".
    :param default: What counts while the key is not set, or None.
    """

    __slots__ = ("_default", "_key", "_type_name")

    def __init__(self, key: str, type_name: str, default: T | None) -> None:
        self._key = key
        self._type_name = type_name
        self._default = default

    def key(self) -> str:
        """Gives the key.

        :return: The key.
        """
        return self._key

    def default_value(self) -> T | None:
        """Gives what counts while the key is not set.

        :return: The default, or None when there is none.
        """
        return self._default

    def __repr__(self) -> str:
        return f"ConfigOption({self._key!r}, {self._type_name}, default={self._default!r})"


class ConfigOptions:
    """Builds options.

    >>> ConfigOptions.key("parallelism.default").int_type().default_value(1)
    ConfigOption('parallelism.default', int, default=1)
    """

    @staticmethod
    def key(key: str) -> ConfigOptions.OptionBuilder:
        """Starts to build an option.

        :param key: The configuration key.
        :return: The builder, which wants the type next.
        """
        return ConfigOptions.OptionBuilder(key)

    class OptionBuilder:
        """Has a key and takes the type.

        :param key: The configuration key.
        """

        def __init__(self, key: str) -> None:
            self._key = key

        def boolean_type(self) -> ConfigOptions.TypedConfigOptionBuilder[bool]:
            """Declares the value to be a truth value.

            :return: The builder, which wants the default next.
            """
            return ConfigOptions.TypedConfigOptionBuilder(self._key, "boolean")

        def int_type(self) -> ConfigOptions.TypedConfigOptionBuilder[int]:
            """Declares the value to be an integer of 32 bits.

            :return: The builder, which wants the default next.
            """
            return ConfigOptions.TypedConfigOptionBuilder(self._key, "int")

        def long_type(self) -> ConfigOptions.TypedConfigOptionBuilder[int]:
            """Declares the value to be an integer of 64 bits.

            :return: The builder, which wants the default next.
            """
            return ConfigOptions.TypedConfigOptionBuilder(self._key, "long")

        def float_type(self) -> ConfigOptions.TypedConfigOptionBuilder[float]:
            """Declares the value to be a number of 32 bits.

            :return: The builder, which wants the default next.
            """
            return ConfigOptions.TypedConfigOptionBuilder(self._key, "float")

        def double_type(self) -> ConfigOptions.TypedConfigOptionBuilder[float]:
            """Declares the value to be a number of 64 bits.

            :return: The builder, which wants the default next.
            """
            return ConfigOptions.TypedConfigOptionBuilder(self._key, "double")

        def string_type(self) -> ConfigOptions.TypedConfigOptionBuilder[str]:
            """Declares the value to be text.

            :return: The builder, which wants the default next.
            """
            return ConfigOptions.TypedConfigOptionBuilder(self._key, "string")

    class TypedConfigOptionBuilder(Generic[T]):
        """Has a key and a type and takes the default.

        :param key: The configuration key.
        :param type_name: The type of its value.
        """

        def __init__(self, key: str, type_name: str) -> None:
            self._key = key
            self._type_name = type_name

        def default_value(self, value: T) -> ConfigOption[T]:
            """Ends the option with a default.

            :param value: What counts while the key is not set.
            :return: The option.
            """
            return ConfigOption(self._key, self._type_name, value)

        def no_default_value(self) -> ConfigOption[T]:
            """Ends the option without a default.

            :return: The option.
            """
            return ConfigOption(self._key, self._type_name, None)
