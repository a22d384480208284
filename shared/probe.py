"""Health check of an image: ``python -m shared.probe URL`` fails unless the answer is 200."""

import sys

import requests


def main() -> int:
    """Ask once, past any proxy that the environment names."""
    with requests.Session() as session:
        session.trust_env = False
        return 0 if session.get(sys.argv[1], timeout=2).status_code == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
