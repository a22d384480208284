"""The OpenAPI document describes exactly the responses of the product."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.client import ApiClient
from tests.operations import INVITATION_LIST, OPERATIONS, Operation
from tests.scene import make_scene
from tests.strictness import EXAMPLES

HOOKS = Path(__file__).with_name("strictness.py")
SLOW = pytest.mark.slow  # Chance finds most with many examples.
EXAMPLES_PER_OPERATION = 30
SEED = 20250313
LEFT_OUT = [
    # Refusals with 400 are documented rules here (an address is taken, a message is empty); ids
    # are no floats, and a conversation goes by either of two names: no schema says all that.
    "positive_data_acceptance",
    # Fields that are not known are ignored, and ids may be strings, as the document shows them.
    "negative_data_rejection",
]


@pytest.fixture(scope="module")
def document(visitor: ApiClient) -> dict[str, Any]:
    """The document that the gateway serves."""
    part: dict[str, Any] = visitor.fetch("GET", "/openapi.json").json()
    return part


def described(document: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """The description of an operation in the document."""
    path = operation.path
    if operation is INVITATION_LIST:
        path = "/conversations/{conversation_id}/invitation"
    part: dict[str, Any] = document["paths"][path][operation.method.lower()]
    return part


def body_of(document: dict[str, Any], operation: Operation) -> list[Any]:
    """The schema of the body of an operation, if it has one."""
    content = described(document, operation).get("requestBody", {}).get("content", {})
    schemas = document["components"]["schemas"]
    return [schemas[each["schema"]["$ref"].rpartition("/")[2]] for each in content.values()]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_is_in_the_document_with_every_field(document: dict[str, Any]) -> None:
    missing = [
        f"{operation} {field.name}"
        for operation in OPERATIONS
        for text in [json.dumps([described(document, operation), body_of(document, operation)])]
        for field in operation.fields
        if f'"{field.name}"' not in text
    ]

    assert missing == []
    assert all("200" in described(document, each)["responses"] for each in OPERATIONS)


def test_every_operation_of_the_document_is_tested_with_the_others(
    document: dict[str, Any],
) -> None:
    of_their_own = {("get", "/account/avatar/{account_id}/{digest}"), ("get", "/media/{name}")}
    by_template = {INVITATION_LIST: "/conversations/{conversation_id}/invitation"}
    tested = {(each.method.lower(), by_template.get(each, each.path)) for each in OPERATIONS}

    served = {
        (method, path)
        for path, operations in document["paths"].items()
        for method in operations.keys() & {"get", "post", "put", "patch", "delete"}
    }

    assert served == tested | of_their_own


def test_the_page_of_the_document_loads_nothing_from_other_hosts(visitor: ApiClient) -> None:
    page = visitor.fetch("GET", "/docs")

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "https://" not in page.text


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phases", ["examples,coverage", pytest.param("fuzzing", marks=SLOW)])
def test_responses_to_generated_requests_are_as_documented(
    base_url: str, tmp_path: Path, phases: str
) -> None:
    scene = make_scene(base_url)
    command: list[str | Path] = [
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{base_url}/openapi.json",
        f"--url={base_url}",
        f"--header=Authorization: {scene.alice.token}",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES_PER_OPERATION}",
        "--workers=2",
        f"--phases={phases}",
        f"--exclude-checks={','.join(LEFT_OUT)}",
        # They would end the token that all others need.
        "--exclude-path=/account/delete",
        "--exclude-path=/account/logout",
        "--exclude-path=/account/sessions",
        "--generation-database=none",
        "--continue-on-failure",
        "--no-color",
    ]

    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": str(HOOKS),
            EXAMPLES: json.dumps(scene.examples() | {"origin_password": scene.alice.password}),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
