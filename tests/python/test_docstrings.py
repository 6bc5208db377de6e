"""Every public class, method and parameter of the API says what it is for."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest

PACKAGES = ["pyflinkpp.common", "pyflinkpp.datastream", "pyflinkpp.metrics", "pyflinkpp.testing"]
NAMED = re.compile(r"^\s*:param (?:[^:]* )?\*{0,2}(\w+):", re.MULTILINE)


def public_modules() -> list[str]:
    names = list(PACKAGES)
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        names += [m.name for m in pkgutil.walk_packages(path, f"{package}.")]
    return sorted(name for name in names if not any(p.startswith("_") for p in name.split(".")))


def public_objects() -> dict[str, Any]:
    """The classes and functions that public modules offer, each under the name of where it is defined."""
    objects = {}
    for name in public_modules():
        module = importlib.import_module(name)
        for attribute in getattr(module, "__all__", ()):
            try:
                value = getattr(module, attribute)
            except NotImplementedError:
                continue  # what is not there yet says so
            if inspect.isclass(value) or inspect.isfunction(value):
                objects[f"{value.__module__}.{value.__qualname__}"] = value
    return {
        name: value
        for name, value in sorted(objects.items())
        if name.startswith("pyflinkpp.") and not value.__name__.startswith("_")
    }


OBJECTS = public_objects()


def documented(cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class, also what it inherits from private classes."""
    for name in dir(cls):
        if name.startswith("_"):
            continue
        for base in cls.__mro__:
            if name in vars(base):
                break
        else:
            continue
        if not base.__module__.startswith("pyflinkpp"):
            continue
        member = vars(base)[name]
        if isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        if inspect.isfunction(member) or isinstance(member, property):
            yield f"{base.__qualname__}.{name}", member


def parameters(function: Any) -> list[str]:
    names = list(inspect.signature(function).parameters)
    return [n for n in names if n not in ("self", "cls") and not n.startswith("_")]


def doc_of(cls: type, name: str, member: Any) -> str:
    """The docstring of a method, or of the method that it overrides."""
    docs = [member.__doc__]
    docs += [getattr(vars(base).get(name), "__doc__", None) for base in cls.__mro__]
    return next((doc for doc in docs if doc), "")


def missing(value: Any) -> Iterator[str]:
    if inspect.isfunction(value):
        if not value.__doc__:
            yield "no docstring"
        for parameter in set(parameters(value)) - set(NAMED.findall(value.__doc__ or "")):
            yield f"no :param {parameter}:"
        return
    if not vars(value).get("__doc__"):
        yield "no docstring"
    for qualified, member in documented(value):
        doc = doc_of(value, qualified.rpartition(".")[2], member)
        if not doc:
            yield f"{qualified}: no docstring"
        elif inspect.isfunction(member):
            for parameter in parameters(member):
                if parameter not in NAMED.findall(doc):
                    yield f"{qualified}: no :param {parameter}:"


def test_the_api_is_seen() -> None:
    assert len(OBJECTS) > 150
    assert "pyflinkpp.datastream._data_stream.DataStream" in OBJECTS
    assert "pyflinkpp.testing._harness.Harness" in OBJECTS


@pytest.mark.parametrize("name", OBJECTS)
def test_has_docstrings(name: str) -> None:
    assert not list(missing(OBJECTS[name]))


NOT_MADE_BY_USERS = {
    "AssignerWithPeriodicWatermarksWrapper",
    "DataStream",
    "DataStreamSink",
    "KeyedStream",
    "RuntimeContext",
    "SinkFunction",
    "SourceFunction",
}
CONSTRUCTORS = [
    name
    for name, value in OBJECTS.items()
    if inspect.isclass(value)
    and inspect.isfunction(vars(value).get("__init__"))
    and value.__name__ not in NOT_MADE_BY_USERS
]


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_classes_name_what_they_are_made_of(name: str) -> None:
    """The docstring of a class or of its ``__init__`` names the parameters of the latter."""
    cls = OBJECTS[name]
    named = NAMED.findall(f"{cls.__doc__}\n{cls.__init__.__doc__ or ''}")
    assert not set(parameters(cls.__init__)) - set(named)


def test_finds_what_is_missing() -> None:
    class Bad:
        def first(self, told, untold):
            """Does something.

            :param told: This.
            """

        def second(self):
            pass

    Bad.__module__ = "pyflinkpp.bad"
    found = [problem.rpartition("Bad")[2] for problem in missing(Bad)]
    assert found == ["no docstring", ".first: no :param untold:", ".second: no docstring"]
