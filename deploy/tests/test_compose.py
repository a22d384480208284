"""docker-compose.yml gives every program what it asks for."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import keyring
from deploy.programs import PROGRAMS, complaints
from deploy.run import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make secrets`` leaves."""
    folder = tmp_path_factory.mktemp("secrets")
    keyring.make_for_containers(folder)
    return folder


def service_of(program: str) -> dict[str, Any]:
    service: dict[str, Any] = COMPOSE["services"][program.replace("_", "-")]
    return service


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_accepts_its_environment(program: str, secrets: Path) -> None:
    given = service_of(program)["environment"]
    env = {
        name: value.replace("/run/secrets", str(secrets))
        for name, value in given.items()
        if "${" not in value  # What the user may set has a default of the program.
    }

    assert list(complaints(program, env)) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_sees_the_secrets_it_reads_and_no_others(program: str) -> None:
    service = service_of(program)
    read = {
        Path(value).name
        for value in service["environment"].values()
        if value.startswith("/run/secrets/")
    }

    assert set(service["secrets"]) == read


def test_every_secret_is_one_that_make_secrets_makes(secrets: Path) -> None:
    named = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}

    assert named == {path.name for path in secrets.iterdir()}


def test_nothing_but_the_gateway_is_published() -> None:
    published = [name for name, service in COMPOSE["services"].items() if "ports" in service]

    assert published == ["gateway"]
