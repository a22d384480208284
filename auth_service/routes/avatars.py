"""Route of avatars, for ``<img>`` elements."""

from flask import Response, request

from auth_service.domain import avatars
from auth_service.schemas import PictureAddress
from shared.web.api import Blueprint
from shared.web.authentication import public
from shared.web.errors import NOT_FOUND

blueprint = Blueprint("avatars", __name__)


@blueprint.get("/account/avatar/<account_id>/<digest>")
@public
@blueprint.arguments(PictureAddress)
@blueprint.success(content_type="image/webp")
@blueprint.errors(NOT_FOUND)
def show_avatar(account_id: str, digest: str) -> Response:
    """Get an avatar, at most 512 pixels a side. The image of a URL never changes."""
    response = Response(avatars.get_thumbnail(account_id, digest), mimetype="image/webp")
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(digest)
    response.make_conditional(request)
    return response
