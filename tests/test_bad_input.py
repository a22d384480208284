"""All services reject invalid input with the same responses, without any change.

The tests of each service try every kind of invalid value for every field; `test_api_document.py`
sends generated requests through the gateway.
"""

import pytest
from ims_client import Reply

from tests.client import bad, refused
from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("unchanged")

# A field of one operation of each service.
FIELDS = {"/account/login": "email", "/add_friend": "target_id", "/interface": "conversationId"}


@pytest.mark.parametrize("path", FIELDS)
def test_any_body_is_read_as_json(scene: Scene, path: str) -> None:
    def post(body: bytes) -> Reply:
        return scene.alice.call("POST", path, data=body, headers={"Content-Type": "nonsense"})

    field = FIELDS[path]
    wrong = b'{"%s": ["\\u0000"]}' % field.encode()
    assert [post(b"{"), post(b"[" * 20_000), post(b'"\xff"')] == [bad("body")] * 3
    assert [post(b"{}"), post(wrong)] == [bad(field)] * 2


@pytest.mark.parametrize("path", FIELDS)
def test_a_body_beyond_the_limit_is_too_large(scene: Scene, path: str) -> None:
    reply = scene.alice.call("POST", path, data=b" " * (17 * 2**20))

    assert reply == refused(413, -413, "Payload too large")
