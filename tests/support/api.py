"""The public API as text: what a program may use of the package, with its signatures.

    python -m tests.support.api --write

`tests/data/public-api.txt` is that text as it was last agreed on; the suite (`test_api.py`)
compares. A difference is meant where the change is said in CHANGELOG.md, and the version with it.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

from tests.support.places import ROOT

PACKAGE = "clipseek"
"""The package whose `__all__` is public."""

FILE = ROOT / "tests" / "data" / "public-api.txt"
PROTOCOLS = {
    "__bool__", "__call__", "__contains__", "__enter__", "__exit__", "__getitem__", "__iter__",
    "__len__",
}  # fmt: skip
"""Methods that Python calls for a user. Others with such names are there in every class."""


class _Bare:
    """Text that stands in a signature as it is: annotations without quotes, defaults as `...`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def public_api(package: str) -> str:
    """Every name in the package's `__all__`, in order of the alphabet, a line or a few each."""
    module = importlib.import_module(package)
    lines: list[str] = []
    for name in sorted(module.__all__):
        lines += lines_of(name, getattr(module, name))
    return "\n".join(lines) + "\n"


def lines_of(name: str, value: Any) -> Iterator[str]:
    """A public name with its signature; of a class, its members too, one to a line and indented."""
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})" if bases else f"class {name}"
        yield from (f"    {line}" for line in sorted(_members(value)))
    elif callable(value):
        yield f"def {name}{_signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def _members(cls: type) -> Iterator[str]:
    """How it is made, methods, properties and attributes; those of the project's bases too."""
    home = cls.__module__.split(".")[0]
    own = [base for base in reversed(cls.__mro__) if base.__module__.split(".")[0] == home]
    kinds: dict[str, Any] = {}
    for base in own:
        kinds |= dict.fromkeys(_set_in_init(base)) | dict.fromkeys(vars(base))
        kinds |= inspect.get_annotations(base)
    if _is_made_as_written(cls, own):
        yield f"def __init__{_signature(cls)}"
    for name, kind in kinds.items():
        if not name.startswith("_") or name in PROTOCOLS:
            yield _member(cls, name, kind)


def _is_made_as_written(cls: type, own: list[type]) -> bool:
    """Whether the project says how, and not Python for every exception, enum or protocol."""
    if issubclass(cls, Enum) or getattr(cls, "_is_protocol", False):
        return False
    return any({"__init__", "__new__"} & vars(base).keys() for base in own)


def _member(cls: type, name: str, kind: Any) -> str:
    value = inspect.getattr_static(cls, name, None)
    if isinstance(value, property) and value.fget is not None:
        return f"{name}: {_annotation(inspect.signature(value.fget).return_annotation)}"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__} {name}{_signature(getattr(cls, name))}"
    if inspect.isfunction(value):
        return f"def {name}{_signature(value)}"
    return name if kind is None else f"{name}: {_annotation(kind)}"


def _set_in_init(cls: type) -> Iterator[str]:
    """Attributes that a written `__init__` gives to its object."""
    init = vars(cls).get("__init__")
    if not inspect.isfunction(init) or "__dataclass_fields__" in vars(cls):
        return
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(init)))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def _signature(value: Any) -> str:
    """In brackets, as it is written; a default that is an object of the program is `...`."""
    signature = inspect.signature(value)
    parameters = [
        parameter.replace(
            annotation=_bare_annotation(parameter.annotation), default=_default(parameter.default)
        )
        for parameter in signature.parameters.values()
    ]
    returned = _bare_annotation(signature.return_annotation)
    return str(signature.replace(parameters=parameters, return_annotation=returned))


def _bare_annotation(annotation: Any) -> Any:
    return annotation if annotation is inspect.Signature.empty else _Bare(_annotation(annotation))


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(default: Any) -> Any:
    if default is inspect.Parameter.empty:
        return default
    plain = isinstance(default, bool | int | float | str | tuple | None)
    return default if plain else _Bare("...")


def main() -> None:
    """Compare, or write the file anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    now = public_api(PACKAGE)
    if parser.parse_args().write:
        FILE.write_text(now, encoding="utf-8")
    elif now != FILE.read_text(encoding="utf-8"):
        sys.exit(f"{FILE.name} is of another API: python -m tests.support.api --write")


if __name__ == "__main__":
    main()
