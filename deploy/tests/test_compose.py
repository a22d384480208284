"""docker-compose.yml sets every required setting of each program."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.programs import PROGRAMS, SERVICES, environment_of, settings_names, validation_errors
from deploy.run import ROOT

pytestmark = pytest.mark.slow

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def service_of(program: str) -> dict[str, Any]:
    service: dict[str, Any] = COMPOSE["services"][program]
    return service


def environment(service: str, secrets: Path) -> dict[str, str]:
    """Return the environment of a container with default settings."""
    given = {
        name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        for name, value in service_of(service)["environment"].items()
        if value is not None
    }
    return {name: value.replace("/run/secrets", str(secrets)) for name, value in given.items()}


def networks_of(service: str) -> set[str]:
    return set(service_of(service).get("networks", ()))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_accepts_its_environment(program: str, secrets: Path) -> None:
    assert list(validation_errors(program, environment(program, secrets))) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_operator_can_set_all_other_settings(program: str) -> None:
    """Every setting of a program is set here, in a file here, or taken from .env."""
    env = service_of(program)["environment"]
    left = settings_names(program) - {name.removesuffix("_FILE") for name in env}

    # The image sets the paths of files; the others have no use in these containers.
    image = {"DATA_DIR", "SPOOL_DIR"}
    assert left <= image | {"METRICS_HOST", "SQLITE_SYNCHRONOUS", "WEB_CONCURRENCY"}


@pytest.mark.parametrize("program", SERVICES)
def test_operations_know_what_every_service_reads(program: str, secrets: Path) -> None:
    env = environment("operations", secrets)

    assert list(validation_errors(program, environment_of(program, env))) == []


@pytest.mark.parametrize("program", [*PROGRAMS, "operations"])
def test_a_program_sees_the_secrets_it_reads_and_no_others(program: str) -> None:
    service = service_of(program)
    read = {
        Path(value).name
        for value in service["environment"].values()
        if value and value.startswith("/run/secrets/")
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
        "gateway": ["${LISTEN_ADDRESS:-127.0.0.1}:${PORT:-8000}:8000"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"],
    }


def test_a_container_reaches_what_it_needs_and_nothing_else() -> None:
    members = {
        network: {name for name in COMPOSE["services"] if network in networks_of(name)}
        for network in COMPOSE["networks"]
    }
    migrations = {"auth-migration", "social-migration", "chat-migration"}

    assert members == {
        "front": {"gateway"},
        "services": set(PROGRAMS),
        "database": {"postgres", "operations", *SERVICES, *migrations},
        "redis": {"redis", "operations", "auth_service", "chat_service"},
        "outside": {"mail", "operations", "auth_service", "chat_service"},
        "metrics": {"prometheus", *PROGRAMS},
        "dashboard": {"prometheus", "grafana"},
    }
    assert service_of("secrets")["network_mode"] == "none"


def test_servers_have_no_way_out() -> None:
    closed = {name for name, network in COMPOSE["networks"].items() if network}

    assert networks_of("postgres") | networks_of("redis") <= closed


def test_every_container_is_bounded() -> None:
    for service in COMPOSE["services"].values():
        assert {"cpus", "mem_limit", "pids_limit"} <= service.keys()


def test_a_service_can_be_run_many_times() -> None:
    for program in SERVICES:
        assert not {"container_name", "hostname", "ports"} & service_of(program).keys()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_called_by_a_name_that_stands_for_all_of_its_containers(service: str) -> None:
    called = urlsplit(COMPOSE["x-environment"][f"{service.upper()}_URL"]).hostname

    networks = service_of(service)["networks"]
    assert networks["services"]["aliases"] == networks["metrics"]["aliases"] == [called]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_may_do_nothing_that_it_need_not(name: str) -> None:
    service = service_of(name)

    assert service.get("read_only") or name == "grafana"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_serves_is_started_again_when_it_ends() -> None:
    once = {"auth-migration", "social-migration", "chat-migration", "operations", "secrets"}
    restarted = {
        name
        for name, service in COMPOSE["services"].items()
        if service.get("restart") == "unless-stopped"
    }

    assert restarted == COMPOSE["services"].keys() - once


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

    # The images of our own programs contain their health check.
    assert awaited - with_a_check == set(SERVICES)
    assert "HEALTHCHECK" in DOCKERFILE


def test_every_image_is_of_a_named_version() -> None:
    images = [service["image"] for service in COMPOSE["services"].values()]
    ours = [image for image in images if image.startswith("ims-")]
    [base] = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)

    assert all(image.endswith(":${IMS_VERSION:-dev}") for image in ours)
    assert re.search(r":\d+\.\d+\.\d+", base)
    assert all(re.search(r":\D*\d+[.-]\d+", image) for image in images if image not in ours)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_image_serves_its_program_at_the_expected_address(program: str) -> None:
    port = urlsplit(COMPOSE["x-environment"]["CHAT_SERVICE_URL"]).port

    service = {"context": ".", "target": "program", "args": {"PROGRAM": program}}
    assert service_of(program)["build"] == ({"context": "."} if program == "gateway" else service)
    assert f"-b 0.0.0.0:{port} " in DOCKERFILE


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_when_its_database_is_migrated(service: str) -> None:
    migration = service_of(service.replace("_service", "-migration"))
    awaited = service_of(service)["depends_on"]

    assert migration["command"] == ["python", "-m", service, "migrate"]
    assert migration["image"] == service_of(service)["image"]
    assert awaited[service.replace("_service", "-migration")] == {
        "condition": "service_completed_successfully"
    }
