"""What is known of a call of a user's function that has raised, on its way to the user."""

from __future__ import annotations

import contextlib
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyflinkpp.common.exceptions import JobExecutionException

__all__ = ["FailureContext", "describe", "job_exception"]


@dataclass(frozen=True)
class FailureContext:
    """Where a user's function has raised and what it was called with.

    In a job that is debugged (``env.debug()``), and in a harness, ``element``, ``key`` and
    ``window`` are the objects themselves. Otherwise they stay in their task, and here is what
    messages show of them: their shortened reprs. None where there is none.

    :param operator: The name of the operator.
    :param subtask: The index of the subtask, counted from 0.
    :param element: The element that was processed.
    :param key: The key of a keyed stream under which the function was called.
    :param timestamp: The element's time or the timer's, in milliseconds since the epoch.
    :param timer: "EVENT_TIME" or "PROCESSING_TIME" when a timer has called the function.
    :param window: The window that fired or was cleared.
    """

    operator: str | None
    subtask: int | None
    element: Any = None
    key: Any = None
    timestamp: int | None = None
    timer: str | None = None
    window: Any = None


Shown = tuple[()] | tuple[Any, str]
"""An object and its shortened repr; empty when there is none."""

# What failed in a thread of this process that waits for it: the job's result is asked for soon.
_KEPT_MAX = 8
_kept: OrderedDict[int, Any] = OrderedDict()
_last_kept = 0


def describe(
    error: BaseException,
    operator: str,
    subtask: int,
    parallelism: int,
    element: Shown,
    key: Shown,
    window: Shown,
    timestamp: int | None,
    timer: str | None,
    keep: int,
) -> tuple[bytes, bytes]:
    """Puts the context on an exception, as ``pyflinkpp_context`` and as a note.

    :param error: What the user's function raised.
    :param operator: The name of the operator; empty when it isn't known.
    :param subtask: Its index, -1 when it isn't known.
    :param parallelism: The number of subtasks.
    :param element: The element.
    :param key: The key.
    :param window: The window.
    :param timestamp: The time of the element or of the timer.
    :param timer: The kind of the timer.
    :param keep: Whether the exception and the objects are kept as they are.
    :return: Pickles of the exception, empty when there can't be one, and of the context.
    """
    objects = [shown[1 - bool(keep)] if shown else None for shown in (element, key, window)]
    known = operator or None, subtask if subtask >= 0 else None
    context = FailureContext(*known, objects[0], objects[1], timestamp, timer, objects[2])
    told = [f"operator {operator!r} (subtask {subtask + 1}/{parallelism})"] if operator else []
    parts = {"element": element, "key": key, "window": window}
    told += [f"{name} {shown[1]}" for name, shown in parts.items() if shown]
    if timestamp is not None:
        told.append(f"{'timer' if timer else 'timestamp'} {timestamp}")
    # Exceptions are the user's classes: what they refuse is left out.
    with contextlib.suppress(Exception):
        error.pyflinkpp_context = context  # type: ignore[attr-defined]
        note = f"in {', '.join(told)}"
        if told and note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    if keep:
        return _reference(error), _reference(context)
    return _pickled(error), _pickled(context)


def job_exception(
    message: str, operator: str, subtask: int, error: bytes, context: bytes
) -> JobExecutionException:
    """Makes what the job raises of what its task has sent.

    :param message: What has happened.
    :param operator: The name of the operator that failed, or of its task.
    :param subtask: Its index, -1 when it isn't known.
    :param error: The user's exception, as ``describe`` gave it.
    :param context: The context, as ``describe`` gave it.
    :return: The exception. In a debugged job its traceback ends in the user's function.
    """
    from pyflinkpp.common.exceptions import JobExecutionException

    result = JobExecutionException(message)
    result.operator_name = operator
    result.subtask = subtask
    found = _loaded(context)
    if not isinstance(found, FailureContext):
        found = FailureContext(operator or None, subtask if subtask >= 0 else None)
    result.context = found
    cause = _loaded(error)
    if isinstance(cause, BaseException):
        result.cause = result.__cause__ = cause
        result.__traceback__ = cause.__traceback__
    return result


def _reference(value: Any) -> bytes:
    """Keeps a value and gives its number: 8 bytes, which no pickle has."""
    global _last_kept
    _last_kept += 1
    _kept[_last_kept] = value
    if len(_kept) > _KEPT_MAX:
        _kept.popitem(last=False)
    return _last_kept.to_bytes(8, "little")


def _pickled(value: Any) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(value))
    except Exception:
        return b""


def _loaded(pickled: bytes) -> Any:
    if len(pickled) == 8:
        return _kept.get(int.from_bytes(pickled, "little"))
    try:
        return pickle.loads(pickled) if pickled else None
    except Exception:
        return None
