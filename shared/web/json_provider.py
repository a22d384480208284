"""The JSON format of the API."""

from typing import Any

import orjson
from flask import Response
from flask.json.provider import JSONProvider

JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class OrjsonProvider(JSONProvider):
    """JSON by orjson: UTF-8 without escapes, and times as ``2025-03-13T14:30:00Z``."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Serialize to text."""
        return orjson.dumps(obj, option=JSON_OPTIONS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse text."""
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Create a response of the serialized argument."""
        body = orjson.dumps(self._prepare_response_obj(args, kwargs), option=JSON_OPTIONS)
        return Response(body, mimetype="application/json")
