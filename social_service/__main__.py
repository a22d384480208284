"""Commands of the social service: ``python -m social_service --help``."""

from flask.cli import FlaskGroup

from social_service.app import create_app

if __name__ == "__main__":
    FlaskGroup(create_app=create_app, help=__doc__).main(prog_name="python -m social_service")
