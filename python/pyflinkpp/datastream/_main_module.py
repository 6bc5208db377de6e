"""What a program defines in ``__main__`` travels to the TaskManagers once with its job.

A pickle of an instance only names its class: ``__main__.Order``. In a TaskManager ``__main__`` is
another module, so the classes are put there before any function is made. Functions themselves travel
by value, each with its operator.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

__all__ = ["KEY", "describe", "install"]

KEY = "python.main-module"


def describe() -> str:
    """Pickles the classes that the program has defined in ``__main__``.

    One that can't be pickled is left out: if a function needs it, that says so.

    :return: A text for the job's configuration; empty when there are none.
    """
    main = sys.modules.get("__main__")
    classes = {
        name: value
        for name, value in vars(main).items()
        if isinstance(value, type) and value.__module__ == "__main__"
    }
    if not classes:
        return ""
    import cloudpickle

    try:
        pickle = cloudpickle.dumps(classes, protocol=5)
    except Exception:
        pickle = cloudpickle.dumps(
            {name: value for name, value in classes.items() if _can_be_pickled(value)}, protocol=5
        )
    return base64.b64encode(pickle).decode("ascii")


_installed = ""


def install(text: str) -> None:
    """Defines the classes in this process's ``__main__``.

    :param text: What :func:`describe` gave.
    """
    global _installed
    if text == _installed:
        return
    import pickle

    contents: dict[str, Any] = pickle.loads(base64.b64decode(text))
    vars(sys.modules["__main__"]).update(contents)
    _installed = text


def _can_be_pickled(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value, protocol=5)
    except Exception:
        return False
    return True
