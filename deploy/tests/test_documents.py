"""Tests run the commands in the documents for operators, or the document has a reason why not."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from deploy.keyring import key_files
from deploy.run import LOOPBACK, ROOT
from deploy.tests.conftest import PATIENCE_SECONDS, Copies, free_port, until
from deploy.tests.containers import test_containers, test_observed
from deploy.tests.documents import DOCUMENTS, block, blocks_of, inline_commands_of
from deploy.tests.test_kubernetes import OVERLAYS, built
from shared.testing.secret_leaks import register_secrets

MAKE = block("docs/operations.md", "Backup and restore", "make backup")
KEYS = block("docs/operations.md", "Keys")
PROGRAM = block("docs/deploying.md", "One service alone", "pip install")
SECRET = "kubectl create secret generic secrets --from-file=var/secrets --dry-run=client -o yaml"
ELSEWHERE = {
    "make attack": ".ci/run",
    "make run": ".ci/run",
    "kubectl kustomize": "test_kubernetes.py",
}
HERE = {
    SECRET,
    ".venv/bin/python -m deploy.command auth_service accounts list",
    "python -m deploy.export ID FILE.zip",
    "sqlite3 var/chat.db VACUUM",
}
"""Commands in the text that tests of this module type."""

BLOCKS = {MAKE, KEYS, PROGRAM} | test_containers.BLOCKS
TYPED = HERE | ELSEWHERE.keys() | test_containers.INLINE | {test_observed.QUERY}
NOT_TYPED = {
    "minikube image load": "no package has minikube",
    "make bench": "it takes ten minutes of a quiet machine",
}
TO_A_CLUSTER = {
    *(
        command
        for document in DOCUMENTS
        for command in inline_commands_of(document) - {SECRET, "kubectl apply", "kubectl kustomize"}
        if command.startswith("kubectl ")
    ),
    *(
        command.partition("#")[0].strip()
        for document in DOCUMENTS
        for each in blocks_of(document)
        for command in each.commands
        if command.startswith("kubectl")
    ),
}
NO_CLUSTER = """
apiVersion: v1
kind: Config
current-context: absent
contexts: [{name: absent, context: {cluster: absent}}]
clusters: [{name: absent, cluster: {server: "http://127.0.0.1:9"}}]
"""


def type_(command: str, env: dict[str, str]) -> str:
    """Run a command of a document, which must succeed; return its output."""
    words = command.replace(".venv/bin/python", "python")
    python = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=ROOT,
        env={**os.environ, "PATH": python, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (command, done.stdout)
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_is_typed_by_a_test_or_says_why_not(document: str) -> None:
    untyped = [each for each in blocks_of(document) if not each.why_not and each not in BLOCKS]
    blocks = "\n".join(each.text for each in blocks_of(document))
    inline = {
        command
        for command in inline_commands_of(document)
        if command not in TYPED | TO_A_CLUSTER | NOT_TYPED.keys() and command not in blocks
    }

    assert untyped == []
    assert inline == set()


def test_few_commands_are_not_typed() -> None:
    not_typed = {
        command.partition("#")[0].strip()
        for document in DOCUMENTS
        for each in blocks_of(document)
        if each.why_not
        for command in each.commands
    }

    assert len(not_typed - TO_A_CLUSTER | NOT_TYPED.keys()) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(TO_A_CLUSTER))
def test_kubectl_parses_a_command_and_looks_for_the_cluster(
    command: str, secrets: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(NO_CLUSTER)
    typed = command.replace("var/secrets", str(secrets))

    done = subprocess.run(
        shlex.split(typed.replace("your/overlay", "deploy/kubernetes/production")),
        cwd=ROOT,
        env=os.environ | {"KUBECONFIG": str(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "refused" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_a_kubectl_command_exists(overlay: str) -> None:
    manifests = built(overlay)
    existing = {(one["kind"].lower(), one["metadata"]["name"]) for one in manifests}

    named = set().union(*map(objects_of, TO_A_CLUSTER))

    assert ("deployment", "operations") in named
    assert named <= existing


def objects_of(command: str) -> set[tuple[str, str]]:
    """List the kinds and names of existing objects in a kubectl command."""
    kinds = {"deploy": "deployment"}
    words = shlex.split(command.partition(" -- ")[0])
    slashed = re.findall(r"[ =](deploy|service|cronjob)/([\w-]+)(?= |$)", " ".join(words))
    objects = {(kinds.get(kind, kind), name) for kind, name in slashed}
    if "deployment" in words:
        names = words[words.index("deployment") + 1 :]
        objects |= {("deployment", name) for name in names if not name.startswith("-")}
    return objects


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_make_saves_restores_and_verifies(copies: Copies, tmp_path: Path) -> None:
    copy = copies.start().until_ready()
    person = {"email": "ann@example.com", "name": "Ann", "password": "Secret_1"}
    registered = copy.post("/account/reg", person).json()
    env = {"DATA_DIR": str(copy.data_dir), "TO": str(tmp_path / "backups")}
    save, restore, verify = (command.partition("#")[0] for command in MAKE.commands)

    output = type_(save, env)
    [folder] = re.findall(r"Saved in (\S+),", output)
    archive = tmp_path / "ann.zip"
    listed = type_(".venv/bin/python -m deploy.command auth_service accounts list", env)
    export = "python -m deploy.export ID FILE.zip".replace("ID", str(registered["id"]))
    type_(export.replace("FILE.zip", str(archive)), env)
    copy.close()
    type_(f"sqlite3 {copy.data_dir}/chat.db VACUUM", env)
    env["DATA_DIR"] = str(tmp_path / "restored")
    restored = re.sub(r"FROM=\S+", f"FROM={shlex.quote(folder)}", restore)
    type_(restored, env)
    type_(f"{restored} OVERWRITE=1", env)

    assert "ann@example.com" in listed
    assert archive.stat().st_size > 0
    assert "No violations." in type_(verify, env)
    again = copies.start(data_dir=tmp_path / "restored").until_ready()
    assert again.post("/account/login", person).json()["id"] == registered["id"]


def test_a_secret_of_the_cluster_is_what_is_in_the_folder(secrets: Path) -> None:
    output = type_(SECRET.replace("var/secrets", str(secrets)), {})

    assert yaml.safe_load(output)["data"].keys() == {path.name for path in secrets.iterdir()}


def test_keys_are_renewed_in_three_steps(tmp_path: Path) -> None:
    key_files(tmp_path / "keys")
    accept, use, retire = (
        command.partition("#")[0].replace("var/keys", str(tmp_path / "keys"))
        for command in KEYS.commands
    )

    type_(accept, {})
    type_(use, {})
    os.utime(tmp_path / "keys" / "jwt-private.pem", (0, 0))  # A week later.
    type_(retire, {})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_service_runs_without_containers(tmp_path: Path) -> None:
    install, migrate, serve = PROGRAM.commands
    keys = key_files(tmp_path / "keys")
    env = {
        "JWT_PUBLIC_KEYS_FILE": keys["JWT_PUBLIC_KEYS_FILE"],
        "INTERNAL_SECRETS": "what-the-others-show-to-this-one",
        "AUTH_SERVICE_URL": "http://auth.example.com:8000",
        "AUTH_SERVICE_SECRET": "what-this-one-shows-to-auth",
        "CHAT_SERVICE_URL": "http://chat.example.com:8000",
        "CHAT_SERVICE_SECRET": "what-this-one-shows-to-chat",
        "DATA_DIR": str(tmp_path / "data"),
    }
    for secret in ("INTERNAL_SECRETS", "AUTH_SERVICE_SECRET", "CHAT_SERVICE_SECRET"):
        register_secrets({secret: env[secret]})
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    env["PATH"] = f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}"
    here = f"{LOOPBACK}:{free_port(7)}"

    for command in (install, migrate):
        subprocess.run(["bash", "-c", command], cwd=ROOT, env=os.environ | env, check=True)
    command = serve.replace("127.0.0.1:8002", here)
    with subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=ROOT, env=os.environ | env) as it:
        until(lambda: is_ready(f"http://{here}/readyz"))
        it.terminate()


def is_ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE_SECONDS).ok
    except requests.ConnectionError:
        return False
