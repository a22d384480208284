"""Parse, decode, sanitize and encode untrusted images.

This runs in a separate process (``shared.media.imaging.server``) and imports neither gevent nor
Flask. `png`, `jpeg`, `gif` and `webp` parse the four containers, `images` decodes and encodes.
"""
