"""Every public name of the package, with its signature and what its docstrings say."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import clipseek
from tests.support.api import PROTOCOLS, lines_of
from tests.support.documents.markdown import code, paragraphs, prose

MEMBER = re.compile(r"(?:def |classmethod |staticmethod )?(\w+)")


def names_page() -> str:
    """Functions, then classes, in order of the alphabet; last what is neither."""
    values = {name: getattr(clipseek, name) for name in sorted(clipseek.__all__)}
    classes = [name for name, value in values.items() if inspect.isclass(value)]
    functions = [name for name, value in values.items() if inspect.isfunction(value)]
    others = sorted(values.keys() - {*classes, *functions})
    parts = ["## Functions", *(_function(name, values[name]) for name in functions)]
    parts += ["## Classes", *(_class(name, values[name]) for name in classes)]
    parts += ["## Values", *(f"- {code(*lines_of(name, values[name]))}" for name in others)]
    return "\n\n".join(parts)


def _function(name: str, value: Any) -> str:
    (signature,) = lines_of(name, value)
    return f"### {name}\n\n```python\n{signature}\n```\n\n{paragraphs(inspect.getdoc(value) or '')}"


def _class(name: str, value: type) -> str:
    head, *members = lines_of(name, value)
    parts = [f"### {name}", f"```python\n{head}\n```", paragraphs(inspect.getdoc(value) or "")]
    if members:
        parts.append("\n".join(_member(value, line.strip()) for line in members))
    return "\n\n".join(parts)


def _member(cls: type, line: str) -> str:
    found = MEMBER.match(line)
    said = _said(cls, found[1]) if found and found[1] not in PROTOCOLS else ""
    return f"- {code(line)}" + (f"  \n  {prose(said)}" if said else "")


def _said(cls: type, name: str) -> str:
    """The docstring of a method or property, or the text under an attribute."""
    value = inspect.getattr_static(cls, name, None)
    if isinstance(value, property) or inspect.isroutine(value):
        return "" if name == "__init__" else inspect.getdoc(value) or ""
    return next((said for base in cls.__mro__ for said in _under(base, name)), "")


def _under(cls: type, name: str) -> Iterator[str]:
    """What stands as a text of its own below an attribute of a class."""
    if cls.__module__ == "builtins" or "." not in cls.__module__:
        return
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    for node, after in zip(body.body, body.body[1:], strict=False):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield inspect.cleandoc(str(after.value.value))
