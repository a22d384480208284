"""Images, docker-compose.yml and the recipes of the documents in a real Docker engine.

The order of the tests matters: those that stop or break something come last.
"""

import logging
import re
import shlex
import time
from contextlib import suppress

import pytest
import requests
import yaml
from ims_client import UnreachableError

from deploy.programs import PROGRAMS
from deploy.run import ROOT
from deploy.tests.containers.conftest import Installation, is_ready, until
from deploy.tests.containers.engine import CommandError, Engine
from deploy.tests.documents import block, blocks_of
from tests.attacks.hostile import ATTACKS, Target, attacking
from tests.client import PASSWORD
from tests.factories import befriend, make_group, make_user

log = logging.getLogger(__name__)

pytestmark = pytest.mark.timeout(1800)  # The first waits for the engine and all images.

DEPLOYING = (ROOT / "docs" / "deploying.md").read_text()
COMPOSE = block("docs/deploying.md", "Docker compose", "cp ")
UPGRADE = block("docs/deploying.md", "Upgrades", "docker compose build")
BACKUP = block("docs/operations.md", "Backup and restore", "docker compose")
CLUSTER_BACKUP = block("docs/operations.md", "Backup and restore", "kubectl")
START = block("docs/deploying.md", "Docker compose", "docker compose")
ALONE = block("docs/deploying.md", "One service alone", "docker build")
ROTATION = block("docs/deploying.md", "Rotating keys and secrets", "docker compose run")
PASSWORD_CHANGE = block("docs/deploying.md", "Rotating keys and secrets", "docker compose exec")
IMAGES = block("docs/deploying.md", "Kubernetes", "docker compose")
CLUSTER = block("docs/deploying.md", "Kubernetes", "kind")
ACCOUNTS = block("docs/operations.md", "Accounts")
OUTBOX = block("docs/operations.md", "Outbox")
MEDIA = block("docs/operations.md", "Media")
EXPORT = block("docs/operations.md", "Data of one account")
BLOCKS = {
    *(START, COMPOSE, UPGRADE, BACKUP, ALONE, ROTATION, PASSWORD_CHANGE, IMAGES),
    *(ACCOUNTS, OUTBOX, MEDIA, EXPORT),
}
VERIFY = "docker compose run --rm operations"
OF_SERVICES = (
    "python -m auth_service",
    "python -m chat_service friendships resync",
    "python -m chat_service migrate",
    "python -m chat_service migrate --to 0004",
    "python -m chat_service verify",
    "python -m social_service accounts resync",
    "python -m auth_service accounts erase ID_OR_EMAIL",
)
OF_COMPOSE = (
    "docker compose ps",
    "docker compose ps -a",
    "docker compose logs mail",
    "docker compose exec auth_service python -m auth_service accounts list",
    "docker compose up",
    "docker compose down",
    "docker compose logs auth-migration",
    "docker compose --profile observed up",
    "docker compose run --rm operations python -m deploy.restore ...",
)
STATISTICS = "docker stats"
INLINE = {VERIFY, STATISTICS, *OF_SERVICES, *OF_COMPOSE}
"""Commands in the text of the documents that are typed here."""

SECONDS_OF_AN_ATTACK = 6.0
LARGEST_IDLE_MEMORY = 600  # MiB; 500 were measured.
LONG_TEXT = "史" * 255
PSQL = "docker compose exec -T postgres psql --set ON_ERROR_STOP=1 --dbname chat"
HISTORY = b"""
INSERT INTO messages (conversation_id, seq, version, sender_id, type, content, created_at)
    SELECT conversation_id, n, n, sender_id, type, content, created_at
    FROM messages, generate_series(2, %(count)d) n WHERE conversation_id = %(group)d AND seq = 1;
UPDATE conversations SET last_seq = %(count)d, version = %(count)d WHERE id = %(group)d;
"""
"""Repeats the first message of a conversation."""


def is_refused(engine: Engine, command: str) -> bool:
    try:
        engine.run(command)
    except CommandError:
        return True
    return False


def reaches(engine: Engine, service: str, host: str, port: int) -> bool:
    """Whether a container of a service can connect to a host."""
    dial = f"import socket; socket.create_connection(('{host}', {port}), 3)"
    python = "python3" if service == "mail" else "python"
    return not is_refused(engine, f'docker compose exec -T {service} {python} -c "{dial}"')


def test_the_machine_has_docker_and_nothing_else_that_is_needed(engine: Engine) -> None:
    for program in ("python3", "make", "pip"):
        assert is_refused(engine, f"command -v {program}")


