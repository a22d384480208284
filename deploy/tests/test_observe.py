"""Dashboard, alerts and targets of Prometheus, checked against the code."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.programs import PROGRAMS
from deploy.run import ROOT
from deploy.tests.containers import test_observed
from deploy.tests.test_compose import COMPOSE

pytestmark = pytest.mark.slow

OBSERVE = ROOT / "deploy" / "observe"
DASHBOARD = json.loads((OBSERVE / "grafana" / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
ALERTS = yaml.safe_load((OBSERVE / "alerts.yml").read_text())["groups"][0]["rules"]
ALERT_TESTS = Path(__file__).with_name("alerts.yml")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

# Variables that Grafana replaces in queries.
FILLED_IN = {"$__rate_interval": "1m", "$job": ".*"}


def queries() -> dict[str, str]:
    """All queries to Prometheus, by the name of their alert or panel."""
    queries = {alert["alert"]: alert["expr"] for alert in ALERTS}
    for panel in PANELS:
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in FILLED_IN.items():
                text = text.replace(name, value)
            queries[f"{panel['title']} {target['refId']}"] = text
    return queries


def exposed() -> set[str]:
    """The names of all samples that the programs export; labels appear with their first use."""
    for program in PROGRAMS:
        import_module(f"{program}.app")
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    return {
        family.name + ending
        for family in REGISTRY.collect()
        for ending in endings.get(family.type, [""])
    }


def compared_files() -> Iterator[tuple[Path, str]]:
    """Files on the host, and their paths in a container."""
    for name in ("prometheus", "grafana"):
        for volume in COMPOSE["services"][name]["volumes"]:
            source, target, *_ = volume.split(":")
            if source.startswith("./"):
                yield ROOT / source, target


@pytest.mark.parametrize("query", queries().values(), ids=queries())
def test_a_query_is_valid_and_uses_exported_metrics(query: str) -> None:
    promql_parser.parse(query)

    assert set(re.findall(r"\bims_\w+", query)) <= exposed()


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(queries().values())
    families = {family.name for family in REGISTRY.collect() if family.name.startswith("ims_")}

    assert [name for name in families if name not in shown] == []


def test_panels_stand_side_by_side() -> None:
    places = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ,
    reason="NOT TESTED: there is no promtool (on Debian: apt install prometheus)",
)
def test_alerts_fire_on_the_time_series_that_they_are_for_and_on_no_others() -> None:
    played = subprocess.run(
        ["promtool", "test", "rules", ALERT_TESTS], capture_output=True, text=True, check=False
    )

    assert played.returncode == 0, played.stdout + played.stderr


@pytest.mark.parametrize("alert", [str(alert["alert"]) for alert in ALERTS])
def test_an_alert_is_played_firing_and_silent(alert: str) -> None:
    played = [
        bool(moment.get("exp_alerts"))
        for test in yaml.safe_load(ALERT_TESTS.read_text())["tests"]
        for moment in test["alert_rule_test"]
        if moment["alertname"] == alert
    ]

    assert {True, False} <= set(played)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_is_played_on_targets_that_vanish(alert: dict[str, Any]) -> None:
    metrics = set(re.findall(r"\b(?:ims_\w+|up)\b", alert["expr"]))
    vanishing = [
        {
            each["series"].partition("{")[0]
            for each in test["input_series"]
            if "stale" in each["values"]
        }
        for test in yaml.safe_load(ALERT_TESTS.read_text())["tests"]
        if alert["alert"] in {moment["alertname"] for moment in test["alert_rule_test"]}
    ]

    assert any(metrics <= series for series in vanishing)


def test_every_alert_is_provoked_in_containers() -> None:
    assert {alert["alert"] for alert in ALERTS} == test_observed.PROVOKED


def test_an_alert_fires_for_every_missing_program() -> None:
    [missing] = [alert for alert in ALERTS if alert["alert"] == "TargetMissing"]

    assert re.findall(r'job="(\w+)"', missing["expr"]) == list(PROGRAMS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_where_to_read_what_to_do(alert: dict[str, Any]) -> None:
    file, _, anchor = alert["annotations"]["runbook"].partition("#")

    assert alert["labels"]["severity"] in ("page", "ticket")
    assert file == "docs/operations.md"
    assert f"\n### {alert['alert']}\n" in OPERATIONS
    assert anchor == alert["alert"].lower()


def test_prometheus_watches_every_program_where_it_shows_its_metrics() -> None:
    port = int(COMPOSE["x-environment"]["METRICS_PORT"])
    jobs = yaml.safe_load((OBSERVE / "prometheus.yml").read_text())["scrape_configs"]
    watched = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}

    assert {job: (place["names"], place["port"]) for job, place in watched.items()} == {
        program: ([program.replace("_", "-")], port) for program in PROGRAMS
    }


def test_containers_have_the_configured_files() -> None:
    files = dict(compared_files())
    settings = yaml.safe_load((OBSERVE / "prometheus.yml").read_text())
    provider = yaml.safe_load((OBSERVE / "grafana" / "dashboards.yml").read_text())["providers"][0]
    mounted = set(files.values())

    assert all(path.is_file() for path in files)
    assert set(settings["rule_files"]) <= mounted
    assert f"{provider['options']['path']}/dashboard.json" in mounted
