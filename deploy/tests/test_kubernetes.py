"""The manifests are whole, strict, and give every program what it asks for, and no more."""

import os
import shutil
import subprocess
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.programs import PROGRAMS, SERVICES, complaints
from deploy.run import ROOT
from deploy.tests.test_compose import COMPOSE

pytestmark = pytest.mark.slow

OVERLAYS = ("development", "production")
Manifest = dict[str, Any]


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Everything that an overlay puts into a cluster."""
    return built(request.param)


@cache
def built(overlay: str) -> list[Manifest]:
    folder = ROOT / "deploy" / "kubernetes" / overlay
    for build in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(build[0]):
            done = subprocess.run([*build, folder], capture_output=True, check=True)
            return list(yaml.safe_load_all(done.stdout))
    missing = "NOT TESTED: Kubernetes manifests; neither kustomize nor kubectl is installed"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """The manifests of one kind by name."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def our_pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Pods of our own images by the name of what makes them."""
    makers = of_kind(manifests, "Deployment") | of_kind(manifests, "Job")
    pods = {name: maker["spec"]["template"]["spec"] for name, maker in makers.items()}
    return {name: pod for name, pod in pods.items() if "ims-" in pod["containers"][0]["image"]}


def environment(manifests: list[Manifest], pod: Manifest) -> dict[str, str]:
    """What the program in a pod sees."""
    [program] = pod["containers"]
    maps = of_kind(manifests, "ConfigMap")
    shared = (maps[source["configMapRef"]["name"]]["data"] for source in program["envFrom"])
    own = {each["name"]: each["value"] for each in program["env"]}
    return {name: value for given in (*shared, own) for name, value in given.items()}


def files_read(env: dict[str, str]) -> set[str]:
    return {Path(value).name for value in env.values() if value.startswith("/run/secrets/")}


def files_mounted(pod: Manifest) -> set[str]:
    [secrets] = (volume["secret"] for volume in pod["volumes"] if "secret" in volume)
    return {item["path"] for item in secrets["items"]}


def hyphenated(program: str) -> str:
    return program.replace("_", "-")


def test_every_manifest_is_strictly_of_its_schema(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.34", strict=True)


@pytest.mark.parametrize("kind", ["service", "migration"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_accepts_its_environment(
    program: str, kind: str, manifests: list[Manifest], secrets: Path
) -> None:
    (secrets / "smtp-url").write_text("smtps://user:password@smtp.example.com:465")
    (secrets / "password-transport-key").write_text("sixteen bytes ok")
    pods = our_pods(manifests)
    pod = pods.get(hyphenated(program).replace("service", kind), pods["gateway"])
    given = environment(manifests, pod)
    env = {name: value.replace("/run/secrets", str(secrets)) for name, value in given.items()}

    assert list(complaints(program, env)) == []


def test_a_pod_sees_the_secrets_it_reads_and_no_others(manifests: list[Manifest]) -> None:
    pods = our_pods(manifests)

    read = {name: files_read(environment(manifests, pod)) for name, pod in pods.items()}

    assert {name: files_mounted(pod) for name, pod in pods.items()} == read


def test_every_program_runs_and_every_service_migrates(manifests: list[Manifest]) -> None:
    migrations = {name.replace("service", "migration") for name in map(hyphenated, SERVICES)}

    assert set(our_pods(manifests)) == {*map(hyphenated, PROGRAMS), *migrations}


@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_is_the_command_of_the_image_that_serves(
    service: str, manifests: list[Manifest]
) -> None:
    pods = our_pods(manifests)
    [serving] = pods[hyphenated(service)]["containers"]
    [migrating] = pods[hyphenated(service).replace("service", "migration")]["containers"]

    assert migrating["command"] == ["python", "-m", service, "migrate"]
    assert migrating["image"] == serving["image"]


def test_our_pods_may_do_nothing_that_they_need_not(manifests: list[Manifest]) -> None:
    for pod in our_pods(manifests).values():
        [program] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert program["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert {"cpu", "memory"} == program["resources"]["limits"].keys()
        assert {"cpu", "memory"} == program["resources"]["requests"].keys()


def test_living_and_being_ready_are_asked_apart(manifests: list[Manifest]) -> None:
    deployments = of_kind(manifests, "Deployment")
    for program in map(hyphenated, PROGRAMS):
        [container] = deployments[program]["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_gateway_alone_is_open_to_the_world(manifests: list[Manifest]) -> None:
    rules = of_kind(manifests, "Ingress")["ims"]["spec"]["rules"]
    paths = chain.from_iterable(rule["http"]["paths"] for rule in rules)
    policies = of_kind(manifests, "NetworkPolicy")
    open_to_all = {
        name
        for name, policy in policies.items()
        for way in policy["spec"].get("ingress", [])
        if "from" not in way
    }

    assert [path["backend"]["service"]["name"] for path in paths] == ["gateway"]
    assert open_to_all == {"gateway"}
    assert policies["nobody"]["spec"]["podSelector"] == {}


def test_prometheus_alone_sees_metrics_of_every_program(manifests: list[Manifest]) -> None:
    deployments, pods = of_kind(manifests, "Deployment"), our_pods(manifests)
    policy = of_kind(manifests, "NetworkPolicy")["metrics"]["spec"]
    [way], [chosen] = policy["ingress"], policy["podSelector"]["matchExpressions"]
    [prometheus], [reached] = way["from"], way["ports"]
    for name in map(hyphenated, PROGRAMS):
        annotations = deployments[name]["spec"]["template"]["metadata"]["annotations"]
        [program] = pods[name]["containers"]
        port = int(environment(manifests, pods[name])["METRICS_PORT"])
        assert {"name": "metrics", "containerPort": port} in program["ports"]
        assert annotations["prometheus.io/port"] == str(port)
        assert reached == {"port": port}

    assert chosen["values"] == list(map(hyphenated, PROGRAMS))
    assert prometheus["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_database_is_reached_by_its_own_service_alone(
    service: str, manifests: list[Manifest]
) -> None:
    name = service.removesuffix("_service")
    policies = of_kind(manifests, "NetworkPolicy")
    allowed = policies[f"{name}-database"]["spec"]
    [pods] = allowed["podSelector"]["matchExpressions"]
    [way] = allowed["egress"]

    assert pods["values"] == [f"{name}-service", f"{name}-migration"]
    assert way["to"] == [{"podSelector": {"matchLabels": {f"{name}-database": "yes"}}}]


def test_chat_grows_by_itself(manifests: list[Manifest]) -> None:
    [scaler] = of_kind(manifests, "HorizontalPodAutoscaler").values()

    assert scaler["spec"]["scaleTargetRef"]["name"] == "chat-service"
    assert "replicas" not in of_kind(manifests, "Deployment")["chat-service"]["spec"]


def test_every_program_keeps_replicas_while_nodes_are_drained(manifests: list[Manifest]) -> None:
    assert set(of_kind(manifests, "PodDisruptionBudget")) == set(map(hyphenated, PROGRAMS))


def test_the_parts_of_development_are_those_of_compose() -> None:
    composed = {
        service["image"]
        for service in COMPOSE["services"].values()
        if not {"build", "profiles"} & service.keys()
    }
    manifests = built("development")
    makers = chain.from_iterable(
        of_kind(manifests, kind).values() for kind in ("Deployment", "StatefulSet", "Job")
    )
    images = {maker["spec"]["template"]["spec"]["containers"][0]["image"] for maker in makers}

    assert {image for image in images if not image.startswith("ims-")} == composed
