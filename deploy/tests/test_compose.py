"""docker-compose.yml gives every program what it asks for."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.programs import PROGRAMS, SERVICES, complaints
from deploy.run import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


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
    published = {
        name: service["ports"]
        for name, service in COMPOSE["services"].items()
        if "ports" in service
    }

    assert published == {
        "gateway": ["${PORT:-8000}:8000"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"],  # To whoever sits at the machine.
    }


def test_every_container_is_bounded() -> None:
    for service in COMPOSE["services"].values():
        assert {"cpus", "mem_limit", "pids_limit"} <= service.keys()


def test_a_service_can_be_run_many_times() -> None:
    for program in SERVICES:
        assert not {"container_name", "hostname", "ports"} & service_of(program).keys()


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_image_serves_its_own_program_where_the_others_look_for_it(program: str) -> None:
    build = service_of(program)["build"]
    image = (ROOT / build["dockerfile"]).read_text()
    port = urlsplit(COMPOSE["x-environment"]["CHAT_SERVICE_URL"]).port

    assert f"COPY {program} {program}\n" in image
    assert f'"0.0.0.0:{port}", "{program}.app:create_app()"' in image
    assert not [other for other in PROGRAMS if other != program and f"COPY {other}" in image]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_when_its_database_is_migrated(service: str) -> None:
    migration = service_of(service.replace("service", "migration"))
    awaited = service_of(service)["depends_on"]

    assert migration["command"] == ["python", "-m", service, "migrate"]
    assert awaited[service.replace("_service", "-migration")] == {
        "condition": "service_completed_successfully"
    }
