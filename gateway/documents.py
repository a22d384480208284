"""Documents of the gateway, served with an ETag, and compressed if the client accepts it."""

import gzip
import hashlib
from functools import cached_property

from flask import Response, request

MIN_COMPRESSED_BYTES = 1024
_COMPRESSIBLE = ("text/", "application/json", "image/svg+xml")


class Document:
    """The bytes of a document, and their compressed form.

    Args:
        body: the document.
        mimetype: its media type.
        max_age: seconds for which a cache may use it without revalidation.
        headers: additional headers of the response.
    """

    def __init__(
        self, body: bytes, mimetype: str, max_age: int = 0, headers: dict[str, str] | None = None
    ) -> None:
        self._body = body
        self._mimetype = mimetype
        self._cache_control = f"public, max-age={max_age}" if max_age else "no-cache"
        self._headers = headers or {}
        self._etag = hashlib.sha256(body).hexdigest()[:32]
        self._is_compressible = len(body) > MIN_COMPRESSED_BYTES and mimetype.startswith(
            _COMPRESSIBLE
        )

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self._body, mtime=0)

    def respond(self) -> Response:
        """Build the response to the current request: 200, or 304 if the client has the document."""
        is_compressed = self._is_compressible and request.accept_encodings["gzip"] > 0
        body = self._compressed if is_compressed else self._body
        etag = f"{self._etag}-gzip" if is_compressed else self._etag
        response = Response(body, mimetype=self._mimetype, headers=self._headers)
        if is_compressed:
            response.headers["Content-Encoding"] = "gzip"
        if self._is_compressible:
            response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = self._cache_control
        response.set_etag(etag)
        response.make_conditional(request)
        return response
