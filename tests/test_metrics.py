"""The metrics of the running product, as Prometheus scrapes them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from websocket import create_connection

from tests.client import ApiClient
from tests.factories import make_private, make_user
from tests.pictures import picture

pytestmark = pytest.mark.slow

Metrics = dict[str, float]
Scrape = Callable[[], Metrics]


@pytest.fixture
def scrape(data_dir: Path) -> Scrape:
    """The sum of each metric over all programs, by its name and labels."""
    log = data_dir.with_name(f"{data_dir.name}.log").read_text(errors="replace")
    [line] = re.findall(r"^Metrics for Prometheus: (.*)$", log, re.MULTILINE)
    urls = re.findall(r"http\S+/metrics", line)

    def samples() -> Iterator[tuple[str, float]]:
        for url in urls:
            for family in text_string_to_metric_families(requests.get(url, timeout=10).text):
                for sample in family.samples:
                    yield " ".join([sample.name, *sample.labels.values()]), sample.value

    def added_up() -> Metrics:
        metrics: Metrics = {}
        for name, value in samples():
            metrics[name] = metrics.get(name, 0) + value
        return metrics

    return added_up


def test_requests_sockets_and_messages_are_counted(
    scrape: Scrape, alice: ApiClient, bob: ApiClient
) -> None:
    chat = make_private(alice, bob)
    before = scrape()
    make_user(alice.base_url)
    alice.sign_in()
    alice.post("/account/login", email=alice.email, password="wrong")
    url = alice.base_url.replace("http", "ws", 1)
    socket = create_connection(f"{url}/ws/?token={bob.token}", timeout=10)
    try:
        alice.send_text(chat, "hello")
        alice.call(
            "POST",
            "/conversations/image",
            data={"conversationId": chat},
            files={"image": ("a.png", picture())},
        )
        socket.recv()
        meanwhile = scrape()
        assert meanwhile["ims_websockets"] >= 1
        assert meanwhile["ims_gateway_websockets"] >= 1
    finally:
        socket.close()
    after = scrape()
    counted = {
        "ims_registrations_total",
        "ims_logins_total",
        "ims_failed_logins_total password",
        "ims_messages_sent_total text",
        "ims_messages_sent_total image",
        "ims_frames_delivered_total",
        "ims_http_requests_total POST /conversations/messages 200",
        "ims_http_request_duration_seconds_count POST /conversations/messages",
    }
    assert {name for name in counted if after.get(name, 0) > before.get(name, 0)} == counted
