"""The OpenAPI document of a service."""

from shared.testing.client import ApiClient
from shared.version import VERSION


def test_the_document_states_the_version_of_the_product(alice: ApiClient) -> None:
    assert alice.get("/openapi.json").json["info"]["version"] == VERSION