def test_the_images_of_a_cluster_are_made_by_the_documented_lines(engine: Engine) -> None:
    [load] = [line for line in CLUSTER.commands if " load " in line]
    images = " ".join(re.findall(r"\bims-\S+", load))
    engine.run(f"docker image rm --force {images}")

    for command in IMAGES.commands:
        engine.run(command)

    engine.run(f"docker image inspect {images}")


def test_the_lines_of_the_readme_start_it_healthy(product: Installation) -> None:
    assert product.is_healthy()
    assert requests.get(f"{product.base_url}/readyz", timeout=5).status_code == 200


def test_idle_programs_and_servers_need_little_memory(product: Installation) -> None:
    used = product.memory()
    log.info("MiB: %s, in all %.0f", used, sum(used.values()))

    assert {*PROGRAMS, "postgres", "redis", "mail"} == used.keys()
    assert sum(used.values()) < LARGEST_IDLE_MEMORY


def test_it_is_published_to_this_machine_alone(product: Installation) -> None:
    ports = product.engine.run("docker ps --format '{{.Ports}}' | grep -o '[0-9.:]*->[0-9]*' ")

    assert ports.split() == ["127.0.0.1:8000->8000"]


def test_the_page_is_there_for_a_browser(product: Installation) -> None:
    page = requests.get(f"{product.base_url}/", timeout=5)
    scripts = re.findall(r'<script[^>]* src="([^"]+)"', page.text)

    assert page.headers["Content-Type"].startswith("text/html")
    assert scripts
    for script in scripts:
        assert requests.get(f"{product.base_url}/{script.lstrip('/.')}", timeout=5).ok


def test_the_tour_passes(product: Installation) -> None:
    assert "That was the tour." in product.engine.run("examples/tour.sh")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_can_do_little(program: str, product: Installation) -> None:
    def run(command: str) -> str:
        return product.engine.run(f"docker compose exec -T {program} sh -c '{command}'")

    status = run('id -u; grep -E "^(CapEff|NoNewPrivs)" /proc/1/status')
    folders = "/ /app /venv /data /tmp /spool"
    written = run(f"for each in {folders}; do touch $each/x 2>&1 && echo $each; done; true")

    assert status.split() == ["10001", "CapEff:", "0" * 16, "NoNewPrivs:", "1"]
    ensure_writable = [line for line in written.splitlines() if line.startswith("/")]
    assert ensure_writable == ["/data", "/tmp", "/spool"]


def test_servers_are_reached_by_those_who_need_them_alone(product: Installation) -> None:
    ways = {
        (service, host): reaches(product.engine, service, host, port)
        for service in ("gateway", "social_service", "mail")
        for host, port in (("postgres", 5432), ("redis", 6379), ("chat-service", 8000))
    }

    assert {way for way, open_ in ways.items() if open_} == {
        ("gateway", "chat-service"),
        ("social_service", "postgres"),
        ("social_service", "chat-service"),
    }


def test_the_readme_says_what_the_document_says() -> None:
    [readme] = [each for each in blocks_of("README.md") if "docker compose" in each.text]

    assert readme.commands == [line.partition("#")[0].rstrip() for line in START.commands]


def test_the_commands_of_the_documents_work(product: Installation) -> None:
    engine = product.engine
    ann = ""
    for command in (*ACCOUNTS.commands, *OUTBOX.commands, *MEDIA.commands, *OF_SERVICES[:-1]):
        typed, _, _ = re.sub(r"\b17\b", ann, command).partition("#")
        service = typed.split()[2]
        given = None
        if " create " in typed:
            typed, given = f"{typed} --password-stdin", PASSWORD.encode()
        typed = typed.replace("--to 0004", "--to head")  # Another test checks the way back.
        if typed.endswith(service):  # It lists its commands, with an error status.
            typed += " --help"
        output = engine.run(f"docker compose exec -T {service} {typed}", given=given)
        ann = ann or re.findall(r"account (\d+)", output)[0]
    for command in EXPORT.commands:
        engine.run(command.replace(" 5 ", f" {ann} "))
    assert min((engine.checkout / f"{each}.zip").stat().st_size for each in ("auth", "chat")) > 0
    erase = OF_SERVICES[-1].replace("ID_OR_EMAIL", f"{ann} --yes")
    engine.run(f"docker compose exec -T auth_service {erase}")
    for command in OF_COMPOSE[:4]:
        engine.run(command.replace("exec ", "exec -T "))


