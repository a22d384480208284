"""Commands of the chat service: ``python -m chat_service --help``."""

from chat_service.app import create_app
from shared.operations.commands import run_commands

if __name__ == "__main__":
    run_commands(create_app)
