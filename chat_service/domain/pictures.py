"""Addresses of what is seen: images of messages, pictures of groups."""


def media_url(base: str, name: str) -> str:
    """Where the file ``name`` is served, for an answer whose public base is ``base``."""
    return f"{base}/media/{name}"


def group_picture_url(base: str, name: str, reference: str) -> str:
    """What is shown as a group's ``avatar``: a URL, the group's own reference, or ``""``.

    Args:
        base: the public base of the request.
        name: of the file of its uploaded picture, else ``""``.
        reference: what was put instead of a picture, else ``""``.
    """
    return media_url(base, name) if name else reference
