"""Images of strangers: taken apart, decoded, stripped of metadata, and encoded where they must be.

This runs in a process of its own (``shared.media.imaging.server``) and imports neither gevent nor
Flask. `png`, `jpeg`, `gif` and `webp` know the four containers, `images` decodes and encodes.
"""