def test_one_service_runs_alone_in_a_container(product: Installation) -> None:
    engine = product.engine
    [settings] = re.findall(r"^```\n(JWT_PUBLIC.*?)^```$", DEPLOYING, re.MULTILINE | re.DOTALL)
    (engine.checkout / "social.env").write_text(settings)
    engine.run("mkdir keys && cp var/secrets/jwt-public.pem keys")

    for command in ALONE.commands:
        engine.run(command)

    until(lambda: is_ready("http://127.0.0.1:8002/readyz"), "the social service alone is ready")
    engine.run("docker rm --force --volumes social && docker volume rm social")


def test_renewing_keys_ends_no_session(product: Installation) -> None:
    alice = make_user(product.base_url, "Alice")
    accept, restart, use, _, retire, _ = ROTATION.commands

    for step in (accept, restart, use, restart):
        product.engine.run(step)
    until(lambda: is_ready(f"{product.base_url}/healthz"), "all programs are back")

    assert alice.get("/conversations").status == 200
    assert is_refused(product.engine, retire)  # A week has not passed.
    product.engine.run(retire.replace("/installation/", "--at-once /installation/"))
    product.engine.run(restart)
    until(lambda: is_ready(f"{product.base_url}/healthz"), "all programs are back")
    assert alice.get("/conversations").status == 401


def test_a_password_of_a_database_is_changed(product: Installation) -> None:
    alice = make_user(product.base_url, "Alice")

    for command in PASSWORD_CHANGE.commands:
        product.engine.run(command.replace(" exec ", " exec -T "))

    until(lambda: is_ready(f"{product.base_url}/healthz"), "all programs are back")
    assert alice.get("/conversations").status == 200
    former = "psql postgresql://chat:any@127.0.0.1/chat -c 'SELECT 1'"
    assert is_refused(product.engine, f"docker compose exec -T postgres {former}")
    product.engine.run("docker compose run --rm chat-migration")


def test_memory_limits_hold_under_every_attack(product: Installation) -> None:
    """No process is killed for memory, and no container restarts."""
    engine = product.engine
    mallory, trent = make_user(product.base_url, "Mallory"), make_user(product.base_url, "Trent")
    befriend(mallory, trent)
    group = make_group(mallory, trent)
    mallory.send_text(group, LONG_TEXT)
    engine.run(PSQL, given=HISTORY % {b"group": group, b"count": 20_000})
    host, port = "127.0.0.1", 8000
    target = Target(host, port, mallory.email, mallory.password, mallory.token, group, trent.email)
    before = product.deaths()
    assert "oom_kill" in before

    for attack in ATTACKS:
        with attacking(attack, target, seed=1):
            began = time.monotonic()
            while time.monotonic() < began + SECONDS_OF_AN_ATTACK:
                with suppress(AssertionError, UnreachableError):
                    trent.get("/conversations")
            log.info("%s: MiB %s", attack.__name__, product.memory())
        assert product.deaths() == before, attack.__name__

        until(lambda: is_ready(f"{product.base_url}/healthz"), "everything is there")

    until(product.is_healthy, "healthy after all attacks")
    until(lambda: trent.get("/conversations").status == 200, "Trent is served")
    engine.run("docker compose restart redis")  # It counted the failed sign-ins of this address.


def test_the_log_of_a_container_names_a_wrong_setting(product: Installation) -> None:
    engine = product.engine
    (engine.checkout / ".env").write_text("RATE_LIMIT_LOGINS=often")

    assert is_refused(engine, "docker compose up --detach --wait")

    output = engine.run("docker compose logs auth-migration")
    assert "RATE_LIMIT_LOGINS: is not like 20/minute" in output
    (engine.checkout / ".env").unlink()
    engine.run("docker compose up --detach --wait")


def test_redis_wants_a_password(product: Installation) -> None:
    output = product.engine.run("docker compose exec -T redis valkey-cli ping")

    assert output.startswith("NOAUTH")


def test_what_was_acknowledged_is_there_after_replicas_were_killed(product: Installation) -> None:
    engine = product.engine
    [more] = [line for line in COMPOSE.commands if "--scale" in line]
    engine.run(more.partition("#")[0])

    with product.in_use("killed") as record:
        until(lambda: record.requests["requests"] > 200, "people use it")
        one, other, *_ = product.containers_of("chat_service")
        pid = engine.run(f"docker inspect --format '{{{{.State.Pid}}}}' {one}").strip()
        engine.run(f"kill -9 {pid}", as_root=True)
        engine.run(f"docker kill {other}")
        until(lambda: record.requests["requests"] > 600, "they go on")
        engine.run("docker compose up --detach --wait")


def test_what_was_acknowledged_is_there_after_a_power_cut(product: Installation) -> None:
    engine = product.engine
    with product.in_use("power cut") as record:
        until(lambda: record.requests["requests"] > 200, "people use it")
        engine.cut_power()
        engine.start(processors="0")
        until(product.is_healthy, "healthy again by itself")


