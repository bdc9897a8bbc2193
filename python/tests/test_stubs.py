"""The stubs say what there is, and everything says what it does."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import onnxplain
import pytest
from onnxplain import _onnxplain

STUBS = ast.parse((Path(onnxplain.__file__).parent / "_onnxplain.pyi").read_text())
CLASSES = {node.name: node for node in STUBS.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in STUBS.body if isinstance(node, ast.FunctionDef)}
TYPES_ONLY = {"Preset", "Parameter", "Method"}


def signature(node: ast.FunctionDef) -> list[tuple[str, str | None]]:
    """The names of a function's arguments, with their defaults."""
    found, arguments = [], node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
        found.append((argument.arg, None if default is None else repr(ast.literal_eval(default))))
    if arguments.kwarg:
        found.append((f"**{arguments.kwarg.arg}", None))
    return found


def real(function: object) -> list[tuple[str, str | None]]:
    """The same of a function that is there."""
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            found.append((f"**{parameter.name}", None))
        else:
            found.append((parameter.name, None if parameter.default is parameter.empty else repr(parameter.default)))
    return found


def test_names_agree() -> None:
    there = {name for name in vars(_onnxplain) if not name.startswith("__")}
    assert there == (set(CLASSES) | set(FUNCTIONS)) - TYPES_ONLY
    assert set(onnxplain.__all__) == (there - {"run_command"}) | {"__version__"}
    for name in onnxplain.__all__:
        assert hasattr(onnxplain, name)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_agree(name: str) -> None:
    assert signature(FUNCTIONS[name]) == real(getattr(_onnxplain, name))
    assert getattr(_onnxplain, name).__doc__


@pytest.mark.parametrize("name", sorted(set(CLASSES) - TYPES_ONLY))
def test_classes_agree(name: str) -> None:
    found, node = getattr(_onnxplain, name), CLASSES[name]
    assert found.__doc__ and found.__module__ == "onnxplain"
    assert found.__bases__ == (eval(ast.unparse(node.bases[0]), {**vars(_onnxplain)}),) if node.bases else True
    members = {member.name: member for member in node.body if isinstance(member, ast.FunctionDef)}
    is_shown = lambda member: not member.startswith("__") or member in members  # noqa: E731
    own = {member for member in vars(found) if is_shown(member)}
    assert own == set(members)
    for member, stub in members.items():
        is_property = any(isinstance(it, ast.Name) and it.id == "property" for it in stub.decorator_list)
        value = inspect.getattr_static(found, member)
        assert is_property == inspect.isdatadescriptor(value), member
        if not is_property:
            assert signature(stub) == real(getattr(found, member)), member
        if not member.startswith("_"):
            assert value.__doc__, f"{name}.{member} says nothing"
