"""How everything that does not exist (yet) is refused: by name, with the way to do it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def not_yet(feature: str, instead: str = "") -> NotImplementedError:
    """Makes the error for a feature of Flink's API that this version can't run yet.

    :param feature: What the user asked for, as it is written in a program.
    :param instead: The way to do it here, if there is one.
    :return: The exception to raise.
    """
    return NotImplementedError(
        f"{feature} is not available in this version of pyflinkpp"
        + (f": {instead}" if instead else "")
    )


def no_jvm(feature: str, instead: str) -> NotImplementedError:
    """Makes the error for what only exists on a JVM.

    :param feature: What the user asked for, as it is written in a program.
    :param instead: The way to do it here.
    :return: The exception to raise.
    """
    return NotImplementedError(f"{feature} needs a JVM, which pyflinkpp does not have: {instead}")


def refuse_names(module: str, names: frozenset[str]) -> Callable[[str], Any]:
    """Makes a module's ``__getattr__`` that names the parts of PyFlink's module that are missing.

    :param module: The module's name.
    :param names: What PyFlink's module of that name has and this one has not.
    :return: The function.
    """

    def module_getattr(name: str) -> Any:
        if name in names:
            raise not_yet(f"{module}.{name}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return module_getattr
