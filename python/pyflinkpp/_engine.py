"""The one place that loads the C++ engine: at first use, so that importing pyflinkpp stays fast."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["native", "wait_for"]

_loaded: Any = None
_process = 0


def native() -> Any:
    """Loads the engine and ties its end to that of this interpreter.

    :return: The module ``pyflinkpp._native``.
    :raises RuntimeError: In a child that was forked after the engine had started: threads do not survive a fork.
    """
    if _loaded is None:
        return _load()
    if _process != os.getpid():
        raise RuntimeError(
            "pyflinkpp was started before this process was forked, and its threads stayed in the parent: "
            'start the process another way (multiprocessing.set_start_method("spawn")) or fork before the first job'
        )
    return _loaded


def wait_for(job: Any) -> None:
    """Waits until a job has ended; when interrupted, cancels it and waits until it has closed its functions.

    A second interruption gives up waiting.

    :param job: The engine's job.
    :raises KeyboardInterrupt: After Ctrl-C.
    """
    try:
        while not job.wait(100):
            pass
    except BaseException:
        cancel_and_wait(job)
        raise


def cancel_and_wait(job: Any) -> None:
    """Cancels a job and waits until it has ended; Ctrl-C gives up waiting.

    :param job: The engine's job.
    """
    job.cancel()
    try:
        while not job.wait(100):
            pass
    except KeyboardInterrupt:
        pass


def _load() -> ModuleType:
    global _loaded, _process
    import atexit

    from pyflinkpp import _native

    _loaded, _process = _native, os.getpid()
    atexit.register(_shutdown)
    return _native


def _shutdown() -> None:
    if _loaded is not None and _process == os.getpid():
        _loaded.shutdown()
