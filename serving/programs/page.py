"""The page to try the API on, made from its description: what is not described is not on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.api import base_of
from serving.pages.rendering import render
from serving.question import Question


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, as somebody fills it in."""

    name: str
    description: str
    choices: tuple[str, ...]
    """Of a list; none where anything may be typed."""
    is_file: bool
    is_needed: bool
    is_list: bool
    """Several, one a line."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    summary: str
    fields: tuple[Field, ...]


@cache
def operations() -> tuple[Operation, ...]:
    """Everything that is described, in its order."""
    file = Path(__file__).parents[1] / "openapi.json"
    described = json.loads(file.read_text("utf-8"))
    return tuple(
        Operation(method.upper(), path, asked["summary"], tuple(_fields(asked)))
        for path, methods in described["paths"].items()
        for method, asked in methods.items()
    )


def _fields(asked: dict[str, Any]) -> list[Field]:
    found = [
        _field(each["name"], each, each.get("required", False))
        for each in asked.get("parameters", [])
    ]
    for body in asked.get("requestBody", {}).get("content", {}).values():
        schema = body["schema"]
        found += [
            _field(name, {"schema": each, **each}, name in schema.get("required", []))
            for name, each in schema.get("properties", {}).items()
        ]
    return found


def _field(name: str, described: dict[str, Any], is_needed: bool) -> Field:
    schema = described["schema"]
    return Field(
        name=name,
        description=described.get("description", ""),
        choices=tuple(str(value) for value in schema.get("enum", ())),
        is_file=schema.get("format") == "binary" or "contentMediaType" in schema,
        is_needed=is_needed,
        is_list=schema.get("type") == "array",
    )


async def page(request: Request) -> Response:
    """Each operation with a form."""
    return render("api.html", base=base_of(request), operations=operations(), question=Question())


ROUTES = [Route("/api", page)]
