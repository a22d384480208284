"""The environment of the programs of one installation on this machine."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.keyring import key_files
from deploy.programs import SERVICES, with_precedence
from shared.settings import SettingsError

_URLS = "run/services.json"


def environment_for_new_run(
    data_dir: Path, urls: Mapping[str, str], user_env: Mapping[str, str]
) -> dict[str, str]:
    """Build and store the environment of an installation that starts on ``data_dir``.

    Args:
        data_dir: absolute path. Missing keys are generated.
        urls: the base URL of each service.
        user_env: the user's environment, which has precedence.

    Raises:
        SettingsError: all services have the same database.
    """
    (data_dir / _URLS).write_text(json.dumps(urls))
    return _environment(data_dir, urls, user_env)


def environment_of_existing_run(user_env: Mapping[str, str]) -> dict[str, str]:
    """Load the environment of an installation that was started on ``DATA_DIR`` before.

    If the services are deployed in another way, ``user_env`` has all their settings.

    Raises:
        SettingsError: there is none, or all services have the same database.
    """
    if all(f"{service.upper()}_URL" in user_env for service in SERVICES):
        return dict(user_env)
    data_dir = Path(user_env.get("DATA_DIR") or "var").absolute()
    try:
        urls = json.loads((data_dir / _URLS).read_text())
    except FileNotFoundError:
        raise SettingsError(
            f"DATA_DIR: nothing was ever started on {data_dir}; make run or make migrate does it"
        ) from None
    return _environment(data_dir, urls, user_env)


def _environment(
    data_dir: Path, urls: Mapping[str, str], user_env: Mapping[str, str]
) -> dict[str, str]:
    if "DATABASE_URL" in user_env:
        names = ", ".join(f"{service.upper()}_DATABASE_URL" for service in SERVICES)
        raise SettingsError(f"DATABASE_URL: each service has its own database; set {names}")
    places = {f"{service.upper()}_URL": url for service, url in urls.items()}
    defaults = {"WEB_CLIENT": "on", **places, **key_files(data_dir / "keys")}
    return with_precedence(defaults, user_env) | {"DATA_DIR": str(data_dir)}
