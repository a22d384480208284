"""The reference of the HTTP API in Markdown: fields, example and errors of each operation."""

import json
from collections.abc import Iterator
from typing import Any

METHODS = ("get", "post", "put", "delete")
_HEAD = """\
# Endpoints

Generated from the code by `make docs`. Every response is JSON with `code` and `info`. Endpoints
not marked *public* need a token in `Authorization`; without a valid token the response is 401, -2
`Invalid or expired JWT`. Errors of any endpoint (404, 405, 413, 415, 429, 500, 503) have the
negative status as their code. Fields of GET and DELETE are read from the query string or JSON.
"""


def api_reference(documents: dict[str, bytes]) -> str:
    """The reference in Markdown.

    Args:
        documents: the OpenAPI document of each service, by the name of the service.
    """
    parts = [_HEAD]
    for service, text in documents.items():
        document = json.loads(text)
        parts.append(f"\n## {service}_service")
        for path, operations in sorted(document["paths"].items()):
            for method in (method for method in METHODS if method in operations):
                parts += _operation(method, path, operations[method], _Schemas(document))
    return "\n".join(parts)


class _Schemas:
    """The schemas of a document, followed through their references."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]["schemas"]

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._components[schema["$ref"].rpartition("/")[2]]
        return schema

    def example(self, schema: dict[str, Any]) -> Any:
        schema = self.resolve(schema)
        if schema.get("example") is not None:
            return schema["example"]
        if "enum" in schema:
            return schema["enum"][0]
        kind = _kinds(schema)[0]
        if kind == "object":
            fields = schema.get("properties", {})
            return {name: self.example(field) for name, field in fields.items()}
        if kind == "array":
            return [self.example(schema["items"])]
        return {"integer": 12, "boolean": True, "number": 1.5}.get(kind, "text")

    def fields(self, schema: dict[str, Any], prefix: str = "") -> Iterator[list[str]]:
        """The rows of a table: name, type, whether it is required, and what it may be."""
        schema = self.resolve(schema)
        required = schema.get("required", ())
        for name, reference in schema.get("properties", {}).items():
            field = self.resolve(reference)
            yield [f"`{prefix}{name}`", _type(field), _yes(name in required), _values(field)]
            if field.get("type") == "array":
                yield from self.fields(field["items"], f"{prefix}{name}[].")
            elif field.get("type") == "object":
                yield from self.fields(field, f"{prefix}{name}.")


def _operation(
    method: str, path: str, operation: dict[str, Any], schemas: _Schemas
) -> Iterator[str]:
    public = " *(public)*" if operation.get("security") == [] else ""
    yield f"\n### {method.upper()} {path}{public}\n"
    yield operation.get("summary", "")
    yield from _request(path, operation, schemas)
    yield from _response(operation["responses"].get("200", {}), schemas)
    if errors := list(_errors(operation, with_token=bool(public))):
        yield f"\nErrors: {', '.join(errors)}."


def _request(path: str, operation: dict[str, Any], schemas: _Schemas) -> Iterator[str]:
    fields = [
        [
            f"`{each['name']}`",
            _type(field),
            _yes(each.get("required", False)),
            _values(each | field),
        ]
        for each in sorted(operation.get("parameters", ()), key=lambda it: path.find(it["name"]))
        for field in [schemas.resolve(each["schema"])]
    ]
    for content, body in operation.get("requestBody", {}).get("content", {}).items():
        fields += schemas.fields(body["schema"])
        if content == "multipart/form-data":
            yield f"\nThe request is a form (`{content}`)."
    yield from _table(["request field", "type", "required", "values"], fields)


def _response(response: dict[str, Any], schemas: _Schemas) -> Iterator[str]:
    body = response.get("content", {}).get("application/json")
    if body is None:
        yield f"\nResponse: {', '.join(response.get('content', {})) or 'a status without body'}."
        return
    fields = [
        [name, kind, values]
        for name, kind, _, values in schemas.fields(body["schema"])
        if name not in ("`code`", "`info`")
    ]
    yield from _table(["response field", "type", "values"], fields)
    example = json.dumps(schemas.example(body["schema"]), ensure_ascii=False)
    yield f"\n```json\n{example}\n```"


def _errors(operation: dict[str, Any], *, with_token: bool) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if status in ("200", "413", "429", "default") or (status == "401" and not with_token):
            continue
        for error in response["description"].split("; "):
            yield f"{status} {error}"


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _kinds(schema: dict[str, Any]) -> list[str]:
    kinds = schema.get("type", "object")
    return kinds if isinstance(kinds, list) else [kinds]


def _type(schema: dict[str, Any]) -> str:
    kinds = [kind for kind in _kinds(schema) if kind != "null"]
    if "array" in kinds:
        return f"array of {_type(schema['items']) if 'type' in schema['items'] else 'object'}"
    if kinds == ["string"] and "format" in schema:
        return str(schema["format"])
    return " or ".join(kinds)


def _values(schema: dict[str, Any]) -> str:
    notes = [schema["description"].rstrip(".")] if schema.get("description") else []
    if "enum" in schema:
        notes.append(
            " or ".join(f"`{json.dumps(value, ensure_ascii=False)}`" for value in schema["enum"])
        )
    if "maxLength" in schema:
        notes.append(f"{schema.get('minLength', 0)} to {schema['maxLength']} characters")
    if "maximum" in schema and schema["maximum"] < 2**63 - 1:
        notes.append(f"{schema['minimum']} to {schema['maximum']}")
    if schema.get("default") is not None:
        notes.append(f"default `{json.dumps(schema['default'])}`")
    return "; ".join(notes)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else ""
