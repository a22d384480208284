"""Commands of the chat service: ``python -m chat_service --help``."""

from flask.cli import FlaskGroup

from chat_service.app import create_app

if __name__ == "__main__":
    FlaskGroup(create_app=create_app, help=__doc__).main(prog_name="python -m chat_service")
