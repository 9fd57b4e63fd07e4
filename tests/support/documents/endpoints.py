"""Every endpoint of the HTTP API with its parameters, from its OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.documents.markdown import code, prose, table
from tests.support.places import ROOT

DESCRIPTION = ROOT / "serving" / "openapi.json"
FORM = ("multipart/form-data", "application/x-www-form-urlencoded")

Object = dict[str, Any]


def endpoints_page() -> str:
    """A section an endpoint and method, then one for each kind of answer."""
    described: Object = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    schemas: Object = described["components"]["schemas"]
    sections = [
        _endpoint(path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    answers = [_answer(name, schema) for name, schema in schemas.items()]
    return "\n\n".join(["## Endpoints", *sections, "## Answers", *answers])


def _endpoint(path: str, method: str, operation: Object) -> str:
    parts = [f"### {method.upper()} {path}", prose(operation["summary"])]
    rows = [*_parameters(operation), *_fields_of_the_form(operation)]
    if rows:
        parts.append(table(("Name", "In", "Values", "What it is"), rows))
    for status, response in operation["responses"].items():
        if status != "default":
            kinds = ", ".join(_kind_of(kind, body) for kind, body in _content(response))
            parts.append(f"{status}: {prose(response['description'])} {kinds}".rstrip())
    return "\n\n".join(parts)


def _parameters(operation: Object) -> Iterator[tuple[str, str, str, str]]:
    for parameter in operation.get("parameters", []):
        name = code(parameter["name"]) + (" (needed)" if parameter.get("required") else "")
        yield name, parameter["in"], _values(parameter["schema"]), _said(parameter)


def _fields_of_the_form(operation: Object) -> Iterator[tuple[str, str, str, str]]:
    for kind, body in _content(operation.get("requestBody", {})):
        if kind in FORM:
            schema = body["schema"]
            for name, field in schema["properties"].items():
                needed = " (needed)" if name in schema.get("required", ()) else ""
                yield code(name) + needed, "form", _values(field), _said(field)


def _answer(name: str, schema: Object) -> str:
    parts = [f"### {name}"]
    if schema.get("description"):
        parts.append(prose(schema["description"]))
    rows = [
        (code(field) + ("" if field in schema.get("required", ()) else " (not always)"),
         _values(of), _said(of))
        for field, of in schema.get("properties", {}).items()
    ]  # fmt: skip
    parts.append(table(("Key", "Values", "What it is"), rows))
    return "\n\n".join(parts)


def _content(of: Object) -> list[tuple[str, Object]]:
    return list(of.get("content", {}).items())


def _kind_of(kind: str, body: Object) -> str:
    if kind != "application/json":
        return code(kind)
    return f"JSON: {_values(body['schema'])}" if body.get("schema") else "JSON"


def _said(of: Object) -> str:
    return prose(of.get("description", "") or of.get("schema", {}).get("description", ""))


def _values(schema: Object) -> str:
    """What a schema allows, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for several, word in (("allOf", " and "), ("anyOf", " or "), ("oneOf", " or ")):
        if several in schema:
            return word.join(_values(part) for part in schema[several])
    if "enum" in schema:
        return ", ".join(code(str(value)) for value in schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    kind = schema.get("type", "any")
    if not isinstance(kind, str):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_values(schema.get('items', {}))}"
    if kind == "object" and schema.get("properties"):
        return "object with " + ", ".join(code(name) for name in schema["properties"])
    return kind + _bounds(schema)


def _bounds(schema: Object) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    default = f", default {schema['default']}" if "default" in schema else ""
    if low is not None and high is not None:
        return f", {low} to {high}{default}"
    if low is not None:
        return f", {low} or more{default}"
    return f", at most {high}{default}" if high is not None else default
