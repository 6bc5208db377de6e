"""The stub of the C++ module tells what the module has."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from pyflinkpp._engine import native

STUB = Path(__file__).resolve().parents[2] / "python" / "pyflinkpp" / "_native.pyi"
BODY = ast.parse(STUB.read_text(encoding="utf-8")).body
CLASSES = {node.name: node for node in BODY if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in BODY if isinstance(node, ast.FunctionDef)}


def members(node: ast.ClassDef) -> dict[str, ast.FunctionDef | None]:
    found: dict[str, ast.FunctionDef | None] = {}
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            found[each.name] = each
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            found[each.target.id] = None
    return found


def parameters(node: ast.FunctionDef) -> str:
    """The names of the parameters, each with its default."""
    arguments = ast.unparse(node.args)
    names = [re.sub(r":.*?(?==|$)", "", part) for part in top_level_parts(arguments)]
    return ", ".join(name.replace(" ", "") for name in names if name != "self")


def documented(function: Any) -> str | None:
    """The same of what pybind11 has written above its documentation; None where it is not known."""
    first, _, _ = (function.__doc__ or "").partition("\n")
    match = re.fullmatch(r"\w+\((.*)\)(?: -> .*)?", first)
    if match is None or "->" not in first:
        return None
    names = [re.sub(r":.*?(?= = |$)", "", part) for part in top_level_parts(match[1])]
    return ", ".join(name.replace(" ", "") for name in names if name != "self")


def top_level_parts(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def test_the_same_names() -> None:
    module = native()
    has = {name for name in vars(module) if not name.startswith("__")}
    assert has == CLASSES.keys() | FUNCTIONS.keys()
    assert {name for name in has if isinstance(getattr(module, name), type)} == CLASSES.keys()


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_members(name: str) -> None:
    told = members(CLASSES[name])
    real = vars(getattr(native(), name))
    assert {n for n in real if not n.startswith("_")} == told.keys() - {"__init__"}
    for member, node in told.items():
        if node is not None:
            signature = documented(real[member])
            assert signature in (None, parameters(node)), member


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_parameters(name: str) -> None:
    assert documented(getattr(native(), name)) == parameters(FUNCTIONS[name])
