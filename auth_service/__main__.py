"""Commands of the auth service: ``python -m auth_service --help``."""

from auth_service.app import create_app
from shared.operations.commands import run_commands

if __name__ == "__main__":
    run_commands(create_app)
