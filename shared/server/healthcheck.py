"""Health check of an image: ``python -m shared.server.healthcheck URL``.

It fails unless the status is 200. It runs every few seconds beside each program, and therefore
imports no libraries.
"""

import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit


def main() -> int:
    """Send one request, without a proxy of the environment."""
    url = urlsplit(sys.argv[1])
    connection = HTTPConnection(url.netloc, timeout=8)
    connection.request("GET", url.path)
    return 0 if connection.getresponse().status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
