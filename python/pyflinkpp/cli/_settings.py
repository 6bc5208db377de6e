"""The settings that the command line takes."""

from __future__ import annotations

from collections.abc import Iterable

from pyflinkpp.common.configuration import Configuration

__all__ = ["settings_of"]


def settings_of(pairs: Iterable[str]) -> Configuration:
    """Reads the settings of ``-D``.

    :param pairs: Each as "KEY=VALUE"; a later one wins.
    :return: The settings.
    :raises ValueError: When one is no such pair or its value does not fit its key.
    """
    from pyflinkpp.datastream._options import check_settings, with_current_keys

    settings = Configuration()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ValueError(f"-D takes KEY=VALUE, not {pair!r}")
        settings.set_string(key.strip(), value.strip())
    settings = with_current_keys(settings)
    check_settings(settings)
    return settings
