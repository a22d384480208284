"""The environment of the programs of one copy of the product on this machine."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.keyring import key_files
from deploy.programs import SERVICES, with_precedence
from shared.settings import SettingsError

_URLS = "run/services.json"


def started(data_dir: Path, urls: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the copy that is about to start on ``data_dir``, noted for commands.

    Args:
        data_dir: absolute; its keys are made if they are missing.
        urls: where each service will listen.
        given: what the user set, which stays as it is.

    Raises:
        SettingsError: one database is named for all services.
    """
    (data_dir / _URLS).write_text(json.dumps(urls))
    return _environment(data_dir, urls, given)


def installed(given: Mapping[str, str]) -> dict[str, str]:
    """The same for a copy that was started on ``DATA_DIR`` before, whether it runs now or not.

    Where the services are deployed in another way, ``given`` says where they are, and is all.

    Raises:
        SettingsError: there is none, or one database is named for all services.
    """
    if all(f"{service.upper()}_URL" in given for service in SERVICES):
        return dict(given)
    data_dir = Path(given.get("DATA_DIR") or "var").absolute()
    try:
        urls = json.loads((data_dir / _URLS).read_text())
    except FileNotFoundError:
        raise SettingsError(
            f"DATA_DIR: nothing was ever started on {data_dir}; make run or make migrate does it"
        ) from None
    return _environment(data_dir, urls, given)


def _environment(
    data_dir: Path, urls: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    if "DATABASE_URL" in given:
        names = ", ".join(f"{service.upper()}_DATABASE_URL" for service in SERVICES)
        raise SettingsError(f"DATABASE_URL: each service has its own database; set {names}")
    places = {f"{service.upper()}_URL": url for service, url in urls.items()}
    defaults = {"WEB_CLIENT": "on", **places, **key_files(data_dir / "keys")}
    return with_precedence(defaults, given) | {"DATA_DIR": str(data_dir)}