def test_it_starts_on_one_processor(product: Installation) -> None:
    """The test before has limited the engine to one processor."""
    product.engine.run("docker compose down")
    product.engine.run("docker compose up --detach --wait")
    assert product.is_healthy()
    assert product.violations() == []
    assert "That was the tour." in product.engine.run("examples/tour.sh")

    product.engine.cut_power()
    product.engine.start()
    until(product.is_healthy, "healthy on all processors")


def test_no_request_fails_while_services_with_two_replicas_are_upgraded(
    product: Installation,
) -> None:
    engine = product.engine
    settings, *_ = COMPOSE.commands
    engine.run(settings)
    engine.run("sed --in-place --regexp-extended 's/^# ([A-Z_]+=)/\\1/' .env")  # Each is set.
    engine.run("sed --in-place --regexp-extended 's/^([A-Z]+_REPLICAS=)1/\\12/' .env")
    engine.run("docker compose up --detach --wait")
    before = {service: product.containers_of(service) for service in PROGRAMS}
    (engine.checkout / "shared" / "new.txt").write_text("This makes every image a new one.")
    *services, gateway = UPGRADE.text.removesuffix("\n").rsplit("\n", 1)

    with product.in_use("upgrade") as record:
        until(lambda: record.requests["requests"] > 200, "people use it")
        retries = record.requests["retries"]
        engine.run("\n".join(services))
        failed = record.requests["retries"] - retries
        began = time.monotonic()
        engine.run(gateway)
        log.info("the gateway was replaced in %.1f s", time.monotonic() - began)
        log.info("%s requests failed then", record.requests["retries"] - retries - failed)

    assert failed == 0
    for service, containers in before.items():
        now = product.containers_of(service)
        assert len(now) == len(containers)
        assert not {*now} & {*containers}


def test_a_backup_brings_back_what_was_there(product: Installation) -> None:
    engine = product.engine
    engine.run("mkdir backups")  # Written by a user other than root.
    save, stop, restore, start = BACKUP.commands

    with product.in_use("backup") as record:
        until(lambda: len(record.pictures) > 3, "people use it")
    output = engine.run(save)
    [folder] = re.findall(r"/backups/ims-\w+", output)
    assert engine.run(f"cat {folder[1:]}/manifest.json")
    later = make_user(product.base_url)
    engine.run(stop)
    engine.run(re.sub(r"/backups/ims-\w+", folder, restore))
    engine.run(start)

    assert product.violations() == []
    assert later.post("/account/login", email=later.email, password=PASSWORD).status == 404
    assert "No violations." in engine.run(VERIFY)

    engine.run(
        "docker compose down --volumes"
    )  # Simulates another machine with the secrets and the backup.
    engine.run(OF_COMPOSE[-1].replace("...", folder))
    engine.run(start)
    assert product.violations() == []
    assert "No violations." in engine.run(VERIFY)


def test_a_pod_of_a_cluster_saves_and_restores(product: Installation) -> None:
    """It is not root, and may write its volumes, of which some belong to root."""
    engine = product.engine
    engine.run("rm -rf backups && mkdir backups && chown 10001 backups", as_root=True)
    folders = "--env DATA_DIR=/tmp --env SPOOL_DIR=/tmp"
    pod = f"docker compose run --rm --user 10001:10001 {folders} operations"
    list_, restore, verify = (
        line.partition(" -- ")[2] for line in CLUSTER_BACKUP.commands if " exec " in line
    )
    _, stop, _, start = BACKUP.commands

    with product.in_use("cluster") as record:
        until(lambda: len(record.pictures) > 3, "people use it")
    engine.run(f"{pod} {shlex.join(backup_command())}")
    [folder] = re.findall(r"ims-\d\w+", engine.run(f"{pod} {list_}"))
    later = make_user(product.base_url)
    engine.run(stop)
    engine.run(f"{pod} {restore.replace('ims-20260131T235959Z', folder)}")
    engine.run(start)

    assert product.violations() == []
    assert later.post("/account/login", email=later.email, password=PASSWORD).status == 404
    assert "No violations." in engine.run(f"{pod} {verify}")


def backup_command() -> list[str]:
    """The command of the CronJob that makes backups."""
    path = ROOT / "deploy" / "kubernetes" / "operations" / "cronjobs.yaml"
    [job] = (
        each
        for each in yaml.safe_load_all(path.read_text())
        if each["kind"] == "CronJob" and each["metadata"]["name"] == "backup"
    )
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    command: list[str] = container["command"]
    return command
