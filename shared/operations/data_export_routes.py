"""Route of the export of an account's data, for the auth service."""

from collections.abc import Callable, Iterator

from flask import Flask, Response

from shared.operations.data_export import ExportedFile, lines_of, within
from shared.web.api import Blueprint
from shared.web.authentication import public
from shared.web.fields import Id, RequestSchema
from shared.web.streaming import Blocks, stream_response

LINES = "application/x-ndjson"


class _Account(RequestSchema):
    account_id = Id(required=True)


def add_export_route(app: Flask, files: Callable[[int], Iterator[ExportedFile]]) -> None:
    """Add ``GET /internal/export`` to ``app``.

    Args:
        app: the service.
        files: yields all files of an account; holds no connection between two chunks.
    """
    blueprint = Blueprint("export", __name__)
    folder = app.name.removesuffix("_service")

    @blueprint.get("/internal/export")
    @public
    @blueprint.arguments(_Account)
    @blueprint.success(content_type=LINES)
    def export(account_id: int) -> Response:
        """Send all data of an account in this service as JSON lines."""
        lines = lines_of(within(folder, files(account_id)))
        blocks = Blocks.alone(lines)
        return stream_response(blocks, [blocks], LINES)

    app.register_blueprint(blueprint)
