"""Functions become bytes; one that can't is explained by what it captures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["dumps", "reference"]

_DEEPEST = 20


def dumps(function: Any, operator: str) -> bytes:
    """Pickles a user's function.

    :param function: The function, function object, or a tuple of them.
    :param operator: The name of the operator, for the error.
    :return: The pickle.
    :raises TypeError: When it can't be pickled: names the operator, the function and the culprit.
    """
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(function, protocol=5))
    except Exception as error:
        raise TypeError(_explain(function, operator, error)) from error


_originals: list[Any] = []


class _Original:
    """Pickles as a reference to an object of this process."""

    def __init__(self, position: int) -> None:
        self._position = position

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return _original, (self._position,)


def _original(position: int) -> Any:
    return _originals[position]


def reference(function: Any) -> bytes:
    """Pickles a reference to a function that is called in this process: for debugging.

    :param function: The function; it is kept until the process ends.
    :return: The pickle.
    """
    import pickle

    _originals.append(function)
    return pickle.dumps(_Original(len(_originals) - 1))


def _explain(function: Any, operator: str, error: Exception) -> str:
    if isinstance(function, tuple):
        function = next((part for part in function if not _can_be_pickled(part)), function)
    path: list[str] = []
    culprit, seen = function, {id(function)}
    while len(path) < _DEEPEST:
        for name, part in _parts(culprit):
            if id(part) not in seen and not _can_be_pickled(part):
                seen.add(id(part))
                path.append(name)
                culprit = part
                break
        else:
            break
    start = (
        f"operator {operator!r}: its function {_describe(function)} can't be sent to the tasks: "
    )
    if not path:
        return f"{start}{error}"
    captured = path[0] + "".join(part if part[0] == "[" else f".{part}" for part in path[1:])
    return (
        f"{start}it captures {captured!r}, {_kind(culprit)}, which can't be pickled ({error}). "
        "Create it in open() of a function class, or inside the function, "
        "so that each subtask makes its own"
    )


def _can_be_pickled(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value, protocol=5)
    except Exception:
        return False
    return True


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Gives what a value holds, by name, as far as pickling it would go there."""
    import functools
    import types

    if isinstance(value, types.FunctionType):
        yield from _captured(value)
    elif isinstance(value, types.MethodType):
        yield "self", value.__self__
        yield value.__name__, value.__func__
    elif isinstance(value, functools.partial):
        yield "func", value.func
        yield from ((f"args[{i}]", argument) for i, argument in enumerate(value.args))
        yield from value.keywords.items()
    elif isinstance(value, dict):
        for key, element in value.items():
            yield "a key", key
            yield f"[{key!r}]", element
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{i}]", element) for i, element in enumerate(value))
    elif isinstance(value, type):
        for name, member in vars(value).items():
            if isinstance(member, (staticmethod, classmethod)):
                member = member.__func__
            if not name.startswith("__") or callable(member):
                yield name, member
    else:
        for class_ in type(value).__mro__:
            slots = class_.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if hasattr(value, slot):
                    yield slot, getattr(value, slot)
        yield from getattr(value, "__dict__", {}).items()
        yield type(value).__name__, type(value)


def _captured(function: Any) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in _global_names(code):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    positional = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    yield from zip(positional[len(positional) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()
    yield from function.__dict__.items()


def _global_names(code: Any) -> dict[str, None]:
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            names.update(_global_names(constant))
    return names


def _describe(function: Any) -> str:
    code = getattr(function, "__code__", None)
    if code is not None:
        return f"{function.__name__} at {code.co_filename}:{code.co_firstlineno}"
    name = getattr(function, "__qualname__", None)
    return f"{name}" if name else f"object of class {type(function).__qualname__}"


def _kind(value: Any) -> str:
    import types

    if isinstance(value, types.ModuleType):
        return f"the module {value.__name__}"
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else (
        f"{kind.__module__}.{kind.__qualname__}"
    )  # fmt: skip
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
