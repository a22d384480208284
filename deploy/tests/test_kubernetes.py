"""The manifests are valid and complete, and set exactly the settings of each program."""

import os
import re
import shutil
import subprocess
from copy import deepcopy
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.programs import PROGRAMS, SERVICES, environment_of, validation_errors
from deploy.run import ROOT
from deploy.tests.extensions import errors_of, is_extension
from deploy.tests.test_compose import COMPOSE

pytestmark = pytest.mark.slow

OVERLAYS = ("development", "production")
OPERATIONS = ("backup", "operations")
"""Pods with the image of all programs."""
Manifest = dict[str, Any]


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """All manifests of an overlay."""
    return built(request.param)


@cache
def built(overlay: str) -> list[Manifest]:
    return render(ROOT / "deploy" / "kubernetes" / overlay)


def render(folder: Path) -> list[Manifest]:
    """Render the manifests of a folder."""
    for build in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(build[0]):
            done = subprocess.run([*build, folder], capture_output=True, check=False, text=True)
            assert done.returncode == 0, done.stderr
            return list(yaml.safe_load_all(done.stdout))
    missing = "NOT TESTED: Kubernetes manifests; neither kustomize nor kubectl is installed"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def with_gateway_api(folder: Path) -> list[Manifest]:
    """Render an overlay, written into a folder, with the Gateway API instead of the Ingress."""
    own = ROOT / "deploy" / "kubernetes"
    overlay = {
        "resources": [os.path.relpath(own / "base", folder)],
        "components": [os.path.relpath(own / "components" / "gateway-api", folder)],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return render(folder)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Select the manifests of one kind, by name."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def our_pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Select the pods of our own images, by the name of their owner."""
    programs = of_kind(manifests, "Deployment").items()
    jobs = of_kind(manifests, "CronJob").items()
    pods = {name: maker["spec"]["template"]["spec"] for name, maker in programs}
    pods |= {name: job["spec"]["jobTemplate"]["spec"]["template"]["spec"] for name, job in jobs}
    return {name: pod for name, pod in pods.items() if "ims-" in pod["containers"][0]["image"]}


def containers_of(pod: Manifest) -> list[Manifest]:
    """List the init containers and then the container of a pod."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def environment(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    """Return the environment of a container."""
    maps = of_kind(manifests, "ConfigMap")
    given = (maps[source["configMapRef"]["name"]]["data"] for source in container["envFrom"])
    return {name: value for each in given for name, value in each.items()}


def files_read(env: dict[str, str]) -> set[str]:
    return {value for value in env.values() if value.startswith("/etc/")}


def files_mounted(pod: Manifest, container: Manifest) -> set[str]:
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    return {
        f"{places[volume['name']]}/{item['path']}"
        for volume in pod["volumes"]
        for item in volume.get("secret", {}).get("items", [])
    }


def hyphenated(program: str) -> str:
    return program.replace("_", "-")


def test_every_manifest_is_strictly_of_its_schema(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if not is_extension(manifest):
            kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_every_extension_is_strictly_of_its_types_and_schema(tmp_path: Path) -> None:
    manifests = [*built("development"), *built("production"), *with_gateway_api(tmp_path)]
    extensions = [manifest for manifest in manifests if is_extension(manifest)]
    (tmp_path / "check").mkdir()

    assert {manifest["kind"] for manifest in extensions} == {
        *("Gateway", "HTTPRoute"),
        *("PodMonitor", "PrometheusRule"),
    }
    assert errors_of(extensions, tmp_path / "check") == ""


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"protocl": "HTTPS"}, "'\"protocl\"' does not exist"),
        ({"port": "443"}, "Type 'string' is not assignable to type 'number'"),
        ({"hostname": "IMS example"}, "hostname must match pattern"),
    ],
)
def test_a_wrong_extension_is_rejected(changed: dict[str, str], error: str, tmp_path: Path) -> None:
    gateway = deepcopy(of_kind(with_gateway_api(tmp_path), "Gateway")["ims"])
    gateway["spec"]["listeners"][0] |= changed
    (tmp_path / "check").mkdir()

    assert error in errors_of([gateway], tmp_path / "check")


def test_every_program_accepts_its_environment(manifests: list[Manifest], secrets: Path) -> None:
    (secrets / "smtp-url").write_text("smtps://user:password@smtp.example.com:465")
    (secrets / "password-transport-key").write_text("sixteen bytes ok")
    (secrets / "object-store-password").write_text("a password of the object store")
    for name, pod in our_pods(manifests).items():
        program = name.replace("cleaning", "service").replace("-", "_")
        for container in containers_of(pod):
            given = environment(manifests, container)
            env = {
                setting: str(secrets / Path(value).name) if value.startswith("/etc/") else value
                for setting, value in given.items()
            }
            read_by = SERVICES if name in OPERATIONS else (program,)
            errors = [validation_errors(each, environment_of(each, env)) for each in read_by]
            assert list(chain.from_iterable(errors)) == []


def test_a_container_sees_the_secrets_it_reads_and_no_others(manifests: list[Manifest]) -> None:
    for pod in our_pods(manifests).values():
        for container in containers_of(pod):
            read = files_read(environment(manifests, container))
            assert files_mounted(pod, container) == read


def test_every_program_runs_and_is_cleaned_and_saved(manifests: list[Manifest]) -> None:
    jobs = {"auth-cleaning", "chat-cleaning"}

    assert set(our_pods(manifests)) == {*map(hyphenated, PROGRAMS), *jobs, *OPERATIONS}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_migrates_before_it_serves(service: str, manifests: list[Manifest]) -> None:
    migrating, serving = containers_of(our_pods(manifests)[hyphenated(service)])

    assert migrating["command"] == ["python", "-m", service, "migrate"]
    assert migrating["image"] == serving["image"]
    assert migrating["envFrom"] == serving["envFrom"]


def test_every_change_can_be_applied(manifests: list[Manifest]) -> None:
    """The template of a Job is immutable, so there are no Jobs."""
    assert of_kind(manifests, "Job") == {}


def test_nothing_is_mounted_where_a_cluster_puts_tokens(manifests: list[Manifest]) -> None:
    for pod in our_pods(manifests).values():
        for container in containers_of(pod):
            places = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert not [place for place in places if place.startswith(("/run", "/var"))]


def test_a_password_is_in_no_config_map(manifests: list[Manifest]) -> None:
    for config_map in of_kind(manifests, "ConfigMap").values():
        assert "REDIS_URL" not in config_map["data"]
        assert "AWS_SECRET_ACCESS_KEY" not in config_map["data"]


def test_every_pod_that_uses_a_store_or_a_database_can_have_an_identity(
    manifests: list[Manifest],
) -> None:
    accounts = of_kind(manifests, "ServiceAccount")

    assert {pod["serviceAccountName"] for pod in our_pods(manifests).values()} == set(accounts)


def test_everything_has_the_usual_labels(manifests: list[Manifest]) -> None:
    for pod in (
        *of_kind(manifests, "Deployment").values(),
        *of_kind(manifests, "CronJob").values(),
    ):
        labels = pod["metadata"]["labels"].keys()
        assert {f"app.kubernetes.io/{name}" for name in ("name", "instance", "part-of")} <= labels


def test_no_image_has_the_tag_latest(manifests: list[Manifest]) -> None:
    for pod in our_pods(manifests).values():
        for container in containers_of(pod):
            assert not container["image"].endswith(":latest")
            assert ":" in container["image"]


def test_our_pods_may_do_nothing_that_they_need_not(manifests: list[Manifest]) -> None:
    for pod in our_pods(manifests).values():
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        for container in containers_of(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert {"cpu", "memory"} == container["resources"]["limits"].keys()
            assert {"cpu", "memory"} == container["resources"]["requests"].keys()


def test_liveness_and_readiness_have_different_probes(manifests: list[Manifest]) -> None:
    deployments = of_kind(manifests, "Deployment")
    for program in map(hyphenated, PROGRAMS):
        [container] = deployments[program]["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_proxy_alone_reaches_the_gateway(manifests: list[Manifest]) -> None:
    rules = of_kind(manifests, "Ingress")["ims"]["spec"]["rules"]
    paths = chain.from_iterable(rule["http"]["paths"] for rule in rules)
    policies = of_kind(manifests, "NetworkPolicy")
    open_to_all = [
        name
        for name, policy in policies.items()
        for way in policy["spec"].get("ingress") or []
        if "from" not in way
    ]

    assert [path["backend"]["service"]["name"] for path in paths] == ["gateway"]
    assert open_to_all == []
    assert policies["nobody"]["spec"]["podSelector"] == {}  # codespell:ignore
    [way] = policies["gateway-from-outside"]["spec"]["ingress"]
    assert [*way["from"][0]] == ["namespaceSelector"]


def test_the_gateway_api_can_take_the_place_of_the_ingress(tmp_path: Path) -> None:
    manifests = with_gateway_api(tmp_path)

    [route], [listener] = (
        of_kind(manifests, "HTTPRoute")["ims"]["spec"]["rules"],
        of_kind(manifests, "Gateway")["ims"]["spec"]["listeners"],
    )
    assert route["backendRefs"] == [{"name": "gateway", "port": 8000}]
    assert listener["protocol"] == "HTTPS"
    assert "gateway-from-outside" in of_kind(manifests, "NetworkPolicy")
    assert of_kind(manifests, "Ingress") == {}


def test_prometheus_alone_sees_metrics_of_every_program(manifests: list[Manifest]) -> None:
    deployments, pods = of_kind(manifests, "Deployment"), our_pods(manifests)
    policy = of_kind(manifests, "NetworkPolicy")["metrics"]["spec"]
    [way], [chosen] = policy["ingress"], policy["podSelector"]["matchExpressions"]
    [prometheus], [reached] = way["from"], way["ports"]
    for name in map(hyphenated, PROGRAMS):
        annotations = deployments[name]["spec"]["template"]["metadata"]["annotations"]
        [program] = pods[name]["containers"]
        port = int(environment(manifests, program)["METRICS_PORT"])
        assert annotations["prometheus.io/port"] == str(port)
        assert {"name": "metrics", "containerPort": port} in program["ports"]
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

    assert {*pods["values"]} - {f"{name}-cleaning"} == {f"{name}-service", *OPERATIONS}
    assert way["to"] == [{"podSelector": {"matchLabels": {f"{name}-database": "yes"}}}]


def test_every_program_grows_by_itself(manifests: list[Manifest]) -> None:
    scalers = of_kind(manifests, "HorizontalPodAutoscaler")
    deployments = of_kind(manifests, "Deployment")

    assert set(scalers) == set(map(hyphenated, PROGRAMS))
    for name, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in deployments[name]["spec"]


def test_prometheus_finds_every_program_under_the_name_that_alerts_use() -> None:
    [monitor] = of_kind(built("production"), "PodMonitor").values()
    [chosen] = monitor["spec"]["selector"]["matchExpressions"]
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    named, rename = endpoint["relabelings"]
    scraped = yaml.safe_load((ROOT / "deploy/observe/kubernetes/scrape.yml").read_text())
    [*_, named_without, rename_without] = scraped["scrape_configs"][0]["relabel_configs"]

    jobs = [re.sub(f"^(?:{rename['regex']})$", r"\1_service", app) for app in chosen["values"]]

    assert endpoint["port"] == "metrics"
    assert rename["replacement"] == "${1}_service"
    assert named["sourceLabels"] == named_without["source_labels"]
    assert (rename["regex"], rename["replacement"]) == (
        rename_without["regex"],
        rename_without["replacement"],
    )
    assert jobs == list(PROGRAMS)


def test_every_program_has_replicas_while_nodes_are_drained(manifests: list[Manifest]) -> None:
    assert set(of_kind(manifests, "PodDisruptionBudget")) == set(map(hyphenated, PROGRAMS))


def test_the_parts_of_development_are_those_of_compose() -> None:
    composed = {
        service["image"]
        for service in COMPOSE["services"].values()
        if not service["image"].startswith("ims-") and "profiles" not in service
    }
    manifests = built("development")
    makers = chain.from_iterable(
        of_kind(manifests, kind).values() for kind in ("Deployment", "StatefulSet")
    )
    images = {maker["spec"]["template"]["spec"]["containers"][0]["image"] for maker in makers}

    assert {image for image in images if not image.startswith("ims-")} == composed


def test_the_images_of_development_are_those_that_compose_builds() -> None:
    composed = {
        service["image"].replace("${IMS_VERSION:-dev}", "dev")
        for service in COMPOSE["services"].values()
        if "build" in service
    }
    pods = our_pods(built("development")).values()

    assert {each["image"] for pod in pods for each in containers_of(pod)} == composed
