"""Warnings that point at the user's line."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn"]


def warn(message: str) -> None:
    """Warns, naming the innermost line outside this package.

    :param message: The message.
    """
    level, frame = 2, sys._getframe(1)
    while (
        frame.f_back is not None
        and frame.f_globals.get("__name__", "").split(".")[0] == __package__
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
