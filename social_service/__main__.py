"""Commands of the social service: ``python -m social_service --help``."""

from shared.operations.commands import run_commands
from social_service.app import create_app

if __name__ == "__main__":
    run_commands(create_app)
