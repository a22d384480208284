"""docker-compose.yml gives every program what it asks for."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.programs import PROGRAMS, SERVICES, complaints, environment_of
from deploy.run import ROOT

pytestmark = pytest.mark.slow

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def service_of(program: str) -> dict[str, Any]:
    service: dict[str, Any] = COMPOSE["services"][program]
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


@pytest.mark.parametrize("program", SERVICES)
def test_operations_know_what_every_service_reads(program: str, secrets: Path) -> None:
    given = service_of("operations")["environment"]
    env = {
        name: value.replace("/run/secrets", str(secrets))
        for name, value in given.items()
        if "${" not in value
    }

    assert list(complaints(program, environment_of(program, env))) == []


@pytest.mark.parametrize("program", [*PROGRAMS, "operations"])
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


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_called_by_a_name_that_stands_for_all_of_its_containers(service: str) -> None:
    called = urlsplit(COMPOSE["x-environment"][f"{service.upper()}_URL"]).hostname

    assert service_of(service)["networks"]["default"]["aliases"] == [called]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_may_do_nothing_that_it_need_not(program: str) -> None:
    service = service_of(program)

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_serves_is_started_again_when_it_ends() -> None:
    once = {"auth-migration", "social-migration", "chat-migration", "bucket", "operations"}
    kept_up = {
        name
        for name, service in COMPOSE["services"].items()
        if service.get("restart") == "unless-stopped"
    }

    assert kept_up == COMPOSE["services"].keys() - once


def test_what_others_wait_for_says_whether_it_is_healthy() -> None:
    awaited = {
        name
        for service in COMPOSE["services"].values()
        if isinstance(service.get("depends_on"), dict)
        for name, until in service["depends_on"].items()
        if until["condition"] == "service_healthy"
    }
    with_a_check = {
        name for name, service in COMPOSE["services"].items() if "healthcheck" in service
    }

    # The images of our own programs bring their check with them.
    assert awaited - with_a_check == set(SERVICES)
    assert all("HEALTHCHECK" in (ROOT / name / "Dockerfile").read_text() for name in PROGRAMS)


def test_every_image_is_of_a_named_version() -> None:
    images = [service.get("image", "") for service in COMPOSE["services"].values()]
    bases = [
        line.split()[1]
        for program in PROGRAMS
        for line in (ROOT / program / "Dockerfile").read_text().splitlines()
        if line.startswith("FROM ")
    ]

    assert len(set(bases)) == 1
    assert all(re.search(r":\D*\d+\.\d+\.\d+", base) for base in bases)
    assert all(re.search(r":\D*\d+[.-]\d+", image) for image in images if image)


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
    migration = service_of(service.replace("_service", "-migration"))
    awaited = service_of(service)["depends_on"]

    assert migration["command"] == ["python", "-m", service, "migrate"]
    assert awaited[service.replace("_service", "-migration")] == {
        "condition": "service_completed_successfully"
    }
