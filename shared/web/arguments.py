"""Parse the input of a request by webargs, with the errors and precedence of this API."""

import json
from codecs import BOM_UTF8
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import orjson
from flask import Request
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from shared.web.errors import UNSUPPORTED_MEDIA_TYPE, ApiError, bad_parameter
from shared.web.fields import Upload
from shared.web.forms import read_form
from shared.web.request_body import has_body

KIB = 1024
IN_QUERY = frozenset({"GET", "HEAD", "DELETE"})
_MAX_SMALL_BODY = 64 * KIB
_MAX_VALUES = 10_000  # In a larger body: what makes it large is an image, which is one value.
_MAX_DIGITS = 100


class ArgumentsParser(FlaskParser):
    """A parser with two locations: ``query_or_body`` and ``form`` (multipart, otherwise 415).

    GET and DELETE read the query string and a JSON body (the query string wins), other methods a
    JSON body of any content type. Path parameters win over both.
    """

    DEFAULT_LOCATION = "query_or_body"
    __location_map__ = {"query_or_body": "load_query_or_body", "form": "load_form"}

    def load_query_or_body(self, req: Request, schema: Schema) -> dict[str, Any]:
        """Load the fields of the query string, the JSON body and the path."""
        if req.method in IN_QUERY:
            # Most have none, and reading nothing takes as long as reading a little.
            body = req.get_data(cache=False) if has_body(req.environ) else b""
            loaded = {**(_json_object(body) if body.strip() else {}), **_query(req, schema)}
        else:
            loaded = _json_object(req.get_data(cache=False))
        return {**loaded, **(req.view_args or {})}

    def load_form(self, req: Request, schema: Schema) -> dict[str, Any]:
        """Load the fields and files of a multipart body, and the path."""
        if req.mimetype != "multipart/form-data":
            raise ApiError(UNSUPPORTED_MEDIA_TYPE)
        names = (f.data_key or name for name, f in schema.fields.items() if isinstance(f, Upload))
        return {**read_form(frozenset(names)), **(req.view_args or {})}

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        """Reject the first invalid field by its name."""
        [of_location] = error.messages_dict.values()
        raise bad_parameter(str(next(iter(of_location)))) from None


parser = ArgumentsParser(unknown=None)


def _query(req: Request, schema: Schema) -> dict[str, Any]:
    """Get the parameters of the query string; a list is a=1&a=2, a[]=1&a[]=2 or a=1,2."""
    # Flask would replace invalid UTF-8 by its percent-encoding.
    query = req.query_string.decode(errors="surrogateescape")
    args = MultiDict(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))
    parameters: dict[str, Any] = {name: values[0] for name, values in args.lists()}
    lists = (f for f in schema.fields.values() if isinstance(f, fields.List))
    for name in (f.data_key or str(f.name) for f in lists):
        if values := args.getlist(name) + args.getlist(f"{name}[]"):
            parameters[name] = ",".join(values).split(",")
    return parameters


def _json_object(body: bytes) -> dict[str, Any]:
    body = body.removeprefix(BOM_UTF8)
    if len(body) > _MAX_SMALL_BODY and sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise bad_parameter("body")  # Millions of values take all memory and a second to parse.
    try:
        loaded = orjson.loads(body)
    except ValueError:
        loaded = _parse_stdlib(body)
    if not isinstance(loaded, dict):
        raise bad_parameter("body")
    return loaded


def _parse_stdlib(body: bytes) -> Any:
    """Parse JSON that orjson rejects, such as a lone surrogate, so that its field can be named.

    A large body is not parsed twice, because that would block this process for a second.
    """
    if len(body) > _MAX_SMALL_BODY:
        raise bad_parameter("body")

    def parse_int(digits: str) -> int:
        return int(digits[:_MAX_DIGITS])  # Python parses no more digits, and no field accepts them.

    def refuse(_constant: str) -> NoReturn:
        raise ValueError

    try:
        return json.loads(body.decode(), parse_int=parse_int, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise bad_parameter("body") from None
